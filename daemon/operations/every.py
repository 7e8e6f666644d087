"""All operations there are, in the order in which the API's description lists them."""

from typing import Any, Final

from daemon.operations.amending import amend
from daemon.operations.audit.asset import audit
from daemon.operations.audit.backfill import audit_backfill
from daemon.operations.changing_keys import add_keys, remove_keys
from daemon.operations.interventions import cancel, cancel_run, pause, resume
from daemon.operations.jobs import jobs
from daemon.operations.log.listing import log
from daemon.operations.log.whole import fact
from daemon.operations.operation import Operation
from daemon.operations.plan import plan
from daemon.operations.setting_pools import set_pool
from daemon.operations.tokens import create_token, revoke_token, tokens

READING: Final[tuple[Operation[Any, Any], ...]] = (
    jobs,
    plan,
    log,
    fact,
    audit,
    audit_backfill,
    tokens,
)
CHANGING: Final[tuple[Operation[Any, Any], ...]] = (
    pause,
    resume,
    cancel,
    amend,
    cancel_run,
    set_pool,
    add_keys,
    remove_keys,
    create_token,
    revoke_token,
)
EVERY: Final[tuple[Operation[Any, Any], ...]] = (*READING, *CHANGING)
