"""The account of a backfill in a world that moves on while the facts are read."""

from collections.abc import AsyncGenerator, Sequence

import anyio

from backfilld.assets import asset
from backfilld.partitions import DailyPartitionsDefinition
from daemon.operations.audit.backfill import account_of
from events.envelope import Event, Recorded
from events.ids import new_id
from events.log import Filter
from events.memory import MemoryLog
from tests.story import Story


@asset(partitions_def=DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-03"))
def raw() -> None: ...


class GrowingLog(MemoryLog):
    """A log of a story, which goes on once it is read."""

    def __init__(self, story: Story) -> None:
        super().__init__()
        self.story = story

    async def keep(self) -> None:
        """What the story has told is recorded."""
        told = self.story.told[await self.head() :]
        await self.append(
            [
                Event(new_id(each.at), each.at, each.actor, each.fact, each.backfill_id, each.run_id)
                for each in told
            ]
        )

    async def read(
        self,
        *,
        after: int = 0,
        upto: int | None = None,
        matching: Filter | None = None,
        newest_first: bool = False,
    ) -> AsyncGenerator[Sequence[Recorded], None]:
        """See `Log.read`."""
        for run in [*self.story.backfill().live]:
            self.story.run(run)
        self.story.settle()
        await self.keep()
        async for batch in super().read(after=after, upto=upto, matching=matching, newest_first=newest_first):
            yield batch


def test_an_account_is_of_one_position_throughout() -> None:
    story = Story(raw)
    story.ask("raw")
    first, second = story.launched()
    story.run(first, failing=[("raw", "2024-01-01")])
    log, position = GrowingLog(story), story.world.position

    async def account() -> None:
        await log.keep()
        told = await account_of(log, story.world, story.backfill(), story.now)
        assert story.backfill().status == "failed"
        assert second not in story.backfill().live
        assert (told.status, told.proof.head, told.proof.last_position) == ("running", position, position)
        assert (told.assets["raw"].counts.materialized, told.costs.under_way) == (0, 1)

    anyio.run(account)
