"""What every log promises to whoever appends and reads."""

import math
from datetime import timedelta, timezone
from typing import Any

import anyio
import pytest

from events.envelope import Event
from events.errors import FactNotStorableError
from events.facts import (
    DefinitionsLoaded,
    Failure,
    PartitionKeys,
    PartitionMaterialized,
    RunFailed,
    RunLaunched,
    RunSucceeded,
)
from events.log import READ_BATCH_MAX, Appended, Filter, HeadMoved, Log
from tests.contract.told import T0, event, events, everything, gathered, ids, positions

MANY = 1_000  # more than goes into one statement, or is decoded at once


async def test_an_empty_log_has_the_head_zero_and_nothing_to_read(log: Log) -> None:
    assert await log.head() == 0
    assert await everything(log) == []


@pytest.mark.parametrize("count", [1, 2, 33, MANY])
async def test_positions_count_from_one_without_gaps_in_the_order_given(log: Log, count: int) -> None:
    told = events("a", count)
    assert await log.append(told) == Appended(tuple(range(1, count + 1)), count)
    assert await log.append([event("last")]) == Appended((count + 1,), count + 1)
    read = await everything(log)
    assert positions(read) == list(range(1, count + 2))
    assert ids(read) == [*ids(told), event("last").id]


async def test_what_is_read_is_what_was_told(log: Log) -> None:
    day = PartitionKeys(ranges=(("2024-01-01", "2024-01-31"),), count=31)
    first = event("1", RunLaunched(1, 2, ("a/b",), day, "here", "f" * 64), backfill_id="b", run_id="b-1-2")
    second = Event(
        id=event("2").id,
        at=T0.astimezone(timezone(timedelta(hours=-5))),
        actor='tab\t, newline\n, backslash \\, quote ", ü, \u2028 and %s',
        fact=RunFailed(0.25, Failure("ValueError", "no \\n, but\na line", "C:\\temp\\new")),
        causation_id=first.id,
        correlation_id=first.id,
    )
    await log.append([first, second])
    for told, read in zip((first, second), await everything(log), strict=True):
        assert (read.id, read.at, read.actor, read.fact) == (told.id, told.at, told.actor, told.fact)
        assert (read.backfill_id, read.run_id) == (told.backfill_id, told.run_id)
        assert (read.causation_id, read.correlation_id) == (told.causation_id, told.correlation_id)
        assert read.at.utcoffset() == timedelta(0)


ODD_VALUES: dict[str, tuple[Any, Any]] = {
    "not a number": (math.nan, "NaN"),
    "infinities": ([math.inf, -math.inf], ["Infinity", "-Infinity"]),
    "minus zero": (-0.0, 0.0),
    "a large float": (1e22, 10**22),
    "the largest float": (1.7976931348623157e308, 17976931348623157 * 10**292),
    "the smallest float": (5e-324, 5e-324),
    "a float like an integer": (5.0, 5.0),
    "a large integer": (-(2**200), -(2**200)),
    "an integer too large": (2**5000, hex(2**5000)),
    "NUL in a text": ("a\0b", "a\u2400b"),
    "a lone surrogate": ("a\ud800b", "a\ufffdb"),
    "odd keys": ({"\0": 1, "\udfff": 2, "": 3}, {"\u2400": 1, "\ufffd": 2, "": 3}),
    "escapes": ("\\u0000 \\ \x01\x7f\r\n\t\u2028 \U0001f600", "\\u0000 \\ \x01\x7f\r\n\t\u2028 \U0001f600"),
    "nested": ({"a": [1, {"b": (None, True)}]}, {"a": [1, {"b": [None, True]}]}),
}


@pytest.mark.parametrize(("told", "read"), ODD_VALUES.values(), ids=ODD_VALUES.keys())
async def test_any_value_is_kept_as_it_is_or_as_the_codec_says(log: Log, told: object, read: object) -> None:
    await log.append([event("1", PartitionMaterialized("a", None, metadata={"v": told}))])
    (recorded,) = await everything(log)
    assert isinstance(recorded.fact, PartitionMaterialized)
    found = recorded.fact.metadata["v"]
    assert found == read
    assert type(found) is type(read)


async def test_odd_texts_of_the_envelope_are_kept_as_the_codec_says(log: Log) -> None:
    odd = "\0 \ud800"
    await log.append([Event(event("1").id, T0, odd, RunSucceeded(1.0), backfill_id=odd, run_id=odd)])
    (read,) = await everything(log)
    assert {read.actor, read.backfill_id, read.run_id} == {"\u2400 \ufffd"}


@pytest.mark.parametrize(
    "broken",
    [
        Event("not a uuid", T0, "tester", RunSucceeded(1.0)),
        Event(event("1").id.upper(), T0, "tester", RunSucceeded(1.0)),
        Event(event("1").id, T0.replace(tzinfo=None), "tester", RunSucceeded(1.0)),
        Event(event("1").id, T0, "tester", RunSucceeded(math.nan)),
        Event(event("1").id, T0, "tester", DefinitionsLoaded("here", "digest", {"v": object()})),
        Event(event("1").id, T0, "tester", RunSucceeded(1.0), causation_id="nobody"),
    ],
    ids=["id", "upper-case id", "time zone", "number", "object", "cause"],
)
@pytest.mark.parametrize("company", [0, MANY])
async def test_what_could_not_be_read_again_is_refused_with_all_its_company(
    log: Log, broken: Event, company: int
) -> None:
    with pytest.raises(FactNotStorableError):
        await log.append([*events("a", company), broken])
    assert await log.head() == 0
    assert await log.append([event("fine")]) == Appended((1,), 1)


async def test_nothing_is_appended_to_an_expected_head_that_has_moved(log: Log) -> None:
    await log.append(events("a", 3), expected_head=0)
    assert await log.append([event("late")], expected_head=2) == HeadMoved(3)
    assert await log.append([event("early")], expected_head=4) == HeadMoved(3)
    assert await log.append(events("many", MANY), expected_head=2) == HeadMoved(3)
    assert await log.append([event("right")], expected_head=3) == Appended((4,), 4)
    assert ids(await everything(log)) == ids([*events("a", 3), event("right")])


async def test_appending_nothing_compares_the_head_and_changes_nothing(log: Log) -> None:
    assert await log.append([]) == Appended((), 0)
    await log.append([event("1")])
    assert await log.append([]) == Appended((), 1)
    assert await log.append([], expected_head=1) == Appended((), 1)
    assert await log.append([], expected_head=0) == HeadMoved(1)


@pytest.mark.parametrize("count", [1, 3, MANY])
async def test_appending_again_gives_the_first_answer_and_writes_nothing(log: Log, count: int) -> None:
    told = events("a", count)
    first = await log.append(told, expected_head=0)
    await log.append([event("between")])
    assert await log.append(told) == first
    assert await log.append(told, expected_head=0) == first
    assert await log.append(list(reversed(told))) == Appended(tuple(range(count, 0, -1)), count)
    assert await log.head() == count + 1


@pytest.mark.parametrize("count", [3, MANY])
async def test_of_a_batch_partly_there_the_rest_is_written(log: Log, count: int) -> None:
    told = events("a", count)
    await log.append([told[1]])
    assert await log.append(told) == Appended((2, 1, *range(3, count + 1)), count)
    assert ids(await everything(log)) == ids([told[1], told[0], *told[2:]])


async def test_of_a_batch_partly_there_nothing_is_written_if_the_head_has_moved(log: Log) -> None:
    told = events("a", 3)
    await log.append([told[1]])
    assert await log.append(told, expected_head=0) == HeadMoved(1)
    assert await log.append(told, expected_head=1) == Appended((2, 1, 3), 3)


async def test_an_event_twice_in_one_batch_is_recorded_once(log: Log) -> None:
    a, b = events("a", 2)
    assert await log.append([a, b, a]) == Appended((1, 2, 1), 2)
    assert ids(await everything(log)) == ids([a, b])


async def test_reading_is_bounded_by_positions_after_exclusive_upto_inclusive(log: Log) -> None:
    await log.append(events("a", 10))

    assert positions(await gathered(log.read(after=3, upto=6))) == [4, 5, 6]
    assert positions(await gathered(log.read(after=8))) == [9, 10]
    assert positions(await gathered(log.read(upto=2))) == [1, 2]
    assert positions(await gathered(log.read(after=-5, upto=99))) == list(range(1, 11))
    assert positions(await gathered(log.read(after=6, upto=6))) == []
    assert positions(await gathered(log.read(after=3, upto=6, newest_first=True))) == [6, 5, 4]


async def test_reading_gives_the_facts_that_match_every_condition(log: Log) -> None:
    launched = RunLaunched(1, 1, ("a",), None, "here", "f")
    await log.append(
        [
            event("1", launched, backfill_id="b", run_id="b-1"),
            event("2", backfill_id="b", run_id="b-1"),
            event("3", launched, backfill_id="b", run_id="b-2"),
            event("4", backfill_id="c'\\%s", run_id="c-1"),
            event("5"),
        ]
    )

    async def found(matching: Filter) -> list[int]:
        return positions(await gathered(log.read(matching=matching)))

    both = frozenset({"RunLaunched", "RunSucceeded"})
    assert await found(Filter()) == [1, 2, 3, 4, 5]
    assert await found(Filter(backfill_id="b")) == [1, 2, 3]
    assert await found(Filter(backfill_id="c'\\%s")) == [4]
    assert await found(Filter(run_id="b-1")) == [1, 2]
    assert await found(Filter(types=frozenset({"RunLaunched"}))) == [1, 3]
    assert await found(Filter(types=both, run_id="b-1")) == [1, 2]
    assert await found(Filter(backfill_id="b", types=frozenset({"RunSucceeded"}))) == [2]
    assert await found(Filter(backfill_id="")) == []


@pytest.mark.parametrize("newest_first", [False, True])
async def test_a_long_log_comes_whole_and_in_order_in_bounded_batches(log: Log, newest_first: bool) -> None:
    count = 2 * READ_BATCH_MAX + 1
    await log.append(events("a", count, backfill_id="b"))
    for matching in (None, Filter(backfill_id="b")):
        read: list[int] = []
        async for batch in log.read(matching=matching, newest_first=newest_first):
            assert 0 < len(batch) <= READ_BATCH_MAX
            read += positions(batch)
        expected = list(range(1, count + 1))
        assert read == (expected[::-1] if newest_first else expected)


async def test_what_is_appended_while_reading_is_not_read(log: Log) -> None:
    await log.append(events("a", 600))
    read = 0
    async for batch in log.read():
        read += len(batch)
        await log.append([event(f"more{read}")])
    assert read == 600


async def test_a_follower_gets_what_is_there_and_what_comes_none_twice(log: Log) -> None:
    told = events("a", 30)
    await log.append(told[:5])
    got: list[str] = []

    async def follow() -> None:
        batches = log.follow(after=2)
        async for batch in batches:
            got.extend(ids(batch))
            if len(got) == 28:
                await batches.aclose()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow)
            for each in told[5:]:
                await log.append([each])
                await anyio.lowlevel.checkpoint()
    assert got == ids(told[2:])


async def test_many_writers_at_once_leave_one_sequence(log: Log) -> None:
    async def write(writer: int) -> None:
        for number in range(20):
            await log.append([event(f"{writer}-{number}")])

    async with anyio.create_task_group() as tasks:
        for writer in range(5):
            tasks.start_soon(write, writer)
    read = await everything(log)
    assert positions(read) == list(range(1, 101))
    for writer in range(5):
        mine = [event(f"{writer}-{number}").id for number in range(20)]
        assert [each.id for each in read if each.id in set(mine)] == mine


async def test_of_several_decisions_at_one_head_one_is_recorded(log: Log) -> None:
    answers: list[Appended | HeadMoved] = []

    async def decide(name: str) -> None:
        answers.append(await log.append([event(name)], expected_head=0))

    async with anyio.create_task_group() as tasks:
        for name in "abcdefgh":
            tasks.start_soon(decide, name)
    assert [answer for answer in answers if isinstance(answer, Appended)] == [Appended((1,), 1)]
    assert await log.head() == 1
