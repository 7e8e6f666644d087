"""All operations there are, in the order in which the API's description lists them."""

from typing import Any, Final

from daemon.operations.jobs import jobs
from daemon.operations.operation import Operation
from daemon.operations.plan import plan

EVERY: Final[tuple[Operation[Any, Any], ...]] = (jobs, plan)
