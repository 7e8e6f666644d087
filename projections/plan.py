"""A plan: the exact runs of a backfill and what each waits for, derived from its groups and never listed."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import accumulate

import msgspec

from backfilld.mappings import PartitionMapping
from backfilld.partitions import Partitions, PartitionsDefinition
from backfilld.ranges import Ranges
from events.facts import RunGroup
from projections.catalog import Catalog, Dependency, partitions_at
from projections.cut import Cut, cut_of
from projections.sets import ranges_of


class PlannedGroup(msgspec.Struct, frozen=True):
    """A group of the request, bound to the partitions that existed when it was planned."""

    index: int
    first_number: int  # of its runs
    assets: tuple[str, ...]
    code_location: str
    definition: PartitionsDefinition | None
    partitions: Partitions
    cut: Cut
    pools: tuple[str, ...] = ()  # of all its assets

    @property
    def targets(self) -> Ranges:
        """The ordinals that each asset of the group is to fill."""
        return self.cut.targets

    def has_run(self, number: int) -> bool:
        """Whether a run number is one of the group's."""
        return self.first_number <= number < self.first_number + self.cut.chunks_total


class PlannedRun(msgspec.Struct, frozen=True):
    """One run of the plan."""

    number: int
    group: PlannedGroup
    ordinals: Ranges


class OtherDefinitionsError(ValueError):
    """A group was planned with other definitions, or other keys of dynamic sets, than it is bound to."""

    def __init__(self, group: RunGroup, expected: str) -> None:
        super().__init__(f"expected {expected} for {', '.join(group.assets)}, found others")


class Edge(msgspec.Struct, frozen=True):
    """One targeted asset needs another through a mapping; within a run of one group it is met by order."""

    upstream: str
    downstream: str
    upstream_group: PlannedGroup
    downstream_group: PlannedGroup
    mapping: PartitionMapping

    def needed(self, downstream: Ranges, beside: Ranges | None = None) -> Ranges:
        """The targeted upstream ordinals that these downstream ones wait for.

        Where both assets share runs, what the same run fills of the upstream one is not waited for: that is
        ``beside``, or the same ordinals where it is None.
        """
        # Joined once: one after the other would cost the square of their number.
        needed = Ranges.union(
            self.mapping.upstream_of(
                piece,
                downstream_partitions=self.downstream_group.partitions,
                upstream_partitions=self.upstream_group.partitions,
            ).existing
            for piece in self.mapping.apart(downstream, self.downstream_group.partitions)
        )
        targeted = needed & self.upstream_group.targets
        if self.upstream_group is not self.downstream_group:
            return targeted
        return targeted - (downstream if beside is None else beside)

    def dependants(self, upstream: Ranges) -> Ranges:
        """The targeted downstream ordinals that need any of these upstream ones."""
        dependants = self.mapping.waiting_for(
            upstream,
            upstream_partitions=self.upstream_group.partitions,
            downstream_partitions=self.downstream_group.partitions,
        )
        return dependants & self.downstream_group.targets


class Plan:
    """The runs of a backfill by number, from 1 through the groups in their order."""

    def __init__(self, groups: Sequence[RunGroup], catalog: Catalog, as_of: datetime) -> None:
        """Bind the groups to the definitions of ``catalog`` and the partitions that existed at ``as_of``.

        :raises OtherDefinitionsError: those are not what the groups were planned with.
        """
        first_numbers = list(accumulate((group.runs_total for group in groups), initial=1))
        self.groups = tuple(
            _bind(index, first_numbers[index], group, catalog, as_of) for index, group in enumerate(groups)
        )
        self.runs_total = first_numbers[-1] - 1
        self.group_of = {asset: group for group in self.groups for asset in group.assets}
        edges = list(_edges(self.group_of, catalog))
        self.edges_into = {
            group.index: tuple(edge for edge in edges if edge.downstream_group is group)
            for group in self.groups
        }
        self.edges_within = {
            index: tuple(edge for edge in into if edge.upstream_group is edge.downstream_group)
            for index, into in self.edges_into.items()
        }
        self.edges_from = {
            asset: tuple(edge for edge in edges if edge.upstream == asset) for asset in self.group_of
        }
        self.deps_within = {
            asset: frozenset(
                dep.asset
                for dep in catalog.assets[asset].deps
                if dep.asset in group.assets and dep.asset != asset
            )
            for asset, group in self.group_of.items()
        }
        self.dependants_within = {
            asset: tuple(
                other
                for other in group.assets
                if any(
                    dep.asset == asset and _is_met_by_order(dep, group) for dep in catalog.assets[other].deps
                )
            )
            for asset, group in self.group_of.items()
        }
        self._pool_of = {asset: catalog.assets[asset].pool for asset in self.group_of}
        timeouts_s = {asset: catalog.assets[asset].timeout_s for asset in self.group_of}
        self._timeouts_s = {asset: limit for asset, limit in timeouts_s.items() if limit is not None}
        self._first_numbers = first_numbers[:-1]

    def group_at(self, number: int) -> PlannedGroup:
        """The group that a run number belongs to."""
        if not 1 <= number <= self.runs_total:
            raise IndexError(f"run {number} of {self.runs_total}")
        return self.groups[bisect_right(self._first_numbers, number) - 1]

    def pools_of(self, assets: Iterable[str]) -> tuple[str, ...]:
        """The pools that a run over these assets takes part in."""
        pools = (self._pool_of[asset] for asset in assets)
        return tuple(sorted({pool for pool in pools if pool is not None}))

    def run(self, number: int) -> PlannedRun:
        """The run with this number."""
        group = self.group_at(number)
        return PlannedRun(number, group, group.cut.chunk(number - group.first_number))

    def timeout_s(self, assets: Collection[str]) -> float | None:
        """How long a run of these assets may take: the sum of their time-outs; None if one has none."""
        if not self._timeouts_s:
            return None
        parts = [self._timeouts_s[asset] for asset in assets if asset in self._timeouts_s]
        return sum(parts) if len(parts) == len(assets) else None

    def after(self, run: PlannedRun) -> Ranges:
        """The numbers of the runs that fill what this run waits for."""
        numbers = Ranges.of(())
        for edge in self.edges_into[run.group.index]:
            upstream = edge.upstream_group
            chunks = upstream.cut.chunks_of(edge.needed(run.ordinals))
            numbers |= Ranges.of(
                (start + upstream.first_number, stop + upstream.first_number)
                for start, stop in chunks.intervals
            )
        return numbers


def _bind(index: int, first_number: int, group: RunGroup, catalog: Catalog, as_of: datetime) -> PlannedGroup:
    nodes = [catalog.assets[asset] for asset in group.assets]
    definition = nodes[0].definition
    location = group.code_location
    if any(node.definition is not definition or node.code_location != location for node in nodes):
        raise OtherDefinitionsError(group, f"one partitions definition, of code location {location}")
    partitions = partitions_at(definition, as_of)
    targets = ranges_of(group.partitions, partitions)
    cut = cut_of(group, partitions, targets)
    count = 1 if group.partitions is None else group.partitions.count
    if (len(targets), cut.chunks_total) != (count, group.runs_total):
        raise OtherDefinitionsError(group, f"{count:,} partitions in {group.runs_total:,} runs")
    pools = sorted({node.pool for node in nodes if node.pool is not None})
    return PlannedGroup(
        index, first_number, group.assets, location, definition, partitions, cut, tuple(pools)
    )


def _edges(group_of: dict[str, PlannedGroup], catalog: Catalog) -> Iterator[Edge]:
    """The dependencies between groups, and those within one that the order of its assets does not meet."""
    for asset, group in group_of.items():
        for dep in catalog.assets[asset].deps:
            upstream = group_of.get(dep.asset)
            if upstream is not None and not (upstream is group and _is_met_by_order(dep, group)):
                yield Edge(dep.asset, asset, upstream, group, dep.mapping)


def _is_met_by_order(dep: Dependency, group: PlannedGroup) -> bool:
    """Whether a run of the group meets the dependency by the order in which it fills its assets."""
    return dep.asset in group.assets and (group.definition is None or dep.is_by_key)
