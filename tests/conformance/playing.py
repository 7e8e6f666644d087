"""A case of plans.json played by us: declared with the SDK, planned, requested, and run as the case says."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TypeAlias

from backfilld.assets import AssetDefinition, AssetDep, asset
from backfilld.mappings import PartitionMapping
from backfilld.partitions import UNPARTITIONED, Partitions
from backfilld.policies import BackfillPolicy
from daemon.planning.planned import PlannedBackfill
from daemon.refusal import Refused
from events.facts import (
    Failure,
    PartitionFailed,
    PartitionKeys,
    PartitionMaterialized,
    RunFailed,
    RunLaunched,
    RunStarted,
    RunSucceeded,
)
from tests.conformance.tables import Case, definition_of, mapping_between, partitions_at
from tests.story import Story

Keys: TypeAlias = frozenset[str | None]
ByAsset: TypeAlias = dict[str, Keys]
Cell: TypeAlias = tuple[str, str | None]  # a partition of an asset

ONLY: Keys = frozenset({None})  # the keys of an asset without partitions
SLOTS = 1_000_000
FAILURE = Failure("Failed", "the case says so")


@dataclass(frozen=True)
class Run:
    """One run: the assets it fills, each for all of its partitions."""

    assets: frozenset[str]
    partitions: Keys
    wave: int = field(compare=False)  # what is launched together, from 0

    @cached_property
    def cells(self) -> frozenset[Cell]:
        """The partitions it fills."""
        return frozenset((asset, key) for asset in self.assets for key in self.partitions)

    def __str__(self) -> str:
        """The run as a report shows it."""
        keys = "" if self.partitions == ONLY else f" [{', '.join(sorted(map(str, self.partitions)))}]"
        return f"{self.wave}: {'+'.join(sorted(self.assets))}{keys}"


@dataclass(frozen=True)
class Played:
    """What came of a backfill, in the words of the table; empty sets are left out."""

    targets: ByAsset
    runs: tuple[Run, ...]
    final: dict[str, ByAsset]


@dataclass(frozen=True)
class Graph:
    """The assets of a case, read with the SDK alone."""

    case: Case

    @cached_property
    def partitions(self) -> dict[str, Partitions]:
        """Those of each asset at the case's ``now``."""
        return {
            asset["key"]: partitions_at(definition_of(asset["partitions_def"]), self.case["now"])
            for asset in self.case["assets"]
        }

    @cached_property
    def mappings(self) -> dict[str, dict[str, PartitionMapping]]:
        """Of each asset, the mappings by what it needs."""
        definitions = {asset["key"]: definition_of(asset["partitions_def"]) for asset in self.case["assets"]}
        return {
            asset["key"]: {
                dep["asset"]: mapping_between(
                    dep["mapping"], definitions[dep["asset"]], definitions[asset["key"]]
                )
                for dep in asset["deps"]
            }
            for asset in self.case["assets"]
        }

    def needed(self, upstream: str, downstream: str, key: str | None) -> Keys:
        """The existing keys upstream that one partition needs."""
        return self._mapped(upstream, downstream, key)[0]

    def lacking(self, upstream: str, downstream: str, key: str | None) -> tuple[str, ...]:
        """The keys upstream that one partition needs and that do not exist."""
        return self._mapped(upstream, downstream, key)[1]

    def _mapped(self, upstream: str, downstream: str, key: str | None) -> tuple[Keys, tuple[str, ...]]:
        of = self.partitions[downstream]
        found = self.mappings[downstream][upstream].upstream_of(
            of.all() if key is None else of.ranges_of([(key, key)]),
            downstream_partitions=of,
            upstream_partitions=self.partitions[upstream],
        )
        among = self.partitions[upstream]
        existing = (
            among.keys(found.existing) if among is not UNPARTITIONED else iter([None] * len(found.existing))
        )
        return frozenset(existing), found.nonexistent


def declared(case: Case) -> Iterator[AssetDefinition]:
    """The assets of a case as a user would declare them."""
    for plain in case["assets"]:
        *prefix, name = plain["key"].split("/")
        policy = plain["backfill_policy"]
        definition = definition_of(plain["partitions_def"])
        yield asset(
            name=name,
            key_prefix=prefix or None,
            partitions_def=definition,
            deps=[
                AssetDep(
                    dep["asset"],
                    partition_mapping=None
                    if dep["mapping"] is None
                    else mapping_between(dep["mapping"], None, definition),
                )
                for dep in plain["deps"]
            ],
            backfill_policy=None if policy is None else BackfillPolicy(policy["max_partitions_per_run"]),
        )(_nothing)


def _nothing() -> None: ...


def told(case: Case) -> tuple[Story, PlannedBackfill] | Refused:
    """The story of a case, told to its end, and its plan."""
    story = Story(*declared(case), now=datetime.fromisoformat(case["now"]), slots=SLOTS)
    chosen = case["partitions"]
    text = None if chosen == "all" else ", ".join(map(_quoted, chosen))
    planned = story.plan(*case["selection"], partitions=text)
    if isinstance(planned, Refused):
        return planned
    story.tell(planned.request(story.world.known.manifests), backfill_id="b")
    failing: dict[str, set[str | None]] = defaultdict(set)
    for each in case["fail"]:
        failing[each["asset"]].add(each["partition"])
    graph = Graph(case)
    while run_ids := story.launched():
        story.later(1)  # A wave has a time of its own: that is how it is known afterwards.
        for run_id in run_ids:
            _run(story, graph, run_id, failing)
    assert story.backfill().completed, "the backfill did not end"
    return story, planned


def _quoted(key: str) -> str:
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _run(story: Story, graph: Graph, run_id: str, failing: dict[str, set[str | None]]) -> None:
    """A listed asset fails for all of the run, what needs it there is not executed, the others succeed."""
    launch, backfill_id = story.launch_of(run_id), "b"
    story.tell(RunStarted(1, "host"), backfill_id=backfill_id, run_id=run_id)
    bad: set[str] = set()
    for name in launch.assets:
        if bad & (graph.mappings[name].keys() - {name}):
            bad.add(name)
        elif failing[name] & keys_of(launch.partitions, graph.partitions[name]):
            bad.add(name)
            story.tell(
                PartitionFailed(name, launch.partitions, FAILURE), backfill_id=backfill_id, run_id=run_id
            )
        else:
            story.tell(PartitionMaterialized(name, launch.partitions), backfill_id=backfill_id, run_id=run_id)
    end = RunFailed(1.0, FAILURE) if bad else RunSucceeded(1.0)
    story.tell(end, backfill_id=backfill_id, run_id=run_id)


def keys_of(keys: PartitionKeys | None, partitions: Partitions) -> Keys:
    """A fact's set, key by key."""
    return ONLY if keys is None else frozenset(partitions.keys(partitions.ranges_of(keys.ranges)))


def outcome(story: Story, planned: PlannedBackfill, graph: Graph) -> Played:
    """The story's facts in the words of the table."""
    launched: dict[str, set[str | None]] = defaultdict(set)
    filled: dict[str, set[str | None]] = defaultdict(set)
    runs: list[Run] = []
    waves: dict[datetime, int] = {}
    for each in story.told:
        match each.fact:
            case RunLaunched() as launch:
                keys = keys_of(launch.partitions, graph.partitions[launch.assets[0]])
                runs.append(Run(frozenset(launch.assets), keys, waves.setdefault(each.at, len(waves))))
                for name in launch.assets:
                    launched[name] |= keys
            case PartitionMaterialized(asset=name, partitions=some):
                filled[name] |= keys_of(some, graph.partitions[name])
    targets = {name: keys_of(keys, graph.partitions[name]) for name, keys in planned.targets.items()}
    return Played(
        without_empty(targets),
        tuple(runs),
        {
            "materialized": without_empty(filled),
            "failed": without_empty({name: launched[name] - filled[name] for name in targets}),
            "downstream_of_failed": without_empty({name: targets[name] - launched[name] for name in targets}),
        },
    )


def without_empty(sets: dict[str, Keys] | dict[str, set[str | None]]) -> ByAsset:
    """The sets that have something in them."""
    return {name: frozenset(keys) for name, keys in sets.items() if keys}
