"""Bringing a database to this version's schema."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select

from events.crash_points import CrashPoint, reach
from events.driver import database_url, make_engine, translated
from events.errors import LogUnreadableError

_MIGRATION_LOCK: Final = 0x6261636B_66696C6C  # "backfill"


async def migrate(url: str) -> None:
    """Gives the database at ``url`` the tables of this version; any number may call it at once.

    :raises LogUnavailableError: it cannot be reached.
    :raises LogUnreadableError: a newer backfilld has changed it already.
    """
    parsed = database_url(url)
    engine = make_engine(parsed, pooled=False)
    try:
        with translated(parsed):
            async with engine.begin() as connection:
                # Held until the commit: a second daemon waits here, and then finds the work done.
                await connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
                await connection.run_sync(_upgrade)
                reach(CrashPoint.DURING_MIGRATION)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    present = MigrationContext.configure(connection).get_current_heads()
    if unknown := sorted(set(present) - known):
        raise LogUnreadableError(
            f"its database is at schema {', '.join(unknown)}, which this version of backfilld does not know",
            remedy="It was migrated by a newer backfilld: run that version, or a later one, on it.",
        )
    command.upgrade(config, "head")
