"""The list of an asset's partitions, and the last attempts at each."""

from datetime import timedelta
from typing import Any

import pytest
from pyroaring import BitMap

from backfilld.assets import asset
from backfilld.errors import BackfilldError
from backfilld.partitions import StaticPartitionsDefinition
from daemon.operations.errors import UnknownError
from daemon.web.pages.listed import PAGE, found_by, listed
from daemon.web.pages.reaching import About
from daemon.web.pages.subject import Subject, subject_of
from daemon.web.pages.tried import attempts_by_ordinal
from daemon.web.pages.zooming import view_of
from tests.story import T0, Story

KEYS = [f"k{at:03}" for at in range(120)]


@asset(partitions_def=StaticPartitionsDefinition(KEYS))
def letters() -> None: ...


def subject() -> Subject:
    """An asset of which the first 30 partitions are filled, and the next ten failed."""
    story = Story(letters, slots=200)
    story.ask("letters", partitions="[k000...k039]")
    for at, run in enumerate(story.launched()):
        story.run(run, failing=[("letters", "")] if at >= 30 else [])
    return subject_of(story.world, "letters", story.now)


def test_pages_follow_each_other_until_all_are_shown() -> None:
    found = subject()
    keys, after, pages = [], "", 0
    while True:
        page = listed(found, BitMap(range(120)), status=None, text="", after=after)
        keys += [each.key for each in page.items]
        pages += 1
        assert page.total == 120
        if page.next is None:
            break
        after = page.next
    assert (keys, pages) == (KEYS, -(-120 // PAGE))


def test_a_status_and_a_text_narrow_the_list_together() -> None:
    found = subject()
    page = listed(found, BitMap(range(120)), status="failed", text="k03", after="")
    assert [(each.key, each.status) for each in page.items] == [(key, "failed") for key in KEYS[30:40]]
    assert listed(found, BitMap(range(35)), status="failed", text="", after="").total == 5


@pytest.mark.parametrize(
    ("text", "first", "count"),
    [("k01", "k010", 10), ("k010", "k010", 1), ("[k118...]", "k118", 2), ("*9", "k009", 12)],
)
def test_partitions_are_found_by_how_they_begin_and_by_range_texts(text: str, first: str, count: int) -> None:
    found = subject()
    ordinals = found_by(text, found.partitions)
    assert (found.partitions.key(ordinals.first), len(ordinals)) == (first, count)


@pytest.mark.parametrize("text", ["z", "[k000", "a|b"])
def test_what_finds_nothing_is_refused(text: str) -> None:
    with pytest.raises(BackfilldError):
        found_by(text, subject().partitions)


def test_ends_in_either_order_are_looked_at() -> None:
    view = view_of(subject(), "k019", "k010")
    assert (view.keys, view.count) == (("k010", "k019"), 10)
    assert view.counts["materialized"] == 10


def test_looking_wider_stays_within_what_there_is() -> None:
    beside = dict(view_of(subject(), "k115", "k119").beside)
    assert beside["Earlier"] == ("k110", "k114")
    assert beside["Zoom out"][1] == "k119"
    assert "Later" not in beside


def test_an_asset_that_never_was_is_unknown() -> None:
    story = Story(letters)
    with pytest.raises(UnknownError, match="Did you mean letters"):
        subject_of(story.world, "lettres", T0)


def run(run_id: str, position: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401 -- columns of a row
    row = {"run_id": run_id, "position": position, "status": "failed", "error": "boom"}
    return row | {"launched_at": T0, "ended_at": T0 + timedelta(minutes=1)} | more


def made(run_id: str, position: int, **numbers: float) -> dict[str, Any]:
    return {"run_id": run_id, "position": position, "at": T0, "numbers": numbers}


def test_attempts_stand_newest_first_and_few() -> None:
    filled = [About(made("r9", 9, rows=3), [0, 1]), About(made("r2", 2), [0])]
    unfilled = [About(run("r7", 7), [0]), About(run("r1", 1), [0]), About(run("r8", 8), [5])]
    found = attempts_by_ordinal(filled, unfilled, [0, 1, 2])
    assert [(each.run_id, each.status, each.said) for each in found[0]] == [
        ("r9", "materialized", "rows 3"),
        ("r7", "failed", "boom"),
        ("r2", "materialized", ""),
    ]
    assert [each.run_id for each in found[1]] == ["r9"]
    assert found[2] == []


def test_a_run_that_filled_a_partition_and_failed_later_filled_it() -> None:
    found = attempts_by_ordinal([About(made("r1", 3), [0])], [About(run("r1", 1), [0, 1])], [0, 1])
    assert [each.status for each in found[0]] == ["materialized"]
    assert [each.status for each in found[1]] == ["failed"]
