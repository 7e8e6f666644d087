"""A log that lives in memory: for tests and trials. It keeps every promise but durability."""

from collections.abc import AsyncGenerator, Sequence

import anyio

from events import rows
from events.envelope import Event, Recorded
from events.log import READ_BATCH_MAX, Appended, Filter, HeadMoved
from events.matching import Matcher
from events.rows import Row


class MemoryLog:
    """A `Log` without a store. Facts go through the codec, so that they come back as a real log's would."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._positions: dict[str, int] = {}
        self._grown = anyio.Event()

    async def append(
        self, events: Sequence[Event], *, expected_head: int | None = None
    ) -> Appended | HeadMoved:
        """See `Log.append`."""
        await anyio.lowlevel.checkpoint()
        given = [rows.row_of(event) for event in events]
        fresh = rows.unwritten(given, self._positions)
        moved = expected_head is not None and expected_head != len(self._rows)
        if moved and (fresh or not given):
            return HeadMoved(len(self._rows))
        for row in fresh:
            self._rows.append(row)
            self._positions[row.id] = len(self._rows)
        if fresh:
            grown, self._grown = self._grown, anyio.Event()
            grown.set()
        positions = tuple(self._positions[row.id] for row in given)
        return Appended(positions, max(positions, default=len(self._rows)))

    async def head(self) -> int:
        """See `Log.head`."""
        await anyio.lowlevel.checkpoint()
        return len(self._rows)

    async def read(
        self,
        *,
        after: int = 0,
        upto: int | None = None,
        matching: Filter | None = None,
        newest_first: bool = False,
    ) -> AsyncGenerator[Sequence[Recorded], None]:
        """See `Log.read`."""
        await anyio.lowlevel.checkpoint()
        last = len(self._rows) if upto is None else min(upto, len(self._rows))
        positions: Sequence[int] = range(max(after, 0) + 1, last + 1)
        if matching is not None:
            positions = [each for each in self._matching(matching, upto=last) if each > after]
        batch: list[Recorded] = []
        for position in reversed(positions) if newest_first else positions:
            batch.append(rows.recorded(position, self._rows[position - 1]))
            if len(batch) == READ_BATCH_MAX:
                yield batch
                batch = []
        if batch:
            yield batch

    def _matching(self, matching: Filter, *, upto: int) -> list[int]:
        """The positions of what matches. All are looked at: requests far below tell what runs are about."""
        matcher = Matcher(matching)
        return [
            position
            for position, row in enumerate(self._rows[:upto], 1)
            if matcher.matches(rows.recorded(position, row))
        ]

    async def follow(self, *, after: int) -> AsyncGenerator[Sequence[Recorded], None]:
        """See `Log.follow`."""
        while True:
            async for batch in self.read(after=after, upto=await self.wait_past(after)):
                yield batch
                after = batch[-1].position

    async def wait_past(self, position: int) -> int:
        """See `Log.wait_past`."""
        while len(self._rows) <= position:
            await self._grown.wait()
        return len(self._rows)
