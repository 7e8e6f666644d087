"""Given, when, then, on facts: the pure core driven by hand, with nothing around it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from backfilld.definitions import Definitions
from backfilld.manifest import manifest_of
from daemon.deciding.decide import Decision, decide
from daemon.deciding.room import Limits
from daemon.launching.code_location import manifest_digest
from daemon.planning.choice import Choice, RangeText
from daemon.planning.planned import Ask, PlannedBackfill, plan_backfill
from daemon.refusal import Refused
from events.envelope import Recorded
from events.facts import (
    DefinitionsLoaded,
    Fact,
    Failure,
    PartitionFailed,
    PartitionKeys,
    PartitionMaterialized,
    RunFailed,
    RunLaunched,
    RunStarted,
    RunSucceeded,
)
from projections.backfill.state import Backfill
from projections.world import World, evolve

T0 = datetime(2024, 6, 1, tzinfo=UTC)


class Story:
    """A log in the making: facts are told one by one and folded at once; decisions are told like any fact."""

    def __init__(self, *assets: object, slots: int = 100, now: datetime = T0) -> None:
        self.world = World()
        self.told: list[Recorded] = []
        self.now = now
        self.limits = Limits(slots)
        if assets:
            self.declare(*assets)

    def declare(self, *assets: object, code_location: str = "code") -> None:
        """Definitions are loaded."""
        manifest = manifest_of(Definitions(assets=assets), code_location=code_location)  # type: ignore[arg-type]
        self.tell(DefinitionsLoaded(code_location, manifest_digest(manifest), manifest))

    def tell(self, fact: Fact, *, backfill_id: str | None = None, run_id: str | None = None) -> Recorded:
        """A fact is recorded."""
        position = len(self.told) + 1
        recorded = Recorded(
            position=position,
            id=str(UUID(int=position)),
            at=self.now,
            actor="story",
            fact=fact,
            backfill_id=backfill_id,
            run_id=run_id,
        )
        self.told.append(recorded)
        evolve(self.world, recorded)
        return recorded

    def plan(
        self, *selection: str, partitions: str | None = None, choice: Choice = "all", **options: object
    ) -> PlannedBackfill | Refused:
        """What was asked for, planned."""
        chosen = choice if partitions is None else RangeText((partitions,))
        ask = Ask(selection=selection, choice=chosen, **options)  # type: ignore[arg-type]
        return plan_backfill(self.world.catalog, self.world.statuses(self.now), ask, self.now)

    def ask(
        self,
        *selection: str,
        partitions: str | None = None,
        choice: Choice = "all",
        named: str = "b",
        **options: object,
    ) -> Backfill:
        """A backfill is requested."""
        planned = self.plan(*selection, partitions=partitions, choice=choice, **options)
        assert isinstance(planned, PlannedBackfill), planned
        self.tell(planned.request(self.world.known.manifests), backfill_id=named)
        return self.backfill(named)

    def backfill(self, backfill_id: str = "b") -> Backfill:
        """The backfill as it stands."""
        found = self.world.backfill(backfill_id)
        assert found is not None
        return found

    def decide(self) -> list[Decision]:
        """One decision, recorded and folded."""
        decisions = decide(self.world, self.now, self.limits)
        for decision in decisions:
            self.tell(decision.fact, backfill_id=decision.backfill_id, run_id=decision.run_id)
        return decisions

    def settle(self) -> list[Fact]:
        """Decisions until nothing more follows, as facts."""
        facts: list[Fact] = []
        while decisions := self.decide():
            facts += [decision.fact for decision in decisions]
        return facts

    def launched(self) -> list[str]:
        """The ids of the runs launched when everything is decided that can be."""
        before = len(self.told)
        self.settle()
        return [each.run_id or "" for each in self.told[before:] if isinstance(each.fact, RunLaunched)]

    def run(self, run_id: str, *, failing: Sequence[tuple[str, str]] = (), lost: Fact | None = None) -> None:
        """A run does its work as a worker would: assets in order, those downstream of a failure left out."""
        backfill_id = run_id.split("-", 1)[0]
        launch = self.launch_of(run_id)
        self.tell(RunStarted(1, "host"), backfill_id=backfill_id, run_id=run_id)
        if lost is not None:
            self.tell(lost, backfill_id=backfill_id, run_id=run_id)
            return
        failed = [asset for asset in launch.assets for name, _ in failing if name == asset]
        for asset in launch.assets:
            if asset in failed:
                keys = launch.partitions
                failure = Failure("ValueError", "boom")
                self.tell(PartitionFailed(asset, keys, failure), backfill_id=backfill_id, run_id=run_id)
                break
            fact = PartitionMaterialized(asset, launch.partitions)
            self.tell(fact, backfill_id=backfill_id, run_id=run_id)
        end = RunFailed(1.0, Failure("ValueError", "boom")) if failed else RunSucceeded(1.0)
        self.tell(end, backfill_id=backfill_id, run_id=run_id)

    def launch_of(self, run_id: str) -> RunLaunched:
        """The fact that launched a run."""
        return next(
            each.fact for each in self.told if each.run_id == run_id and isinstance(each.fact, RunLaunched)
        )

    def later(self, seconds: float) -> None:
        """Time passes."""
        self.now += timedelta(seconds=seconds)


def keys(*ranges: str) -> PartitionKeys:
    """Ranges of daily keys, ``"2024-01-01..2024-01-05"`` or single ones, with their count."""
    pairs = [tuple(text.split("..")) if ".." in text else (text, text) for text in ranges]
    count = sum(
        (datetime.fromisoformat(last) - datetime.fromisoformat(first)).days + 1 for first, last in pairs
    )
    return PartitionKeys(tuple((first, last) for first, last in pairs), count)
