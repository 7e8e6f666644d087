"""Launches with a key: answered again from the log, whatever others wrote meanwhile."""

from pathlib import Path

import msgspec
import pytest

from daemon.clock import ManualClock
from daemon.operations.errors import RefusedError, UsageError
from daemon.operations.launching import (
    LaunchAsked,
    Launched,
    RetryAsked,
    backfill_id_of,
    launch,
    retry,
)
from daemon.operations.records import Place, Records
from events.envelope import Event
from events.facts import (
    BackfillCancelRequested,
    BackfillCompleted,
    BackfillRequested,
    DynamicPartitionsAdded,
    PoolConfigured,
)
from events.ids import new_id
from events.memory import MemoryLog
from projections.tables.memory import FoldedStore
from tests.story import T0
from tests.unit.cli.test_cli_records import BusyLog, declared, told

ALL = LaunchAsked(selection=("raw",), all=True, reason="late")


async def opened(log: MemoryLog, *, actor: str = "ada", key: str | None = "mine") -> Records:
    """Records of a log with a code location of five days, asked with a key."""
    if await log.head() == 0:
        await log.append([Event(new_id(T0), T0, "daemon", declared(5))])
    return Records(Place(Path(), None, actor, key), log, FoldedStore(), ManualClock(T0))


async def requested(log: MemoryLog) -> list[str]:
    return [each.backfill_id or "" for each in await told(log) if isinstance(each.fact, BackfillRequested)]


async def test_the_first_answer_is_given_again_on_a_log_that_others_write_to() -> None:
    log = BusyLog(*[PoolConfigured("p")] * 3)
    first = await launch(await opened(log), ALL)
    await log.append([Event(new_id(T0), T0, "daemon", declared(9))])
    log.others = [DynamicPartitionsAdded("x", ("y",))]
    assert await launch(await opened(log), ALL) == first
    assert first.runs_total == 5
    assert await requested(log) == [first.id]


async def test_each_key_and_each_actor_has_a_backfill_of_its_own() -> None:
    log = MemoryLog()
    asked: list[Launched] = [
        await launch(await opened(log, actor=actor, key=key), ALL)
        for actor, key in (("ada", "mine"), ("eve", "mine"), ("ada", "other"), ("ada", None), ("ada", None))
    ]
    assert len({each.id for each in asked}) == len(await requested(log)) == 5


@pytest.mark.parametrize(
    "other",
    [
        {"reason": None}, {"priority": 1}, {"max_concurrent": 2}, {"tags": {"a": "b"}}, {"random": True},
        {"all": False, "partitions": ("2024-01-01",)}, {"selection": ("nothing",)},
        {"only_between": "22:00-06:00 UTC"},
    ],
)  # fmt: skip
async def test_another_question_is_refused(other: dict[str, object]) -> None:
    log = MemoryLog()
    first = await launch(await opened(log), ALL)
    with pytest.raises(UsageError, match=f"another question, which launched backfill {first.id}"):
        await launch(await opened(log), msgspec.structs.replace(ALL, **other))
    assert await requested(log) == [first.id]


async def test_a_retry_is_answered_again_while_its_successor_is_under_way() -> None:
    log = MemoryLog()
    first = await launch(await opened(log, key="first"), ALL)
    ended = (BackfillCancelRequested(None), BackfillCompleted("canceled"))
    await log.append([Event(new_id(T0), T0, "daemon", fact, backfill_id=first.id) for fact in ended])
    asked = RetryAsked(backfill_id=first.id)
    again = await retry(await opened(log), asked)
    assert (again.parent_backfill_id, again.runs_total) == (first.id, 5)
    assert await retry(await opened(log), asked) == again
    with pytest.raises(UsageError, match="another question"):
        await launch(await opened(log), ALL)
    with pytest.raises(RefusedError, match="has not ended"):
        await retry(await opened(log, key="other"), RetryAsked(backfill_id=again.id))
    assert await requested(log) == [first.id, again.id]


def test_an_id_is_of_one_actor_and_key() -> None:
    assert backfill_id_of("ada", "mine") == backfill_id_of("ada", "mine")
    ids = {backfill_id_of(*pair) for pair in (("a", "bc"), ("ab", "c"), ('a"', "bc"), ("a", '"bc'))}
    assert len(ids) == 4
    assert all(len(each) == 8 and each.isalnum() for each in ids)
    for key in ("", "x" * 256):
        with pytest.raises(UsageError, match="1 to 255 characters"):
            backfill_id_of("ada", key)
