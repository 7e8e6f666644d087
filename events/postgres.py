"""The log in PostgreSQL."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup
from sqlalchemy import Select, select

from events import extracting, measuring, narrowing, reading
from events.adopting import Head
from events.ahead import fetched_ahead
from events.amounts import Measured
from events.anchor import Anchor
from events.appending import Writer
from events.driver import database_url, make_engine, translated
from events.envelope import Event, Recorded
from events.errors import LogUnavailableError
from events.extracting import Part
from events.files.chained import Chained, Header, as_written
from events.log import READ_BATCH_MAX, Appended, Filter, HeadMoved
from events.schema import log_head
from events.verifying import VERIFIED_AT_ONCE, Broken, Chain, Verified, resume
from events.waking import Bell

_FIRST_PAGE: Final = 250  # facts; whoever wants a few waits for no more
_RETRY_FIRST_S: Final = 0.05
_RETRY_MAX_S: Final = 5.0


class PostgresLog:
    """A `Log` kept by the database at ``url``, which `migrate` has made ready. An async context manager.

    Connections are made when they are needed, so that making one of these does nothing yet. It looks for
    news every ``poll_s`` seconds without being woken. With ``tasks``, a group that is left after the log is
    closed, a long read fetches the next page while the last one is looked at.
    """

    def __init__(self, url: str, *, poll_s: float = 1.0, tasks: TaskGroup | None = None) -> None:
        self._url = database_url(url)
        self._poll_s = poll_s
        self._tasks = tasks
        self._engine = make_engine(self._url, settings=reading.SETTINGS)
        self._writer = Writer(self._engine)
        self._bell = Bell(self._engine)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Gives up every connection."""
        with anyio.CancelScope(shield=True):
            await self._writer.close()
            await self._bell.close()
            await self._engine.dispose()

    async def append(
        self, events: Sequence[Event], *, expected_head: int | None = None
    ) -> Appended | HeadMoved:
        """See `Log.append`."""
        with translated(self._url):
            return await self._writer.append(events, expected_head)

    async def head(self) -> int:
        """See `Log.head`."""
        position, _ = await self._head()
        return position

    async def digest_at(self, position: int) -> str | None:
        """See `Sealed`."""
        found = await self._fetched(reading.selecting_digest(position))
        return found[0].hash.hex() if found else None

    async def read(
        self,
        *,
        after: int = 0,
        upto: int | None = None,
        matching: Filter | None = None,
        newest_first: bool = False,
    ) -> AsyncGenerator[Sequence[Recorded], None]:
        """See `Log.read`."""
        head = await self.head()
        upto = head if upto is None else min(upto, head)
        for which in await self._narrowed(after, upto, matching or Filter(), newest_first=newest_first):
            # The first page alone: most reads are short. What is behind it is fetched while it is looked at.
            first = await self._copied(which.selecting(_FIRST_PAGE))
            for batch in reading.recorded(first):
                yield batch
            if len(first) < _FIRST_PAGE:
                continue
            pages = self._pages(which.beyond(first))
            async with aclosing(fetched_ahead(pages, self._tasks) if self._tasks else pages) as rest:
                async for lines in rest:
                    for batch in reading.recorded(lines):
                        yield batch
                        await anyio.lowlevel.checkpoint()  # Lets in what has come meanwhile.

    async def _narrowed(
        self, after: int, upto: int, matching: Filter, *, newest_first: bool
    ) -> Sequence[reading.Which]:
        """Where the facts are to be looked for, in the order they are wanted."""
        if matching.since is not None or matching.until is not None:
            async with self._driver() as driver:
                after, upto = await narrowing.within_time(driver, matching, after=after, upto=upto)
        if matching.asset is None:
            return [reading.Which(after, upto, matching, newest_first)]
        asked = narrowing.selecting_asked(matching.asset, matching.backfill_id, upto)
        scopes = narrowing.scopes_of(matching.asset, await self._copied(asked))
        if reading.is_scattered(matching):
            return [reading.Which(after, upto, matching, newest_first, tuple(scopes))]
        segments = narrowing.segments_of(scopes)
        return [
            reading.Which(
                max(after, each.first - 1), min(upto, each.last), matching, newest_first, each.scopes
            )
            for each in (reversed(segments) if newest_first else segments)
            if each.last > after
        ]

    async def _pages(self, which: reading.Which) -> AsyncGenerator[list[bytes], None]:
        while lines := await self._copied(which.selecting(READ_BATCH_MAX)):
            yield lines
            if len(lines) < READ_BATCH_MAX:
                return
            which = which.beyond(lines)

    async def follow(self, *, after: int) -> AsyncGenerator[Sequence[Recorded], None]:
        """See `Log.follow`."""
        retry_s = _RETRY_FIRST_S
        while True:
            head = await self.wait_past(after)
            try:
                async with aclosing(self.read(after=after, upto=head)) as batches:
                    async for batch in batches:
                        yield batch
                        after = batch[-1].position
                retry_s = _RETRY_FIRST_S
            except LogUnavailableError:
                await anyio.sleep(retry_s)
                retry_s = min(retry_s * 2, _RETRY_MAX_S)

    async def wait_past(self, position: int) -> int:
        """See `Log.wait_past`."""
        retry_s = _RETRY_FIRST_S
        while True:
            try:
                with translated(self._url):
                    rung = await self._bell.next_ring()
                head = self._bell.heard
                if head is None:
                    head = await self.head()
                    # What rang meanwhile may be more than was found: then it is asked for again.
                    self._bell.heard = None if rung.is_set() else head
            except LogUnavailableError:
                await anyio.sleep(retry_s)
                retry_s = min(retry_s * 2, _RETRY_MAX_S)
                continue
            if head > position:
                return head
            with anyio.move_on_after(self._poll_s) as waiting:
                await rung.wait()
            if waiting.cancelled_caught:
                self._bell.heard = None  # A call may be lost, so now and then the log itself is asked.

    async def verify(self, *, since: Anchor | None = None) -> Verified | Broken:
        """Whether every row is as it was written, and none is missing before the last.

        Reads the whole log, or from the anchor's row on, which must have the hash it had then. That nothing
        was cut off the end, only somebody who kept a digest can tell.
        """
        chain = Chain()
        if since is not None and since.position > 0:
            found = await self._chained(after=since.position - 1, upto=since.position, limit=1)
            resumed = resume(since, found)
            if isinstance(resumed, Broken):
                return resumed
            chain = resumed
        while True:
            # The head is read after the rows before it and before the rows after it: so, whoever appends
            # meanwhile, it must be where the rows end.
            head, digest = await self._head()
            lines = await self._copied(reading.selecting_hashes(after=chain.position, limit=VERIFIED_AT_ONCE))
            if not lines:
                return chain.end(head, digest)
            # Hashing is not the event loop's: whoever else is served by it goes on meanwhile.
            broken = await to_thread.run_sync(chain.follow, reading.hashed(lines))
            if broken is not None:
                return broken

    async def measure(self) -> Measured:
        """How many facts there are of each type and day, and the space that each table and index takes.

        Looks at every row of the log once: about a second for a million.
        """
        return await measuring.measured(self._fetched)

    async def extract(self, part: Part, at: datetime) -> Header:
        """What an export of that part of the log is to say of itself; `rows_of` gives its rows.

        :raises FileError: there is no such part.
        """
        return await extracting.header(self._fetched, part, at)

    async def rows_of(self, header: Header) -> AsyncGenerator[list[Chained], None]:
        """The rows of an export in pages, each row checked against its hash.

        :raises NotAsWrittenError: one was changed, or is missing.
        """
        after = header.first - 1
        while after < header.last:
            page = await self._chained(
                after=after, upto=header.last, limit=READ_BATCH_MAX, backfills=header.backfills
            )
            if not page:
                return
            yield [as_written(row) for row in page]
            after = page[-1].position

    async def adopt(self, pages: Iterable[list[Chained]], end: Head) -> bool:
        """Whether the rows were taken into the log as they are, ids, times and hashes: all, or none.

        They must be those from position 1 to ``end``. False and nothing done if the log is not empty.

        :raises FileError: they do not lead to that end.
        """
        with translated(self._url):
            return await self._writer.adopt(pages, end)

    async def _chained(
        self, *, after: int, upto: int, limit: int, backfills: Sequence[str] = ()
    ) -> list[Chained]:
        return reading.chained(
            await self._copied(
                reading.selecting_chained(after=after, upto=upto, limit=limit, backfills=backfills)
            )
        )

    async def _fetched(self, statement: Select[Any]) -> Sequence[Any]:
        with translated(self._url):
            async with self._engine.connect() as connection:
                found: Sequence[Any] = (await connection.execute(statement)).all()
                return found

    async def _head(self) -> tuple[int, bytes]:
        statement = select(log_head.c.position, log_head.c.hash).order_by(log_head.c.position).limit(1)
        with translated(self._url):
            async with self._engine.connect() as connection:
                position, digest = (await connection.execute(statement)).one()
        return position, digest

    async def _copied(self, statement: Select[Any]) -> list[bytes]:
        async with self._driver() as driver:
            return await reading.copied(driver, statement)

    @asynccontextmanager
    async def _driver(self) -> AsyncGenerator[Any]:
        """A connection of the driver's own."""
        with translated(self._url):
            async with self._engine.connect() as connection:
                try:
                    yield (await connection.get_raw_connection()).driver_connection
                except BaseException:
                    # SQLAlchemy sees nothing of what is done by the driver: it must be told.
                    await connection.invalidate()
                    raise
