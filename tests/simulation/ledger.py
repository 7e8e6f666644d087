"""What the facts say, read by hand: keys, not ordinals; lists, not folds. The checks are made against it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import product

from events.envelope import Recorded
from events.facts import (
    BackfillAmended,
    BackfillCompleted,
    BackfillRequested,
    Outcome,
    PartitionFailed,
    PartitionKeys,
    PartitionMaterialized,
    RunLaunched,
)
from tests.simulation.pipelines import Code, DrawnAsset
from tests.simulation.spaces import ONLY, Keys
from tests.simulation.stage import ViolationError


@dataclass
class Target:
    """An asset in a backfill: its keys in order when the backfill was requested, and what became of them."""

    drawn: DrawnAsset
    keys: Keys
    wanted: frozenset[str]
    materialized: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    canceled: set[str] = field(default_factory=set)  # with their run, or dropped

    @property
    def unsettled(self) -> frozenset[str]:
        """What was neither filled nor skipped nor canceled by now."""
        return self.wanted - self.materialized - self.skipped - self.canceled

    def lacking(self, key: str, targets: Mapping[str, "Target"]) -> list[str]:
        """The assets upstream of which something was not filled that a key needs."""
        return [
            need.upstream
            for need in self.drawn.needs
            if (upstream := targets.get(need.upstream)) is not None
            and (need.link.needs(key, upstream.keys) & upstream.wanted) - upstream.materialized
        ]

    def named(self, partitions: PartitionKeys | None) -> list[str]:
        """The keys that a fact's ranges mean."""
        if partitions is None:
            return [ONLY]
        found = [key for first, last in partitions.ranges for key in self._from(first, last)]
        if len(found) != partitions.count:
            raise ViolationError(f"{partitions} of {self.drawn.name} are {len(found)} keys")
        return found

    def _from(self, first: str, last: str) -> Iterator[str]:
        """The keys from one to another, of pairs those of the box with these corners."""
        parts = [
            list(dict.fromkeys(part)) for part in zip(*(key.split("|") for key in self.keys), strict=True)
        ]
        spans = []
        for part, start, stop in zip(parts, first.split("|"), last.split("|"), strict=True):
            if start not in part or stop not in part:
                raise ViolationError(f"{first}...{last} are no keys of {self.drawn.name}")
            spans.append(part[part.index(start) : part.index(stop) + 1])
        return ("|".join(chosen) for chosen in product(*spans))


@dataclass
class Asked:
    """A backfill."""

    id: str
    request: Recorded
    targets: dict[str, Target]
    limit: int | None
    only_between: str | None
    retries_max: int | None = None  # amended
    is_paused: bool = False
    is_canceled: bool = False
    completed: BackfillCompleted | None = None

    @property
    def outcome(self) -> Outcome:
        """How it ends, if nothing more is to be done of it."""
        targets = self.targets.values()
        if self.is_canceled:
            return "canceled"
        if all(target.wanted == target.materialized for target in targets):
            return "succeeded"
        if any(target.unsettled for target in targets):
            return "failed"
        return "canceled" if any(target.canceled for target in targets) else "failed"


@dataclass
class Run:
    """A run, from its launch."""

    id: str
    backfill: Asked
    launch: Recorded
    fact: RunLaunched
    keys: dict[str, list[str]]  # by asset
    left: dict[str, set[str]]  # by asset, what it has not reported on yet
    pools: frozenset[str]
    facts: list[Recorded] = field(default_factory=list)  # that it reported
    started_at: datetime | None = None
    is_to_end: bool = False  # somebody asked for it
    timed_out: bool = False
    outcome: Recorded | None = None
    retries_max: int = 0  # that were allowed when it ended


class Ledger:
    """The state that the checks need, from the facts alone."""

    def __init__(self, code_of: Callable[[str], Code]) -> None:
        """``code_of`` gives what was drawn for a manifest's digest."""
        self.positions: dict[str, int] = {}  # by event id
        self.facts: list[Recorded] = []
        self.tenants: Keys = ()
        self.held: set[str] = set()  # code locations
        self.backfills: dict[str, Asked] = {}
        self.runs: dict[str, Run] = {}
        self.live: dict[str, Run] = {}
        self._code_of = code_of

    def asked(self, recorded: Recorded, request: BackfillRequested) -> Asked:
        """The backfill that a request asks for."""
        as_of = datetime.fromisoformat(request.partitions_as_of)
        targets: dict[str, Target] = {}
        for group in request.groups:
            code = self._code_of(request.manifests[group.code_location])
            for asset in group.assets:
                drawn = code.assets[asset]
                target = Target(drawn, drawn.space.keys(as_of, self.tenants), frozenset())
                target.wanted = frozenset(target.named(group.partitions))
                targets[asset] = target
        return Asked(
            id=recorded.backfill_id or "",
            request=recorded,
            targets=targets,
            limit=request.max_concurrent_runs,
            only_between=request.only_between,
        )

    def launched(self, recorded: Recorded, fact: RunLaunched) -> Run:
        """The run that a launch begins.

        :raises ViolationError: it is of no backfill that was asked for.
        """
        backfill = self.backfills.get(recorded.backfill_id or "")
        if backfill is None or recorded.run_id is None:
            raise ViolationError(f"{recorded.run_id} belongs to no backfill")
        keys = {asset: backfill.targets[asset].named(fact.partitions) for asset in fact.assets}
        left = {asset: set(names) for asset, names in keys.items()}
        pools = (backfill.targets[asset].drawn.pool for asset in fact.assets)
        named = frozenset(pool for pool in pools if pool is not None)
        return Run(recorded.run_id, backfill, recorded, fact, keys, left, named)

    def change_tenants(self, *, more: Iterable[str] = (), fewer: Iterable[str] = ()) -> None:
        """Keys leave the dynamic set, or come and stand behind those that are there."""
        gone = set(fewer)
        kept = [key for key in self.tenants if key not in gone]
        self.tenants = tuple(dict.fromkeys([*kept, *more]))

    def retries_max(self, run: Run) -> int:
        """How many retries a run is allowed that ends now: by the first asset that it left undone."""
        if run.is_to_end:
            return 0
        if run.backfill.retries_max is not None:
            return run.backfill.retries_max
        targets = [run.backfill.targets[asset] for asset in run.fact.assets]
        policies = (
            target.drawn.retry
            for target in targets
            if target.unsettled.intersection(run.keys[target.drawn.name])
        )
        policy = next((policy for policy in policies if policy is not None), None)
        return 0 if policy is None else policy.max_retries

    def canceled(self, run: Run) -> None:
        """A run was canceled: what it has not filled by then is not tried again."""
        for asset, keys in run.keys.items():
            target = run.backfill.targets[asset]
            target.canceled |= target.unsettled.intersection(keys)

    def amended(self, backfill: Asked, fact: BackfillAmended) -> None:
        """Something of a backfill is changed."""
        if fact.max_concurrent_runs is not None or "max_concurrent_runs" in fact.lifted:
            backfill.limit = fact.max_concurrent_runs
        if fact.retries_max is not None or "retries_max" in fact.lifted:
            backfill.retries_max = fact.retries_max
        if fact.only_between is not None or "only_between" in fact.lifted:
            backfill.only_between = fact.only_between
        for asset, partitions in fact.dropped.items():
            backfill.targets[asset].canceled.update(backfill.targets[asset].named(partitions))

    def told_of(self, run: Run, fact: PartitionMaterialized | PartitionFailed) -> None:
        """A run says what came of partitions."""
        target = run.backfill.targets[fact.asset]
        keys = target.named(fact.partitions)
        run.left[fact.asset].difference_update(keys)
        if isinstance(fact, PartitionMaterialized):
            target.materialized.update(keys)
