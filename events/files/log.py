"""A file in place of the database's log: read only, and as it was when it was exported."""

from bisect import bisect_right
from collections.abc import AsyncGenerator, Sequence
from typing import NoReturn

from anyio import to_thread

from events import rows
from events.envelope import Event, Recorded
from events.files.chained import FileError, Header
from events.files.port import LogFile
from events.log import Appended, Filter, HeadMoved
from events.matching import Matcher

READ_ONLY = (
    "a file is read only: name the database (--database or --home) in place of --file to change things."
)
ENDED = "a file does not grow, so there is nothing to wait for: name the database in place of --file."


class FileLog:
    """A `Log` over a file, for whoever only reads. Positions have gaps where the file is a selection."""

    def __init__(self, file: LogFile) -> None:
        self._file = file

    @property
    def header(self) -> Header:
        """What the file says of itself."""
        return self._file.header

    async def append(
        self,
        events: Sequence[Event],  # noqa: ARG002 - the port's
        *,
        expected_head: int | None = None,  # noqa: ARG002 - the port's
    ) -> Appended | HeadMoved:
        """:raises FileError: always; nothing is recorded in a file."""
        _refuse(READ_ONLY)

    async def head(self) -> int:
        """See `Log.head`."""
        return self._file.header.last

    async def digest_at(self, position: int) -> str | None:
        """See `Sealed`."""
        number = bisect_right(self._file.starts, position) - 1
        page = await to_thread.run_sync(self._file.page, number) if number >= 0 else []
        return next((row.hash for row in page if row.position == position), None)

    async def read(
        self,
        *,
        after: int = 0,
        upto: int | None = None,
        matching: Filter | None = None,
        newest_first: bool = False,
    ) -> AsyncGenerator[Sequence[Recorded], None]:
        """See `Log.read`; a batch is a page of the file."""
        upto = self._file.header.last if upto is None else upto
        matcher = None if matching is None else Matcher(matching)
        if matcher is not None and matching is not None and matching.asset is not None:
            async for batch in self._pages(0, upto, newest_first=False):  # Which runs are about the asset.
                for recorded in batch:
                    matcher.learn(recorded)
        async for batch in self._pages(after, upto, newest_first=newest_first):
            found = batch if matcher is None else [each for each in batch if matcher.matches(each)]
            if found:
                yield found

    async def _pages(
        self, after: int, upto: int, *, newest_first: bool
    ) -> AsyncGenerator[list[Recorded], None]:
        starts = self._file.starts
        pages = range(max(bisect_right(starts, after) - 1, 0), bisect_right(starts, upto))
        for number in reversed(pages) if newest_first else pages:
            page = await to_thread.run_sync(self._file.page, number)
            yield [
                rows.recorded(row.position, row.row())
                for row in (reversed(page) if newest_first else page)
                if after < row.position <= upto
            ]

    async def wait_past(self, position: int) -> int:
        """The end, if it is past ``position``.

        :raises FileError: it is not, and never will be.
        """
        if self._file.header.last <= position:
            _refuse(ENDED)
        return self._file.header.last

    async def follow(self, *, after: int) -> AsyncGenerator[Sequence[Recorded], None]:
        """:raises FileError: once what the file has is read."""
        async for batch in self.read(after=after):
            yield batch
        _refuse(ENDED)


def _refuse(reason: str) -> NoReturn:
    raise FileError(reason)
