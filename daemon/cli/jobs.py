"""`backfilld jobs`: the selections of assets that have a name."""

from daemon.cli.invocation import Invocation, LimitOption, command
from daemon.cli.opening import ask
from daemon.cli.output import Column
from daemon.fact_text import counted
from daemon.operations.jobs import jobs as list_jobs
from daemon.operations.operation import ListQuestion


@command
def jobs(invocation: Invocation, *, limit: LimitOption = 0) -> None:
    """List the jobs: selections of assets that are launched together under a name.

    backfilld launch nightly --all
    """
    found = ask(invocation, list_jobs, ListQuestion(limit=limit))
    invocation.output.page(found, JOB_COLUMNS, empty="No jobs: no code declares any.")


JOB_COLUMNS = [
    Column("job", lambda row: row.job, style="bold"),
    Column("launches", lambda row: counted(len(row.assets), "asset")),
    Column("which", lambda row: "\n".join(row.assets)),
    Column("tags", lambda row: "\n".join(f"{name}={value}" for name, value in row.tags.items())),
    Column("code", lambda row: row.code_location, style="dim"),
]
