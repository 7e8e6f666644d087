"""An audit of partitions asks the log a few questions, however many runs were about them."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select

from backfilld import BackfillPolicy, DailyPartitionsDefinition, asset
from daemon.clock import SystemClock
from daemon.operations.audit.asset import AboutAsset, audit
from daemon.operations.operation import Page
from daemon.operations.records import Place, Records
from events import reading
from projections.audit.asked import asked_of
from projections.audit.attempts import Attempt, Attempts
from tests.contract.kept import Kept
from tests.contract.test_projection_store import write
from tests.story import Story

DAY = "2024-01-03"


@asset(
    partitions_def=DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-09"),
    backfill_policy=BackfillPolicy.single_run(),
)
def raw() -> None: ...


def ranges_again_and_again(times: int) -> Story:
    """Backfills of a range that holds the day, every second of which fails."""
    story = Story(raw)
    for number in range(times):
        name = f"b{number}"
        story.ask("raw", partitions=f"[2024-01-0{1 + number % 3}...2024-01-0{4 + number % 4}]", named=name)
        for run_id in story.launched():
            story.run(run_id, failing=[("raw", "")] if number % 2 else [])
        story.settle()
        story.later(60)
    return story


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[Select[Any]]:
    """Every statement that facts are read with."""
    asked: list[Select[Any]] = []
    copied = reading.copied

    async def noted(driver: Any, statement: Select[Any]) -> list[bytes]:  # noqa: ANN401 -- asyncpg's
        asked.append(statement)
        return await copied(driver, statement)

    monkeypatch.setattr(reading, "copied", noted)
    return asked


async def audited(kept: Kept, *, limit: int = 100, cursor: str | None = None) -> Page[Attempt]:
    records = Records(Place(Path(), kept.url, "ada"), kept.log, kept.store, SystemClock())
    return await audit(records, AboutAsset(asset="raw", partitions=DAY, limit=limit, cursor=cursor))


async def test_it_reads_many_runs_with_as_few_questions_as_few(
    kept: Kept, questions: list[Select[Any]]
) -> None:
    await write(kept.log, ranges_again_and_again(4))
    assert len((await audited(kept)).items) == 4  # and the tables are up to date
    counts = []
    for times in (4, 60):
        story = ranges_again_and_again(times)
        await write(kept.log, story)
        await audited(kept)
        questions.clear()
        found = await audited(kept)
        counts.append(len(questions))
        attempts = Attempts(story.world, asked_of(story.world, "raw", DAY, story.now))
        told = [attempt for recorded in story.told for attempt in attempts.told(recorded)]
        assert found.items == told
        assert len(told) == times
    assert counts[1] <= counts[0] + 2  # A read that is long comes in pages.


async def test_pages_of_them_tell_each_once(kept: Kept) -> None:
    await write(kept.log, ranges_again_and_again(9))
    whole = (await audited(kept)).items
    page = await audited(kept, limit=2)
    found = page.items
    while page.next is not None:
        told, open_since = map(int, page.next.split("-"))
        assert told - open_since <= 3, "only what was under way there is read again"
        page = await audited(kept, limit=2, cursor=page.next)
        found = [*found, *page.items]
    assert found == whole
    assert len(whole) == 9
    assert await audited(kept, limit=0) == Page(whole)
