"""All operations there are, in the order in which the API's description lists them."""

from typing import Any, Final

from daemon.operations.audit.asset import audit
from daemon.operations.audit.backfill import audit_backfill
from daemon.operations.jobs import jobs
from daemon.operations.log.listing import log
from daemon.operations.log.whole import fact
from daemon.operations.operation import Operation
from daemon.operations.plan import plan

EVERY: Final[tuple[Operation[Any, Any], ...]] = (
    jobs,
    plan,
    log,
    fact,
    audit,
    audit_backfill,
)
