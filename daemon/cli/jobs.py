"""`backfilld jobs`: the selections of assets that have a name."""

import msgspec

from daemon.cli.assets import nothing_text
from daemon.cli.invocation import Invocation, LimitOption, command
from daemon.cli.opening import with_records
from daemon.cli.output import Column
from daemon.fact_text import counted
from daemon.operations.records import Records
from projections.world import World


class JobRow(msgspec.Struct, frozen=True):
    """A job as JSON shows it."""

    job: str
    assets: tuple[str, ...]
    tags: dict[str, str]
    code_location: str


@command
def jobs(invocation: Invocation, *, limit: LimitOption = 0) -> None:
    """List the jobs: selections of assets that are launched together under a name.

    backfilld launch nightly --all
    """

    async def read(records: Records) -> World:
        return await records.world()

    world = with_records(invocation, read)
    catalog = world.catalog
    rows = [
        JobRow(job.name, job.assets, job.tags, job.code_location)
        for job in sorted(catalog.jobs.values(), key=lambda job: job.name)
    ]
    shown = rows[:limit] if limit else rows
    empty = nothing_text(world) if not catalog.assets else "No jobs: no code declares any."
    invocation.output.table(shown, JOB_COLUMNS, empty=empty, more=len(rows) - len(shown))


JOB_COLUMNS = [
    Column("job", lambda row: row.job, style="bold"),
    Column("launches", lambda row: counted(len(row.assets), "asset")),
    Column("which", lambda row: "\n".join(row.assets)),
    Column("tags", lambda row: "\n".join(f"{name}={value}" for name, value in row.tags.items())),
    Column("code", lambda row: row.code_location, style="dim"),
]
