"""The facts of a log that touch partitions of an asset, found by the tables where they are few."""

from collections.abc import AsyncGenerator

from daemon.operations.audit.finding import KEYS_MAX, facts_of_runs
from daemon.operations.log.finding import Matching, singly
from daemon.operations.records import Records
from events.envelope import Recorded
from events.facts import (
    BackfillAmended,
    BackfillCancelRequested,
    BackfillCompleted,
    BackfillPaused,
    BackfillRequested,
    BackfillResumed,
    PartitionSkipped,
    RunLaunched,
)
from events.log import Filter
from events.matching import Matcher
from projections.audit.asked import Asked
from projections.audit.touching import Touching
from projections.world import World, evolve

RUNS_MAX = 2_000  # for more, reading on along the asset soon finds a page of them

OF_NO_RUN = frozenset(
    fact.__name__
    for fact in (
        *(BackfillRequested, BackfillPaused, BackfillResumed, BackfillAmended, BackfillCancelRequested),
        *(BackfillCompleted, PartitionSkipped),
    )
)


class TouchingSource:
    """A `Source` of the facts that a filter with an asset means and that touch partitions of it."""

    def __init__(self, records: Records, world: World, matching: Filter, asked: Asked) -> None:
        """``world`` is that of the head, and grows with what `is_one` is asked."""
        self._records = records
        self._world = world
        self._matching = matching
        self._asked = asked
        self._all = Matching(records.log, matching)
        self._touching = Touching(world, asked)
        self._knows_launches = False

    async def read(
        self, *, after: int, upto: int, newest_first: bool = False
    ) -> AsyncGenerator[Recorded, None]:
        """See `Source`. Few partitions are looked up by the tables; for many, the asset's facts are read."""
        keys = self._asked.keys(KEYS_MAX)
        few = None if keys is None else await self._few(keys)
        if few is None:
            async for recorded in self._all.read(after=after, upto=upto, newest_first=newest_first):
                if await self.touches(recorded):
                    yield recorded
            return
        for recorded in reversed(few) if newest_first else few:
            if after < recorded.position <= upto and await self.touches(recorded):
                yield recorded

    async def make_ready(self, upto: int) -> None:
        """See `Source`."""
        await self._all.make_ready(upto)

    async def is_one(self, recorded: Recorded) -> bool:
        """See `Source`."""
        if recorded.position > self._world.position:
            evolve(self._world, recorded)
        return await self._all.is_one(recorded) and await self.touches(recorded)

    async def _few(self, keys: tuple[str, ...]) -> list[Recorded] | None:
        """The facts that match and may touch the partitions, oldest first; None where they may be many."""
        log, asset = self._records.log, self._asked.asset
        run_ids = await self._records.runs_at(asset, keys, most=RUNS_MAX)
        if run_ids is None:
            return None
        facts = {each.position: each async for each in facts_of_runs(log, run_ids)}
        of_no_run = log.read(matching=Filter(asset=asset, types=OF_NO_RUN))
        facts |= {each.position: each async for each in singly(of_no_run)}
        matcher = Matcher(self._matching)
        return [facts[position] for position in sorted(facts) if matcher.matches(facts[position])]

    async def touches(self, recorded: Recorded) -> bool:
        """Whether a fact touches the partitions, which must be one about the asset that the world knows."""
        found = self._touching.touches(recorded)
        if found is None:
            await self._learn_launch(recorded.run_id or "")
            found = self._touching.touches(recorded)
        return found is not False  # Of a run whose launch is not in the file nobody knows what it filled.

    async def _learn_launch(self, run_id: str) -> None:
        """Look at the launch of a run; in a file at all launches at once, since it is read for each look."""
        launches = frozenset({RunLaunched.__name__})
        if not self._records.is_file:
            one = self._records.log.read(matching=Filter(run_id=run_id, types=launches))
            async for recorded in singly(one):
                self._touching.touches(recorded)
        elif not self._knows_launches:
            self._knows_launches = True
            every = self._records.log.read(matching=Filter(asset=self._asked.asset, types=launches))
            async for recorded in singly(every):
                self._touching.touches(recorded)
