"""Which facts touch partitions that somebody asks about, said of one fact at a time."""

from datetime import datetime

import msgspec

from backfilld.partitions import Partitions
from backfilld.ranges import Ranges
from events.envelope import Recorded
from events.facts import PartitionFailed, PartitionMaterialized, PartitionSkipped, RunLaunched
from events.matching import number_of
from projections.audit.asked import Asked
from projections.catalog import partitions_at
from projections.cut import Cut, cut_of
from projections.sets import ranges_of
from projections.world import World


class _Planned(msgspec.Struct, frozen=True):
    """What a backfill planned of the partitions asked for."""

    partitions: Partitions
    wanted: Ranges  # of these partitions, whether the backfill has them or not
    cut: Cut
    first_number: int  # of the runs that fill the asset

    @property
    def is_touched(self) -> bool:
        """Whether the backfill has any of them."""
        return bool(self.cut.targets & self.wanted)

    def has(self, number: int) -> tuple[bool, bool]:
        """Whether the run of that number has any of them, and whether it has nothing else."""
        index = number - self.first_number
        if not 0 <= index < self.cut.chunks_total:
            return False, False
        filled = self.cut.chunk(index)
        return bool(filled & self.wanted), not filled - self.wanted


class Touching:
    """Tells the facts that touch partitions of an asset, among the facts about that asset.

    Those are facts that name one of the partitions; facts about runs that were launched over one; and facts
    about a backfill as a whole that has one. Where nobody can say any more which partitions a backfill had,
    all of its facts are among them: better told than left out.
    """

    def __init__(self, world: World, asked: Asked) -> None:
        """``world`` knows the backfills that the facts are of."""
        self._world = world
        self._asked = asked
        self._planned: dict[str, _Planned | None] = {}
        self._runs: dict[str, bool] = {}

    def touches(self, recorded: Recorded) -> bool | None:
        """Whether the fact does; None where that takes the launch of its run, which was not seen yet."""
        fact, planned = recorded.fact, self._plan(recorded.backfill_id or "")
        if planned is None:
            return True
        if isinstance(fact, (PartitionMaterialized, PartitionFailed, PartitionSkipped)):
            return bool(ranges_of(fact.partitions, planned.partitions) & planned.wanted)
        if recorded.run_id is None:
            return planned.is_touched
        number = number_of(recorded.run_id)
        if number is None:
            return True
        has_any, has_only = planned.has(number)
        if has_only or not has_any:
            return has_any
        if isinstance(fact, RunLaunched):
            self._runs[recorded.run_id] = bool(
                ranges_of(fact.partitions, planned.partitions) & planned.wanted
            )
        return self._runs.get(recorded.run_id)

    def _plan(self, backfill_id: str) -> _Planned | None:
        if backfill_id not in self._planned:
            self._planned[backfill_id] = self._planned_by(backfill_id)
        return self._planned[backfill_id]

    def _planned_by(self, backfill_id: str) -> _Planned | None:
        backfill = self._world.backfill(backfill_id)
        node = None
        if backfill is not None:
            node = self._world.catalog_for(backfill).assets.get(self._asked.asset)
        if backfill is None or node is None:
            return None
        first_number = 1
        for group in backfill.request.groups:
            if self._asked.asset in group.assets:
                as_of = datetime.fromisoformat(backfill.request.partitions_as_of)
                partitions = partitions_at(node.definition, as_of)
                cut = cut_of(group, partitions, ranges_of(group.partitions, partitions))
                return _Planned(partitions, self._asked.among(partitions), cut, first_number)
            first_number += group.runs_total
        return None
