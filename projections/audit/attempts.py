"""Everything that was ever tried for an asset: each materialization, and each attempt that came to less.

An attempt is told once for each set of partitions that had one fate in it, so a run over a million
partitions is one line.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

import msgspec

from backfilld.partitions import Partitions
from backfilld.ranges import Ranges
from events.envelope import Recorded
from events.facts import (
    Failure,
    PartitionFailed,
    PartitionKeys,
    PartitionMaterialized,
    RunCanceled,
    RunCancelRequested,
    RunFailed,
    RunGroup,
    RunLaunched,
    RunLost,
    RunSucceeded,
    RunTimedOut,
)
from projections.audit.asked import Asked
from projections.backfill.state import Backfill, Intervention
from projections.catalog import partitions_at, policy_text
from projections.sets import keys_of, ranges_of
from projections.world import World

Fate: TypeAlias = Literal["materialized", "failed", "not_reached", "timed_out", "lost", "canceled"]

TYPES: Final = frozenset(
    fact.__name__
    for fact in (
        *(RunLaunched, RunCancelRequested, RunTimedOut, PartitionMaterialized, PartitionFailed),
        *(RunSucceeded, RunFailed, RunCanceled, RunLost),
    )
)


class Attempt(msgspec.Struct, frozen=True):
    """What one attempt came to for partitions of an asset, as JSON shows it."""

    position: int  # of the fact that says so
    at: datetime
    outcome: Fate
    asset: str
    partitions: PartitionKeys | None  # of those asked for; None: the asset has none
    backfill_id: str | None
    run_id: str | None
    run_number: int | None = None
    attempt: int | None = None
    launched_at: datetime | None = None
    requested_at: datetime | None = None
    requested_by: str | None = None
    reason: str | None = None
    policy: str | None = None
    code_location: str | None = None
    code_version: str | None = None
    manifest_digest: str | None = None
    metadata: dict[str, Any] = {}
    failure: Failure | None = None
    canceled: Intervention | None = None


class _Planned(msgspec.Struct, frozen=True):
    """What a backfill planned for the asset."""

    backfill: Backfill
    group: RunGroup | None
    partitions: Partitions | None  # None: its definitions cannot be read
    wanted: Ranges  # of these partitions


class _Run(msgspec.Struct):
    """A run over the asset that is under way."""

    launch: RunLaunched
    launched_at: datetime
    position: int  # of its launch
    reported: list[PartitionKeys | None] = []  # of the asset
    timed_out: bool = False
    has_failed_elsewhere: bool = False  # another asset of it failed
    canceled: Intervention | None = None


class Attempts:
    """Tells of the attempts at an asset; it is told the facts of runs, in the log's order.

    What it holds grows with the runs under way at a time and with the backfills, not with the runs in all.
    Facts of runs that it was not told the launch of are passed on with less around them.
    """

    def __init__(self, world: World, asked: Asked) -> None:
        """``world`` knows the backfills that the facts are of."""
        self._world = world
        self._asked = asked
        self._planned: dict[str, _Planned | None] = {}
        self._runs: dict[str, _Run] = {}
        self._declared_versions: dict[tuple[str, str], str | None] = {}

    @property
    def open_since(self) -> int | None:
        """The position of the first launch of a run that has not ended; None where all have.

        Whoever tells another of these the facts from there on gets the same from here on.
        """
        return min((run.position for run in self._runs.values()), default=None)

    def told(self, recorded: Recorded) -> Iterator[Attempt]:
        """What the fact says about partitions that are asked for."""
        fact = recorded.fact
        run = self._runs.get(recorded.run_id or "")
        match fact:
            case RunLaunched():
                if self._asked.asset in fact.assets:
                    self._runs[recorded.run_id or ""] = _Run(fact, recorded.at, recorded.position)
            case PartitionMaterialized() | PartitionFailed():
                yield from self._reported(recorded, fact, run)
            case RunCancelRequested() if run is not None:
                run.canceled = run.canceled or Intervention(recorded.at, recorded.actor, fact.reason)
            case RunTimedOut() if run is not None:
                run.timed_out = True
            case RunSucceeded():
                self._runs.pop(recorded.run_id or "", None)
            case RunFailed() | RunCanceled() | RunLost() if run is not None:
                del self._runs[recorded.run_id or ""]
                yield from self._ended(recorded, fact, run)
            case _:
                pass

    def _reported(
        self, recorded: Recorded, fact: PartitionMaterialized | PartitionFailed, run: _Run | None
    ) -> Iterator[Attempt]:
        is_failure = isinstance(fact, PartitionFailed)
        if fact.asset != self._asked.asset:
            if run is not None and is_failure:
                run.has_failed_elsewhere = True
            return
        if run is not None:
            run.reported.append(fact.partitions)
        outcome: Fate = "failed" if is_failure else "materialized"
        found, partitions = self._those_wanted(recorded, fact.partitions)
        if not found:
            return
        attempt = self._attempt(recorded, outcome, partitions, run)
        if isinstance(fact, PartitionFailed):
            yield msgspec.structs.replace(attempt, failure=fact.failure)
        else:
            version = fact.code_version or attempt.code_version
            yield msgspec.structs.replace(attempt, code_version=version, metadata=fact.metadata)

    def _ended(
        self, recorded: Recorded, fact: RunFailed | RunCanceled | RunLost, run: _Run
    ) -> Iterator[Attempt]:
        """What the run has not reported on when it ends."""
        found, partitions = self._left(recorded, run)
        if not found:
            return
        outcome, failure = _fate_of_the_rest(fact, run)
        attempt = self._attempt(recorded, outcome, partitions, run)
        planned = self._plan(recorded)
        canceled = run.canceled or (planned.backfill.cancel_requested if planned is not None else None)
        yield msgspec.structs.replace(
            attempt, failure=failure, canceled=canceled if outcome == "canceled" else None
        )

    def _left(self, recorded: Recorded, run: _Run) -> tuple[bool, PartitionKeys | None]:
        whole = run.launch.partitions
        if whole is None or not run.reported:
            return (False, None) if run.reported else self._those_wanted(recorded, whole)
        if sum(0 if each is None else each.count for each in run.reported) >= whole.count:
            return False, None
        planned = self._plan(recorded)
        if planned is None or planned.partitions is None:
            return True, whole
        reported = Ranges.union(ranges_of(each, planned.partitions) for each in run.reported)
        left = (ranges_of(whole, planned.partitions) - reported) & planned.wanted
        return bool(left), keys_of(left, planned.partitions) if left else None

    def _those_wanted(
        self, recorded: Recorded, keys: PartitionKeys | None
    ) -> tuple[bool, PartitionKeys | None]:
        """Whether any of the keys is asked for, and which."""
        if self._asked.sets is None:
            return True, keys
        planned = self._plan(recorded)
        if planned is None or planned.partitions is None:
            return True, keys  # Which they are nobody can say any more: better told than left out.
        wanted = ranges_of(keys, planned.partitions) & planned.wanted
        return bool(wanted), keys_of(wanted, planned.partitions) if wanted else None

    def _plan(self, recorded: Recorded) -> _Planned | None:
        backfill_id = recorded.backfill_id or ""
        if backfill_id not in self._planned:
            self._planned[backfill_id] = self._planned_by(backfill_id)
        return self._planned[backfill_id]

    def _planned_by(self, backfill_id: str) -> _Planned | None:
        backfill = self._world.backfill(backfill_id)
        if backfill is None:
            return None
        asset = self._asked.asset
        group = next((each for each in backfill.request.groups if asset in each.assets), None)
        node = self._world.catalog_for(backfill).assets.get(asset)
        if node is None:
            return _Planned(backfill, group, None, Ranges())
        partitions = partitions_at(node.definition, datetime.fromisoformat(backfill.request.partitions_as_of))
        return _Planned(backfill, group, partitions, self._asked.among(partitions))

    def _attempt(
        self, recorded: Recorded, outcome: Fate, partitions: PartitionKeys | None, run: _Run | None
    ) -> Attempt:
        planned = self._plan(recorded)
        backfill = None if planned is None else planned.backfill
        group = None if planned is None else planned.group
        launch = None if run is None else run.launch
        policy = None
        if group is not None and group.partitions is not None:
            policy = policy_text(group.partitions_per_run_max)
        return Attempt(
            position=recorded.position,
            at=recorded.at,
            outcome=outcome,
            asset=self._asked.asset,
            partitions=partitions,
            backfill_id=recorded.backfill_id,
            run_id=recorded.run_id,
            run_number=None if launch is None else launch.number,
            attempt=None if launch is None else launch.attempt,
            launched_at=None if run is None else run.launched_at,
            requested_at=None if backfill is None else backfill.requested_at,
            requested_by=None if backfill is None else backfill.requested_by,
            reason=None if backfill is None else backfill.request.reason,
            policy=policy,
            code_location=None if launch is None else launch.code_location,
            code_version=None if launch is None else self._declared_version(launch),
            manifest_digest=None if launch is None else launch.manifest_digest,
        )

    def _declared_version(self, launch: RunLaunched) -> str | None:
        """The code version in the manifest that the run was launched with."""
        key = (launch.code_location, launch.manifest_digest)
        if key not in self._declared_versions:
            declared = self._world.catalogs.declared(dict([key]))
            node = declared.assets.get(self._asked.asset)
            self._declared_versions[key] = None if node is None else node.code_version
        return self._declared_versions[key]


def _fate_of_the_rest(fact: RunFailed | RunCanceled | RunLost, run: _Run) -> tuple[Fate, Failure | None]:
    match fact:
        case RunLost():
            return "lost", Failure("RunLost", fact.reason)
        case RunCanceled():
            return "canceled", None
        case RunFailed() if run.timed_out:
            return "timed_out", fact.failure
        case RunFailed():
            return ("not_reached" if run.has_failed_elsewhere else "failed"), fact.failure
