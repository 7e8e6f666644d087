"""What a filter finds is the same in every log, and a single fact is judged as a log would judge it."""

from datetime import timedelta
from itertools import combinations

import pytest

from events.envelope import Event
from events.facts import (
    BackfillCompleted,
    BackfillPaused,
    BackfillRequested,
    Fact,
    Failure,
    LeaderElected,
    PartitionFailed,
    PartitionMaterialized,
    PartitionSkipped,
    RunFailed,
    RunGroup,
    RunLaunched,
    RunStarted,
    RunSucceeded,
)
from events.ids import derived_id
from events.log import Filter, Log
from events.matching import Matcher
from tests.contract.told import T0, everything, gathered, positions

PERSON = "ada@office"


def requested(*groups: tuple[tuple[str, ...], int]) -> BackfillRequested:
    plan = tuple(RunGroup(assets, "here", None, None, runs) for assets, runs in groups)
    total = sum(runs for _, runs in groups)
    return BackfillRequested(("*",), "--all", {}, "2024-01-01T00:00:00Z", plan, total, "0" * 64)


def launched(number: int, *assets: str) -> RunLaunched:
    return RunLaunched(number, 1, assets, None, "here", "0" * 64)


# Of the first backfill, runs 1 and 2 fill a alone, run 3 b and c; the second fills c; they overlap.
TOLD: tuple[tuple[str, str | None, str, Fact], ...] = (
    ("daemon", None, "", LeaderElected("d", "host", 1, "1")),
    (PERSON, "one", "", requested((("a",), 2), (("b", "c"), 1))),
    ("daemon", "one", "one-1-1", launched(1, "a")),
    ("run one-1-1", "one", "one-1-1", RunStarted(7, "host")),
    (PERSON, "two", "", requested((("c",), 1))),
    ("run one-1-1", "one", "one-1-1", PartitionFailed("a", None, Failure("E", 'Über "all"\nSAID'))),
    ("run one-1-1", "one", "one-1-1", RunFailed(1.5, Failure("E", "x"))),
    ("daemon", "two", "two-1-1", launched(1, "c")),
    ("daemon", "one", "one-1.2-2", launched(1, "a")),
    ("run two-1-1", "two", "two-1-1", PartitionMaterialized("c", None, metadata={"rows": 2, "z": [1]})),
    ("bob@office", "one", "", BackfillPaused("lunch, said Bob")),
    ("run one-1.2-2", "one", "one-1.2-2", PartitionMaterialized("a", None)),
    ("daemon", "one", "one-3-1", launched(3, "b", "c")),
    ("run one-3-1", "one", "one-3-1", PartitionMaterialized("b", None)),
    ("daemon", "two", "", BackfillCompleted("succeeded", {"c": 1})),
    ("run one-3-1", "one", "one-3-1", RunSucceeded(2.5)),
    ("daemon", "one", "", PartitionSkipped("c", None, ())),
    (PERSON, "three", "", requested((("d",), 1))),
    ("daemon", "odd", "odd", RunStarted(1, "x")),
)
MOVED_H = {4: 9, 12: -20}  # the clock of one who told: stragglers, and one ahead of the others


def told() -> list[Event]:
    events: list[Event] = []
    for number, (actor, backfill_id, run_id, fact) in enumerate(TOLD, 1):
        at = T0 + timedelta(hours=number + MOVED_H.get(number, 0))
        caused_by = events[1].id if isinstance(fact, RunLaunched) else None
        name = derived_id(at, f"told {number}")
        events.append(Event(name, at, actor, fact, backfill_id, run_id or None, caused_by))
    return events


def hours(number: int) -> timedelta:
    return timedelta(hours=number)


FILTERS = {
    "asset a": (Filter(asset="a"), [2, 3, 4, 6, 7, 9, 11, 12]),
    "asset b": (Filter(asset="b"), [2, 11, 13, 14, 16]),
    "asset c": (Filter(asset="c"), [2, 5, 8, 10, 11, 13, 15, 16, 17]),
    "no such asset": (Filter(asset="a'\\%s"), []),
    "asset and backfill": (Filter(asset="c", backfill_id="two"), [5, 8, 10, 15]),
    "asset and backfill that does not fill it": (Filter(asset="a", backfill_id="two"), []),
    "asset and run": (Filter(asset="c", run_id="one-3-1"), [13, 16]),
    "runs": (Filter(run_ids=frozenset({"one-3-1", "two-1-1"})), [8, 10, 13, 14, 16]),
    "runs and type": (
        Filter(run_ids=frozenset({"one-3-1", "two-1-1", "no-1-1"}), types=frozenset({"RunSucceeded"})),
        [16],
    ),
    "runs and backfill": (Filter(run_ids=frozenset({"one-3-1", "two-1-1"}), backfill_id="two"), [8, 10]),
    "runs and asset": (Filter(run_ids=frozenset({"one-1-1", "two-1-1"}), asset="a"), [3, 4, 6, 7]),
    "positions": (Filter(positions=frozenset({16, 3, 99})), [3, 16]),
    "positions and type": (Filter(positions=frozenset({3, 16}), types=frozenset({"RunLaunched"})), [3]),
    "person": (Filter(actor=PERSON), [2, 5, 18]),
    "daemon": (Filter(actor="daemon"), [1, 3, 8, 9, 13, 15, 17, 19]),
    "run": (Filter(actor="run one-1-1"), [4, 6, 7]),
    "nobody": (Filter(actor="dae%"), []),
    "since": (Filter(since=T0 + hours(13)), [4, 13, 14, 15, 16, 17, 18, 19]),
    "since the last": (Filter(since=T0 + hours(20)), []),
    "until": (Filter(until=T0 + hours(4)), [1, 2, 3, 12]),
    "until the first": (Filter(until=T0 - hours(9)), []),
    "between": (Filter(since=T0 + hours(5), until=T0 + hours(7)), [5, 6]),
    "text": (Filter(text="said"), [6, 11]),
    "text in another case": (Filter(text="SAID bOB"), [11]),
    "text beyond ASCII": (Filter(text="Über"), [6]),
    "text across values": (Filter(text='"rows": 2'), [10]),
    "text that means something to LIKE": (Filter(text="_%"), []),
    "cause": (Filter(causation_id=told()[1].id), [3, 8, 9, 13]),
    "rare types": (Filter(types=frozenset({"RunFailed", "BackfillPaused"})), [7, 11]),
    "types": (Filter(types=frozenset({"RunFailed", "RunStarted"})), [4, 7, 19]),
}


@pytest.fixture
async def told_log(log: Log) -> Log:
    await log.append(told())
    return log


async def test_each_filter_finds_what_it_means(told_log: Log) -> None:
    for name, (matching, expected) in FILTERS.items():
        assert positions(await gathered(told_log.read(matching=matching))) == expected, name
        newest = told_log.read(matching=matching, newest_first=True)
        assert positions(await gathered(newest)) == expected[::-1], name
        some = told_log.read(matching=matching, after=3, upto=12)
        assert positions(await gathered(some)) == [each for each in expected if 3 < each <= 12], name


async def test_filters_combine(told_log: Log) -> None:
    """Two of the conditions together find what both find."""
    for (name, (one, found)), (other_name, (other, other_found)) in combinations(FILTERS.items(), 2):
        default = Filter()
        fields = {
            field: [
                value
                for value in (getattr(one, field), getattr(other, field))
                if value != getattr(default, field)
            ]
            for field in Filter.__struct_fields__
        }
        if any(len(values) > 1 for values in fields.values()):
            continue  # Both say something of the same field.
        both = Filter(**{field: values[0] for field, values in fields.items() if values})
        expected = [each for each in found if each in other_found]
        read = positions(await gathered(told_log.read(matching=both)))
        assert read == expected, f"{name} and {other_name}"


async def test_a_fact_is_judged_as_the_log_judges_it(told_log: Log) -> None:
    """Followers judge the facts themselves."""
    facts = await everything(told_log)
    for name, (matching, expected) in FILTERS.items():
        matcher = Matcher(matching)
        assert [each.position for each in facts if matcher.matches(each)] == expected, name
