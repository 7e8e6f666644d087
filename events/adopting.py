"""Rows of another log's export on their way into an empty one, as they are."""

from collections.abc import AsyncIterator, Iterable
from typing import Any, Final, NamedTuple

from anyio.lowlevel import checkpoint

from events import reading, rows
from events.files.chained import Chained, FileError
from events.verifying import VERIFIED_AT_ONCE, Broken, Chain

TIMEOUT_S: Final = 6 * 3600.0  # for one COPY of everything, where other statements have two minutes


class Head(NamedTuple):
    """Where the log ends."""

    position: int
    hash: bytes


async def records(pages: Iterable[list[Chained]], end: Head) -> AsyncIterator[tuple[object, ...]]:
    """The rows as COPY takes them, under hashes that are worked out anew.

    :raises FileError: they are not those from 1 to ``end``.
    """
    last = Head(0, rows.NO_HASH)
    for page in pages:
        for chained in page:
            row = chained.row()
            rows.check_id(row.id)
            (row_hash,) = rows.chain(last.position + 1, last.hash, (row,))
            last = Head(last.position + 1, row_hash)
            if chained.position != last.position or chained.hash != row_hash.hex():
                raise FileError(f"position {last.position} is not as it was when the file was checked.")
            yield (last.position, *row, row_hash)
        await checkpoint()  # Lets out what has been encoded.
    if last != end:
        raise FileError(f"the file ended at {last.position}, and {end.position} was checked.")


async def check(driver: Any, end: Head) -> None:  # noqa: ANN401 - asyncpg has no types
    """Nothing, if the rows read from the table again lead to that end.

    Whoever makes a file of their own can hash what PostgreSQL does not give back as it was.

    :raises FileError: they do not.
    """
    chain = Chain()
    while lines := await reading.copied(
        driver, reading.selecting_hashes(after=chain.position, limit=VERIFIED_AT_ONCE)
    ):
        broken = chain.follow(reading.hashed(lines))
        if broken is not None:
            raise FileError(f"the database does not keep position {broken.position} as it is in the file.")
    if isinstance(chain.end(*end), Broken):
        raise FileError("the database does not hold what is in the file.")
