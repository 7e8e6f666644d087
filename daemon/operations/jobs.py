"""The selections of assets that have a name."""

import msgspec

from daemon.operations.operation import ListQuestion, Page, operation
from daemon.operations.paging import page_of
from daemon.operations.records import Records


class Job(msgspec.Struct, frozen=True):
    """A job as JSON shows it."""

    job: str
    assets: tuple[str, ...]
    tags: dict[str, str]
    code_location: str


@operation("GET", "/jobs")
async def jobs(records: Records, asked: ListQuestion) -> Page[Job]:
    """List the jobs by name: selections of assets that are launched together.

    :raises UsageError: the cursor is none.
    """
    catalog = (await records.world()).catalog
    rows = [Job(job.name, job.assets, job.tags, job.code_location) for job in catalog.jobs.values()]
    return page_of(sorted(rows, key=lambda row: row.job), asked, lambda row: row.job)
