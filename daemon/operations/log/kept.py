"""The log as a database keeps it, for what is asked of all of it."""

from typing import TYPE_CHECKING

from daemon.operations.errors import UsageError
from daemon.operations.records import Records

if TYPE_CHECKING:
    from events.postgres import PostgresLog


def kept_log(records: Records) -> "PostgresLog":
    """The log in the database.

    :raises UsageError: there is none, but a file.
    """
    from events.postgres import PostgresLog  # noqa: PLC0415 -- SQLAlchemy, which `--help` need not wait for

    if not isinstance(records.log, PostgresLog):
        raise UsageError("this is asked of the log in a database, and a file is none.")
    return records.log
