"""The pure parts of a backfill's page: bars, the timeline, and the form that amends."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backfilld.assets import asset
from backfilld.partitions import DailyPartitionsDefinition
from daemon.operations.amending import Amend
from daemon.web.pages.backfill.amend_form import Form, amendment_asked, form_of
from daemon.web.pages.backfill.progress import row_of
from daemon.web.pages.timeline.lanes import WIDTH, timeline_of
from daemon.web.pages.timing import ticks_of
from projections.progress import AssetCounts
from tests.story import Story

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)


@asset(partitions_def=DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-05"))
def raw() -> None: ...


def run(
    number: int, begin_s: float, end_s: float | None, status: str = "succeeded", attempt: int = 1
) -> dict[str, Any]:
    """A row of the table of runs."""
    return {
        "id": f"b-{number}-{attempt}",
        "backfill_id": "b",
        "number": number,
        "attempt": attempt,
        "assets": ["raw"],
        "status": status,
        "launched_at": NOW + timedelta(seconds=begin_s),
        "ended_at": None if end_s is None else NOW + timedelta(seconds=end_s),
    }


def test_a_bar_adds_up_and_says_100_per_cent_only_at_the_end() -> None:
    row = row_of("raw", AssetCounts(1000, 1, 0, 900, 50, 49, 0))
    assert [(part.state, part.x, part.width) for part in row.parts] == [
        ("materialized", 0, 90),
        ("failed", 90, 5),
        ("skipped", 95, 4.9),
    ]
    assert row.percent == 99
    assert row.label == "900 materialized, 50 failed, 49 skipped, 1 waiting of 1,000"
    assert row_of("none", AssetCounts(0, 0, 0, 0, 0, 0, 0)).percent == 100


def test_a_timeline_has_a_lane_for_a_number_and_all_its_attempts_in_it() -> None:
    later = NOW + timedelta(seconds=100)
    rows = [run(1, 0, 50, "failed"), run(1, 60, None, "running", attempt=2), run(2, 50, 100)]
    timeline = timeline_of(rows, later)
    assert timeline is not None
    first, again, second = timeline.lanes
    assert (first.x, first.width, first.fill) == (0, WIDTH / 2, "failed")
    assert (again.x, again.width, again.fill) == (WIDTH * 0.6, WIDTH * 0.4, "in-progress")
    assert first.y == again.y < second.y
    assert timeline.ticks[0] == "12:00:00"
    assert timeline_of([], later) is None


@pytest.mark.parametrize(
    ("seconds", "last"), [(4, "12:00:04.0"), (600, "12:10:00"), (86_400, "03-02 12:00"), (9e6, "2024-06-13")]
)
def test_times_along_an_axis_are_told_as_exactly_as_they_differ(seconds: float, last: str) -> None:
    assert ticks_of(NOW, NOW + timedelta(seconds=seconds))[-1] == last


def test_only_what_differs_from_the_backfill_is_amended() -> None:
    backfill = Story(raw).ask("raw", max_concurrent_runs=3, only_between="22:00-06:00")
    as_it_is = form_of(backfill)
    assert as_it_is == Form("3", "oldest_first", "0", "", "22:00-06:00")
    assert amendment_asked(backfill, as_it_is) == {
        "amend": "nothing is changed in the form, so nothing was amended"
    }
    changed = Form("", "random", "", "0", "", "raw=2024-01-02\n\n raw \n", "why")
    assert amendment_asked(backfill, changed) == Amend(
        backfill_id="b",
        max_concurrent="none",
        order="random",
        retries=0,
        only_between="none",
        drop=("raw=2024-01-02", "raw"),
        reason="why",
    )


def test_what_makes_no_sense_is_told_by_field() -> None:
    backfill = Story(raw).ask("raw")
    errors = amendment_asked(backfill, Form("0", "random", "high", "-1", "late"))
    assert isinstance(errors, dict)
    assert errors.keys() == {"max_concurrent", "priority", "retries", "only_between"}
    assert errors["max_concurrent"] == "'0' is no whole number from 1 on"
