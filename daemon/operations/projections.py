"""Whether the tables and snapshots say what the log says, and making them anew."""

import msgspec

from daemon.operations.errors import RefusedError
from daemon.operations.operation import Question, Role, operation
from daemon.operations.records import Records
from projections.tables.checked import Checked


class RebuiltTables(msgspec.Struct, frozen=True):
    """What the new tables hold, as JSON shows it."""

    position: int
    rows: dict[str, int]  # by table
    snapshots_mended: int


@operation("POST", "/projections/check", role=Role.ADMIN)
async def check_projections(records: Records, asked: Question) -> Checked:  # noqa: ARG001 -- every operation's
    """Fold the log anew and compare the tables and the newest snapshots with it. Nothing is changed."""
    return await records.check_projections()


@operation("POST", "/projections/rebuild", role=Role.ADMIN)
async def rebuild_projections(records: Records, asked: Question) -> RebuiltTables:  # noqa: ARG001 -- as above
    """Make the tables anew from the log, beside the old ones, and put them in their place at once.

    Snapshots that do not say what the log says are replaced too.

    :raises RefusedError: somebody else is at it.
    """
    rebuilt = await records.rebuild_projections()
    if rebuilt is None:
        raise RefusedError("somebody else is making the tables anew already; wait for that.")
    return RebuiltTables(**rebuilt._asdict())
