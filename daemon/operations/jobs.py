"""The selections of assets that have a name."""

import msgspec

from daemon.operations.operation import PastQuestion, operation
from daemon.operations.records import Records


class Job(msgspec.Struct, frozen=True):
    """A job as JSON shows it."""

    job: str
    assets: tuple[str, ...]
    tags: dict[str, str]
    code_location: str


@operation("GET", "/jobs")
async def jobs(records: Records, asked: PastQuestion) -> list[Job]:  # noqa: ARG001 -- every operation's
    """List the jobs by name: selections of assets that are launched together."""
    catalog = (await records.world()).catalog
    return [
        Job(job.name, job.assets, job.tags, job.code_location)
        for job in sorted(catalog.jobs.values(), key=lambda job: job.name)
    ]
