"""What a backfill launches and what comes of it: the table's answer beside ours."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from daemon.planning.planned import PlannedBackfill
from daemon.refusal import Refused
from tests.conformance.answers import Difference
from tests.conformance.playing import (
    ONLY,
    ByAsset,
    Cell,
    Graph,
    Keys,
    Played,
    Run,
    outcome,
    told,
    without_empty,
)
from tests.conformance.promises import against_policy, launched_too_early, launched_twice
from tests.conformance.tables import Case
from tests.story import Story

WORDS = ("materialized", "failed", "downstream_of_failed")


@dataclass(frozen=True)
class ComparedPlan:
    """A backfill of some assets, and what both make of it."""

    case: Case

    @property
    def family(self) -> str:
        """What the id says behind its number: ``random-034-six-daily-random`` is a six-daily-random."""
        return str(re.sub(r"^[a-z]*\d*-\d+-", "", self.case["id"]).split("core-")[0] or "core")

    @cached_property
    def graph(self) -> Graph:
        """The assets."""
        return Graph(self.case)

    @cached_property
    def theirs(self) -> Played:
        """The table's answer."""
        runs = (
            Run(frozenset(run["assets"]), _keys(run["partitions"]), tick)
            for tick, runs in enumerate(self.case["ticks"])
            for run in runs
        )
        final = self.case["final"] or {word: {} for word in WORDS}
        return Played(
            _sets(self.case["targets"] or {}), tuple(runs), {word: _sets(final[word]) for word in WORDS}
        )

    @cached_property
    def ours(self) -> Played | Refused:
        """Our answer."""
        found = self._told
        return found if isinstance(found, Refused) else outcome(*found, self.graph)

    @property
    def played(self) -> Played:
        """Our answer where it is no refusal."""
        assert not isinstance(self.ours, Refused)
        return self.ours

    @property
    def warnings(self) -> tuple[str, ...]:
        """What our plan says a person should know."""
        assert not isinstance(self._told, Refused)
        return self._told[1].warnings

    @cached_property
    def _told(self) -> tuple[Story, PlannedBackfill] | Refused:
        return told(self.case)

    @cached_property
    def without_failures(self) -> Played:
        """What we do where nothing fails."""
        found = told({**self.case, "fail": []})
        assert not isinstance(found, Refused)
        return outcome(*found, self.graph)

    @cached_property
    def listed(self) -> frozenset[Cell]:
        """The failures that the case lists."""
        return frozenset((each["asset"], each["partition"]) for each in self.case["fail"])

    def targets_of(self, asset: str) -> Keys:
        """What we target of an asset."""
        return self.played.targets.get(asset, frozenset())

    @cached_property
    def needed(self) -> dict[Cell, frozenset[Cell]]:
        """Of each partition we target, the targeted ones it needs directly."""
        targets = self.played.targets
        return {
            (asset, key): frozenset(
                (upstream, other)
                for upstream in self.graph.mappings[asset].keys() & targets.keys()
                for other in self.graph.needed(upstream, asset, key) & targets[upstream]
            )
            for asset, keys in targets.items()
            for key in keys
        }

    @cached_property
    def needing(self) -> dict[Cell, set[Cell]]:
        """Of each partition we target, the targeted ones that need it directly."""
        needing: dict[Cell, set[Cell]] = defaultdict(set)
        for below, upstream in self.needed.items():
            for above in upstream:
                needing[above].add(below)
        return needing

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """Where refusals, targets, runs or the final outcome differ, and promises that we break."""
        return tuple(self._differences())

    def _differences(self) -> Iterator[Difference]:
        error = self.case.get("error")
        if isinstance(self.ours, Refused):
            if error is None or error["stage"] != "target":
                yield Difference("refusal", error, self.ours.reason)
            return
        if error is not None:
            yield Difference("refusal", error, f"{len(self.ours.runs)} runs")
        if error is None or error["stage"] == "tick":
            yield from _by_asset("targets", self.theirs.targets, self.ours.targets)
        if error is None:
            yield from _runs(self.theirs.runs, self.ours.runs)
            for word in WORDS:
                yield from _by_asset(word, self.theirs.final[word], self.ours.final[word])
        yield from self._broken_promises()

    def _broken_promises(self) -> Iterator[Difference]:
        """What no rule explains, whatever Dagster answers."""
        assert not isinstance(self._told, Refused)
        promises = {
            "launched too early": launched_too_early(self._told[0], self.graph, self.played.targets),
            "launched twice": launched_twice(self.played),
            "against a policy": against_policy(self.played, self.graph),
        }
        for name, found in promises.items():
            if broken := list(found):
                yield Difference(name, None, broken)


def _keys(plain: list[str] | bool | None) -> Keys:
    return ONLY if plain is None or plain is True else frozenset(plain or ())


def _sets(plain: dict[str, list[str] | bool]) -> ByAsset:
    return without_empty({name: _keys(keys) for name, keys in plain.items()})


def _by_asset(about: str, theirs: ByAsset, ours: ByAsset) -> Iterator[Difference]:
    for name in sorted(theirs.keys() | ours.keys()):
        one, other = theirs.get(name, frozenset()), ours.get(name, frozenset())
        if one != other:
            yield Difference(about, one, other, frozenset({name}))


def _runs(theirs: tuple[Run, ...], ours: tuple[Run, ...]) -> Iterator[Difference]:
    """The runs that only one of the two has, by assets that share such runs."""
    only_theirs = sorted((Counter(theirs) - Counter(ours)).elements(), key=str)
    only_ours = sorted((Counter(ours) - Counter(theirs)).elements(), key=str)
    for assets in _connected(run.assets for run in (*only_theirs, *only_ours)):
        yield Difference(
            "runs",
            [run for run in only_theirs if run.assets <= assets],
            [run for run in only_ours if run.assets <= assets],
            assets,
        )


def _connected(sets: Iterator[frozenset[str]]) -> list[frozenset[str]]:
    """The sets, joined where they have something in common."""
    joined: list[frozenset[str]] = []
    for each in sets:
        touching = [other for other in joined if other & each]
        joined = [other for other in joined if not other & each]
        joined.append(each.union(*touching))
    return sorted(joined, key=sorted)
