"""All operations there are, in the order in which the API's description lists them."""

from typing import Any, Final

from daemon.operations.amending import amend
from daemon.operations.assets import asset, assets
from daemon.operations.audit.asset import audit
from daemon.operations.audit.backfill import audit_backfill
from daemon.operations.backfills import backfills
from daemon.operations.changing_keys import add_keys, remove_keys
from daemon.operations.diff import diff
from daemon.operations.dynamic_sets import dynamic_set, dynamic_sets
from daemon.operations.explain import explain, explain_partition
from daemon.operations.interventions import cancel, cancel_run, pause, resume
from daemon.operations.jobs import jobs
from daemon.operations.launching import launch, retry
from daemon.operations.log.listing import log
from daemon.operations.log.stats import log_stats
from daemon.operations.log.verify import verify_log
from daemon.operations.log.whole import fact
from daemon.operations.manifests import manifests
from daemon.operations.moments import moment
from daemon.operations.operation import Operation
from daemon.operations.partitions import partition_ranges, partitions
from daemon.operations.plan import plan
from daemon.operations.pools import pools
from daemon.operations.projections import check_projections, rebuild_projections
from daemon.operations.reloading import reload
from daemon.operations.run import run
from daemon.operations.run_output import run_output
from daemon.operations.runs import runs
from daemon.operations.setting_pools import set_pool
from daemon.operations.status import backfill, status
from daemon.operations.tokens import create_token, revoke_token, tokens
from daemon.operations.whatif import whatif

READING: Final[tuple[Operation[Any, Any], ...]] = (
    *(status, moment),
    *(backfills, backfill, explain, explain_partition),
    *(runs, run, run_output),
    *(assets, asset, partitions, partition_ranges),
    *(dynamic_sets, dynamic_set, pools, jobs, manifests),
    *(plan, whatif),
    *(log, fact, log_stats, verify_log, diff, audit, audit_backfill),
    *(tokens, check_projections),
)
CHANGING: Final[tuple[Operation[Any, Any], ...]] = (
    *(launch, retry, pause, resume, cancel, amend, cancel_run),
    *(set_pool, add_keys, remove_keys, reload),
    *(create_token, revoke_token, rebuild_projections),
)
EVERY: Final = READING + CHANGING
