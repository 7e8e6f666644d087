"""Pages are fetched one ahead of whoever looks at them."""

from collections.abc import AsyncGenerator

import anyio
import pytest
from anyio.lowlevel import checkpoint

from events.ahead import fetched_ahead
from events.errors import LogError

PAGES = 5


class Source:
    """Pages 1 to 5; knows how many were begun, and whether it was left."""

    def __init__(self, *, broken_at: int | None = None) -> None:
        self.begun = 0
        self.left = False
        self._broken_at = broken_at

    async def pages(self) -> AsyncGenerator[int, None]:
        try:
            while self.begun < PAGES:
                self.begun += 1
                await checkpoint()
                if self.begun == self._broken_at:
                    raise LogError("gone")
                yield self.begun
        finally:
            self.left = True


async def others_run() -> None:
    for _ in range(20):
        await checkpoint()


async def test_one_page_is_fetched_while_another_is_looked_at_and_no_more() -> None:
    source = Source()
    seen = []
    async with anyio.create_task_group() as tasks:
        async for page in fetched_ahead(source.pages(), tasks):
            await others_run()
            assert source.begun == min(page + 1, PAGES)
            seen.append(page)
    assert seen == list(range(1, PAGES + 1))
    assert source.left


async def test_left_early_it_leaves_its_source_and_the_group_ends() -> None:
    source = Source()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            pages = fetched_ahead(source.pages(), tasks)
            assert await anext(pages) == 1
            await pages.aclose()
            await others_run()
            assert source.left


async def test_an_error_comes_to_the_reader_behind_the_pages_before_it() -> None:
    seen: list[int] = []

    async def look(pages: AsyncGenerator[int, None]) -> None:
        async for page in pages:
            seen.append(page)  # noqa: PERF401 - a comprehension would lose what came before the error

    async with anyio.create_task_group() as tasks:
        with pytest.raises(LogError, match="gone"):
            await look(fetched_ahead(Source(broken_at=3).pages(), tasks))
        assert not tasks.cancel_scope.cancel_called
    assert seen == [1, 2]
