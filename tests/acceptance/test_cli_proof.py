"""A log with every kind of fact and a thousand backfills: looked at, exported, taken in elsewhere, proved."""

from collections import Counter
from collections.abc import Iterator

import pytest

from events.codec import FACT_TYPES
from events.embedded import embedded_database
from events.envelope import Event
from tests.acceptance.house import House
from tests.acceptance.recorded import house_with
from tests.simulation.together import many_backfills

pytestmark = pytest.mark.timeout(300)
BACKFILLS = 1_000
FORMS = ("all.jsonl", "all.parquet")


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return many_backfills(BACKFILLS)


@pytest.fixture(scope="module")
def house(events: list[Event]) -> Iterator[House]:
    with house_with(events) as house:
        for name in FORMS:
            assert house.call("export", name).status == 0
        yield house


def test_it_is_looked_at(house: House, events: list[Event]) -> None:
    counts = Counter(type(event.fact).__name__ for event in events)
    assert counts.keys() == FACT_TYPES
    assert counts["BackfillRequested"] >= BACKFILLS
    for where in ((), ("--file", "all.jsonl")):
        found = house.call(
            "log", "--type", "RunFailed", "--limit", "0", "-o", "jsonl", *where
        ).out.splitlines()
        assert len(found) == counts["RunFailed"]
    backfill = events[-1].backfill_id or next(e.backfill_id for e in reversed(events) if e.backfill_id)
    about_it = sum(event.backfill_id == backfill for event in events)
    found = house.call("log", "--backfill", backfill, "--limit", "0", "-o", "jsonl").out.splitlines()
    assert len(found) == about_it


def test_database_and_files_prove_and_tell_the_same(house: House, events: list[Event]) -> None:
    whole = house.call("log", "verify", "-o", "json").value
    assert (whole["intact"], whole["head"]) == (True, len(events))
    listed = house.call("backfills", "--limit", "0", "-o", "json")
    assert len(listed.value) >= BACKFILLS
    one = next(each["id"] for each in listed.value if each["runs_total"])
    questions = (("status", one), ("audit", "backfill", one))
    answers = [house.call(*question, "-o", "json").value for question in questions]
    for name in FORMS:
        checked = house.call("verify", name, "-o", "json").value
        assert (checked["intact"], checked["kind"], checked["digest"]) == (True, "whole", whole["digest"])
        assert house.call("backfills", "--limit", "0", "-o", "json", "--file", name).value == listed.value
        of_file = [house.call(*question, "-o", "json", "--file", name).value for question in questions]
        assert of_file == answers


@pytest.mark.parametrize("name", FORMS)
def test_it_is_taken_into_an_empty_database_as_it_was(house: House, name: str) -> None:
    elsewhere = house.folder / f"elsewhere-{name}"
    place = ("--home", elsewhere.name)
    with embedded_database(elsewhere):
        imported = house.call("import", name, *place, "-o", "json").value
        there = house.call("log", "verify", *place, "-o", "json").value
        assert there == house.call("log", "verify", "-o", "json").value
        assert (imported["head"], imported["digest"]) == (there["head"], there["digest"])
        assert house.call("assets", "-o", "json", *place) == house.call("assets", "-o", "json")
        again = house.call("export", f"again-{name}", *place, "-o", "json").value
        assert again["digest"] == there["digest"]
        if name.endswith(".jsonl"):
            first, second = ((house.folder / each).read_bytes() for each in (name, f"again-{name}"))
            assert first.split(b"\n", 1)[1] == second.split(b"\n", 1)[1]
        refused = house.call("import", name, *place)
        assert refused.status == 3
