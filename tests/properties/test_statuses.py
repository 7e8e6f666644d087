"""What is known of each partition is what a dictionary by key would say, whatever comes or goes."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backfilld.assets import AssetDefinition, asset
from backfilld.partitions import (
    DailyPartitionsDefinition,
    DynamicPartitionsDefinition,
    MultiPartitionsDefinition,
    PartitionsDefinition,
    StaticPartitionsDefinition,
)
from backfilld.policies import BackfillPolicy
from daemon.planning.choice import Choice
from daemon.planning.planned import PlannedBackfill
from events.envelope import Recorded
from events.facts import (
    DynamicPartitionsAdded,
    DynamicPartitionsRemoved,
    Fact,
    Failure,
    PartitionFailed,
    PartitionKeys,
    PartitionMaterialized,
    RunFailed,
    RunLaunched,
    RunLost,
    RunSucceeded,
)
from projections import snapshot
from projections.asset_status import PARTITION_STATUSES, AssetStatus
from projections.plan import Plan
from projections.sets import ranges_of
from projections.world import World, evolve
from tests.story import Story

NAMES = ("one", "other")
KEYS = ("a", "b", "c", "d", "e|e")
ONE, OTHER = map(DynamicPartitionsDefinition, NAMES)
DAY_S = 86_400.0
FAILURE = Failure("ValueError", "boom")


def days(start: str) -> PartitionsDefinition:
    return DailyPartitionsDefinition(start_date=start)


def definitions(start: str, colours: list[str]) -> dict[str, PartitionsDefinition]:
    """By asset: partitions of each kind, that grow in the first, the second or both dimensions."""
    static = StaticPartitionsDefinition(colours)
    pairs: dict[str, dict[str, PartitionsDefinition]] = {
        "one_by_day": {"a": ONE, "b": days(start)},
        "day_by_one": {"a": days(start), "b": ONE},
        "one_by_other": {"a": ONE, "b": OTHER},
        "one_by_one": {"a": ONE, "b": ONE},
        "colour_by_day": {"a": static, "b": days(start)},
        "one_by_colour": {"a": ONE, "b": static},
    }
    return {
        "by_one": ONE,
        "by_day": days(start),
        **{name: MultiPartitionsDefinition(dimensions) for name, dimensions in pairs.items()},
    }


CHANGED = (
    definitions("2024-05-30", ["red", "blue"]),
    definitions("2024-05-28", ["blue", "green", "red"]),
    definitions("2024-05-31", ["red"]),
)
CHOICES: tuple[Choice, ...] = ("all", "missing", "failed")
POLICIES = (None, BackfillPolicy.single_run(), BackfillPolicy.multi_run(2))


def _nothing() -> None: ...


def declared(version: int) -> list[AssetDefinition]:
    """All assets, defined as of one of the versions, with different policies."""
    return [
        asset(name=name, partitions_def=definition, backfill_policy=POLICIES[at % 3])(_nothing)
        for at, (name, definition) in enumerate(CHANGED[version].items())
    ]


class Model:
    """Every partition by its key, and each fact taken as a person would take it."""

    def __init__(self, story: "ModeledStory") -> None:
        self._story = story
        self._told: dict[str, dict[str, set[str]]] = {name: {} for name in CHANGED[0]}
        self._version_of: dict[str, int] = {}  # backfill -> the definitions it was requested with
        self.version = 0

    def existing(self, name: str) -> list[str]:
        """The keys that there are now."""
        partitions = self._story.world.partitions(name, self._story.now)
        assert partitions is not None
        return [*partitions]

    def requested(self, backfill_id: str) -> None:
        self._version_of[backfill_id] = self.version

    def take(self, recorded: Recorded) -> None:
        """One fact."""
        match recorded.fact:
            case RunLaunched(assets=assets, partitions=keys):
                self._put(recorded, assets, keys, {"in_progress"}, set())
            case PartitionMaterialized(asset=name, partitions=keys):
                self._put(recorded, (name,), keys, {"materialized"}, {"failed", "in_progress"})
            case PartitionFailed(asset=name, partitions=keys):
                self._put(recorded, (name,), keys, {"failed"}, {"in_progress"})
            case RunSucceeded() | RunFailed():
                launch = self._story.launch_of(recorded.run_id or "")
                self._put(recorded, launch.assets, launch.partitions, set(), {"in_progress"})
            case RunLost():
                launch = self._story.launch_of(recorded.run_id or "")
                self._put(recorded, launch.assets, launch.partitions, {"failed"}, {"in_progress"}, only=True)

    def _put(
        self,
        recorded: Recorded,
        assets: tuple[str, ...],
        keys: PartitionKeys | None,
        more: set[str],
        no_more: set[str],
        *,
        only: bool = False,
    ) -> None:
        backfill_id = recorded.backfill_id or ""
        for name in assets:
            partitions = self._story.planned[backfill_id].group_of[name].partitions
            same = CHANGED[self._version_of[backfill_id]][name] == CHANGED[self.version][name]
            existing = self.existing(name)
            for key in partitions.keys(ranges_of(keys, partitions)):
                words = self._told[name].setdefault(key, set())
                if (same or key in existing) and not (only and "in_progress" not in words):
                    words -= no_more
                    words |= more

    def added(self, name: str, keys: list[str]) -> None:
        """Keys that came: what was known of partitions with such a key counts no more."""
        for of, told in self._told.items():
            parts = [getattr(each, "name", "") for each in parts_of(CHANGED[self.version][of])]
            for key, words in told.items():
                split = key.split("|") if len(parts) > 1 else [key]
                if any(part == name and each in keys for part, each in zip(parts, split, strict=True)):
                    words &= {"in_progress"}

    def redefined(self, version: int, before: dict[str, list[str]]) -> None:
        """The code declares something else: what both have keeps what is known of it."""
        for name, told in self._told.items():
            if CHANGED[self.version][name] != CHANGED[version][name]:
                both = {*before[name]} & {*self.existing(name)}
                self._told[name] = {key: words for key, words in told.items() if key in both}
        self.version = version

    def status(self, name: str, key: str) -> str:
        """The one word for a partition."""
        words = self._told[name].get(key, set())
        ranked = ("in_progress", "failed", "materialized")
        return next((word for word in ranked if word in words), "missing")


def parts_of(definition: PartitionsDefinition) -> list[PartitionsDefinition]:
    """The dimensions, or the one there is."""
    if isinstance(definition, MultiPartitionsDefinition):
        return [each.partitions_def for each in definition.partitions_defs]
    return [definition]


class ModeledStory(Story):
    """A story whose facts the model takes too, and whose plans are kept when backfills have ended."""

    def __init__(self) -> None:
        self.planned: dict[str, Plan] = {}
        self.model = Model(self)
        super().__init__(*declared(0), slots=6)

    def tell(self, fact: Fact, *, backfill_id: str | None = None, run_id: str | None = None) -> Recorded:
        recorded = super().tell(fact, backfill_id=backfill_id, run_id=run_id)
        self.planned |= self.world.plans
        self.model.take(recorded)
        return recorded

    def check(self) -> None:
        """What is told of each partition is what the model says."""
        statuses = self.world.statuses(self.now)
        for name in CHANGED[0]:
            partitions = self.world.partitions(name, self.now)
            assert partitions is not None
            found = statuses.get(name, AssetStatus()).by_status(partitions.all())
            assert {
                key: status for status in PARTITION_STATUSES for key in partitions.keys(found[status])
            } == {key: self.model.status(name, key) for key in partitions}


def step(story: ModeledStory, drawn: st.DataObject, at: int) -> None:
    """Something happens."""
    live = sorted(story.world.backfill_of_run)
    kinds = ["add", "add", "remove", "later", "ask", "ask", "snapshot", "declare"] + ["end"] * 4 * bool(live)
    match drawn.draw(st.sampled_from(kinds)):
        case "add":
            name, keys = drawn.draw(st.sampled_from(NAMES)), drawn.draw(st.permutations(KEYS))
            keys = keys[: drawn.draw(st.integers(1, 3))]
            story.model.added(
                name, [key for key in keys if key not in story.world.known.dynamic.get(name, ())]
            )
            story.tell(DynamicPartitionsAdded(name, tuple(keys)))
        case "remove":
            name, key = drawn.draw(st.sampled_from(NAMES)), drawn.draw(st.sampled_from(KEYS))
            story.tell(DynamicPartitionsRemoved(name, (key,)))
        case "later":
            story.later(DAY_S)
        case "ask":
            name, choice = drawn.draw(st.sampled_from([*CHANGED[0]])), drawn.draw(st.sampled_from(CHOICES))
            if isinstance(story.plan(name, choice=choice), PlannedBackfill):
                story.model.requested(f"b{at}")
                story.ask(name, choice=choice, named=f"b{at}")
            story.settle()
        case "snapshot":
            copy = snapshot.decode(snapshot.encode(story.world))
            assert copy is not None
            story.world = copy
        case "declare":
            version = drawn.draw(st.integers(0, len(CHANGED) - 1))
            before = {name: story.model.existing(name) for name in CHANGED[0]}
            story.declare(*declared(version))
            story.model.redefined(version, before)
        case "end":
            end(story, drawn.draw(st.sampled_from(live)), drawn)


def end(story: ModeledStory, run_id: str, drawn: st.DataObject) -> None:
    """A run ends: well, badly, or it is gone."""
    launch = story.launch_of(run_id)
    about = {"backfill_id": story.world.backfill_of_run[run_id], "run_id": run_id}
    (name,) = launch.assets
    match drawn.draw(st.sampled_from(["well", "well", "badly", "gone"])):
        case "well":
            story.tell(PartitionMaterialized(name, launch.partitions), **about)
            story.tell(RunSucceeded(1.0), **about)
        case "badly":
            story.tell(PartitionFailed(name, launch.partitions, FAILURE), **about)
            story.tell(RunFailed(1.0, FAILURE), **about)
        case "gone":
            story.tell(RunLost("gone"), **about)
    story.settle()


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_what_is_told_of_a_partition_is_what_a_dictionary_by_key_says(drawn: st.DataObject) -> None:
    story = ModeledStory()
    for at in range(drawn.draw(st.integers(5, 40))):
        step(story, drawn, at)
        story.check()
    replayed = World()
    for recorded in story.told:
        evolve(replayed, recorded)
    assert snapshot.encode(replayed) == snapshot.encode(story.world)
