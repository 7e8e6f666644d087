"""The fold that makes the account of a backfill out of its facts, a million runs as well as one."""

from collections import Counter
from copy import copy
from datetime import datetime
from typing import Final

import msgspec

from events.envelope import Recorded
from events.facts import (
    BackfillAmended,
    BackfillCancelRequested,
    BackfillCompleted,
    BackfillPaused,
    BackfillRequested,
    BackfillResumed,
    Failure,
    PartitionFailed,
    PartitionKeys,
    PartitionMaterialized,
    PartitionSkipped,
    RunCancelRequested,
    RunFailed,
    RunGroup,
    RunLaunched,
    RunLost,
)
from projections.audit.account import (
    Asking,
    AssetAccount,
    BackfillAccount,
    Failed,
    Intervened,
    Moment,
    PlannedRuns,
    Proof,
    Skip,
)
from projections.audit.run_times import RunTimes, RunUnderWay, seconds_between
from projections.backfill.state import Backfill
from projections.catalog import policy_text
from projections.plan import Plan
from projections.progress import progress_of
from projections.sets import bitmap, ranges_of
from projections.world import World

KEPT_MAX: Final = 200  # failures, and skips; all are counted
NO_VERSION: Final = ""
RUNS: Final = "its runs"  # each says of itself what it did; a million of them are one actor here
MILESTONES: Final = (25, 50, 75, 100)  # percent of the partitions

Intervention = (
    BackfillPaused | BackfillResumed | BackfillAmended | BackfillCancelRequested | RunCancelRequested
)
_DONE: Final = {
    BackfillPaused: "paused",
    BackfillResumed: "resumed",
    BackfillAmended: "amended",
    BackfillCancelRequested: "canceled",
    RunCancelRequested: "a run canceled",
}


class _Filled(msgspec.Struct):
    """What was filled of an asset."""

    first_at: datetime | None = None
    last_at: datetime | None = None
    versions: Counter[str] = msgspec.field(default_factory=Counter)


class Accounting:
    """Adds up one backfill; it is told its facts in the log's order, and asked for the account at the end.

    It holds the runs under way, and of those that ended a number each.
    """

    def __init__(self, world: World, backfill: Backfill) -> None:
        """``world`` knows the backfill as of the last fact that will be told, and may move on from here."""
        self._backfill = copy(backfill)
        self._filled_then = {asset: each.materialized.copy() for asset, each in backfill.assets.items()}
        self._progress = progress_of(backfill)
        self._plan: Plan | None = world.plan_of(backfill.request, backfill.request_position)
        self._times = RunTimes()
        self._filled = {asset: _Filled() for asset in backfill.assets}
        self._filled_total = 0
        self._timeline: list[Moment] = []
        self._interventions: list[Intervened] = []
        self._paused_at: datetime | None = None
        self._paused_s = 0.0
        self._failures: list[Failed] = []
        self._failure_types = Counter[str]()
        self._skips: list[Skip] = []
        self._skips_total = 0
        self._actors: dict[str, Counter[str]] = {}
        self._manifests_run = Counter[str]()
        self._first_position = self._last_position = 0
        self._last_at = backfill.requested_at

    def told(self, recorded: Recorded) -> None:
        """One more fact about the backfill."""
        fact = recorded.fact
        self._first_position = self._first_position or recorded.position
        self._last_position, self._last_at = recorded.position, recorded.at
        by = RUNS if recorded.actor == f"run {recorded.run_id}" else recorded.actor
        self._actors.setdefault(by, Counter())[type(fact).__name__] += 1
        run = self._times.of(recorded.run_id)
        self._times.told(recorded)
        match fact:
            case BackfillRequested():
                self._happened(recorded, "requested")
            case RunLaunched():
                if not self._manifests_run:
                    self._happened(recorded, f"first launch: {recorded.run_id}")
                self._manifests_run[fact.manifest_digest] += 1
            case PartitionMaterialized():
                self._materialized(recorded, fact)
            case PartitionFailed():
                self._failed(recorded, fact, run)
            case RunFailed() | RunLost():
                if isinstance(fact, RunLost) or run is None or not run.has_failure:
                    self._failed(recorded, fact, run)
            case PartitionSkipped():
                self._skips_total += 1
                if len(self._skips) < KEPT_MAX:
                    self._skips.append(Skip(fact.asset, fact.partitions, fact.causes))
            case BackfillCompleted():
                self._goes_on(recorded.at)
                self._happened(recorded, f"ended: {fact.outcome}")
            case _ if isinstance(fact, Intervention):
                self._intervened(recorded, fact)
            case _:
                pass

    def account(
        self, *, now: datetime, head: int, head_digest: str | None, left_out: tuple[str, ...]
    ) -> BackfillAccount:
        """What the facts came to. A pause that goes on is counted up to ``now``."""
        backfill, request = self._backfill, self._backfill.request
        self._goes_on(now)
        facts = sum(counts.total() for counts in self._actors.values())
        return BackfillAccount(
            backfill_id=backfill.id,
            status=backfill.status,
            ended_at=backfill.completed_at,
            asking=asking_of(backfill),
            plan_digest=request.plan_digest,
            runs_planned=request.runs_total,
            planned=tuple(map(planned_runs, request.groups)),
            left_out=left_out,
            manifests=request.manifests,
            interventions=tuple(self._interventions),
            assets={asset: self._asset_account(asset) for asset in self._progress.assets},
            timeline=tuple(self._timeline),
            costs=self._times.costs(backfill, last_at=self._last_at, paused_s=self._paused_s),
            failures=tuple(self._failures),
            failures_total=self._failure_types.total(),
            failures_by_type=dict(self._failure_types.most_common(KEPT_MAX)),
            skips=tuple(self._skips),
            skips_total=self._skips_total,
            actors={actor: dict(counts) for actor, counts in self._actors.items()},
            manifests_run=dict(self._manifests_run),
            proof=Proof(facts, self._first_position, self._last_position, head, head_digest),
        )

    def _happened(self, recorded: Recorded, what: str) -> None:
        self._timeline.append(Moment(recorded.at, recorded.position, what))

    def _materialized(self, recorded: Recorded, fact: PartitionMaterialized) -> None:
        count = 1 if fact.partitions is None else fact.partitions.count
        filled = self._filled.setdefault(fact.asset, _Filled())
        filled.first_at = filled.first_at or recorded.at
        filled.last_at = recorded.at
        filled.versions[fact.code_version or NO_VERSION] += count
        targeted = self._progress.partitions.targeted
        before, self._filled_total = self._filled_total, min(self._filled_total + count, targeted)
        for percent in MILESTONES:
            if 100 * before < percent * targeted <= 100 * self._filled_total:
                self._happened(recorded, f"{percent} % materialized")

    def _failed(
        self, recorded: Recorded, fact: PartitionFailed | RunFailed | RunLost, run: RunUnderWay | None
    ) -> None:
        """An attempt has failed, at an asset or as a whole."""
        if not self._failure_types:
            self._happened(recorded, f"first failure: {recorded.run_id}")
        failure = Failure("RunLost", fact.reason) if isinstance(fact, RunLost) else fact.failure
        self._failure_types[failure.type] += 1
        if len(self._failures) == KEPT_MAX:
            return
        asset: str | None = None
        partitions: PartitionKeys | None = None
        if isinstance(fact, PartitionFailed):
            asset, partitions = fact.asset, fact.partitions
        elif run is not None:
            asset, partitions = run.unreported, run.launch.partitions
        self._failures.append(
            Failed(
                at=recorded.at,
                run_id=recorded.run_id,
                attempt=None if run is None else run.launch.attempt,
                asset=asset,
                partitions=partitions,
                failure=failure,
                filled_later=None if asset is None else self._filled_in_the_end(asset, partitions),
            )
        )

    def _filled_in_the_end(self, asset: str, partitions: PartitionKeys | None) -> int | None:
        if self._plan is None or asset not in self._plan.group_of:
            return None
        ordinals = bitmap(ranges_of(partitions, self._plan.group_of[asset].partitions))
        return ordinals.intersection_cardinality(self._filled_then[asset])

    def _intervened(self, recorded: Recorded, fact: Intervention) -> None:
        if isinstance(fact, BackfillPaused):
            self._paused_at = self._paused_at or recorded.at
        elif isinstance(fact, BackfillResumed):
            self._goes_on(recorded.at)
        self._interventions.append(
            Intervened(
                at=recorded.at,
                by=recorded.actor,
                what=_DONE[type(fact)],
                reason=fact.reason,
                run_id=recorded.run_id,
                change=fact if isinstance(fact, BackfillAmended) else None,
                position=recorded.position,
            )
        )
        self._happened(recorded, f"{_DONE[type(fact)]} by {recorded.actor}")

    def _goes_on(self, at: datetime) -> None:
        """A pause, if there is one, has lasted until now."""
        if self._paused_at is not None:
            self._paused_s += seconds_between(self._paused_at, at)
            self._paused_at = None

    def _asset_account(self, asset: str) -> AssetAccount:
        filled = self._filled[asset]
        return AssetAccount(
            counts=self._progress.assets[asset],
            existing=None if self._plan is None else len(self._plan.group_of[asset].partitions),
            run_s=round(self._times.asset_s[asset], 3),
            first_filled_at=filled.first_at,
            last_filled_at=filled.last_at,
            code_versions=dict(filled.versions),
        )


def asking_of(backfill: Backfill) -> Asking:
    """The request as it was made, whatever was amended since."""
    request = backfill.request
    return Asking(
        at=backfill.requested_at,
        by=backfill.requested_by,
        reason=request.reason,
        selection=request.selection,
        partitions_text=request.partitions_text,
        partitions_as_of=request.partitions_as_of,
        parent_backfill_id=request.parent_backfill_id,
        max_concurrent_runs=request.max_concurrent_runs,
        order=request.order,
        priority=request.priority,
        only_between=request.only_between,
        tags=request.tags,
    )


def planned_runs(group: RunGroup) -> PlannedRuns:
    """The runs of one group."""
    policy = None if group.partitions is None else policy_text(group.partitions_per_run_max)
    return PlannedRuns(group.assets, group.code_location, group.partitions, policy, group.runs_total)
