"""What is recorded reaches those who look on: all of it, once, in order, whatever breaks between."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import msgspec
import pytest
from anyio.abc import TaskStatus
from litestar.types import HTTPScope

from daemon.clock import ManualClock
from daemon.operations.live import LiveWorld
from daemon.operations.operation import Role
from daemon.web.access import Identity
from daemon.web.identifying import Identifying
from daemon.web.settings import WebSettings
from daemon.web.streams import changes as changes_module
from daemon.web.streams import facts as facts_module
from daemon.web.streams import hub as hub_module
from daemon.web.streams.changes import Changes
from daemon.web.streams.facts import Wanted, facts_after
from daemon.web.streams.hub import Hub
from daemon.web.streams.progress import Progress
from daemon.web.streams.watched import while_let_in
from events.facts import PoolConfigured, TokenRevoked
from events.log import Filter
from events.postgres import PostgresLog
from projections.tables.store import ProjectionStore
from tests.acceptance.test_cli_log_following import backfill_of
from tests.contract.sited import served, tell
from tests.contract.test_web_access import bearer, token
from tests.contract.told import T0

TIMEOUT_S = 30.0


class Event(msgspec.Struct, frozen=True):
    """A server-sent event."""

    name: str
    position: int
    value: Any


async def events_of(lines: AsyncIterator[str]) -> AsyncGenerator[Event]:
    """The events that the lines tell; comments are none."""
    fields: dict[str, str] = {}
    async for line in lines:
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif not line:
            if "data" in fields:
                yield Event(fields["event"], int(fields["id"]), msgspec.json.decode(fields["data"]))
            fields = {}


@asynccontextmanager
async def looking(url: str, **headers: str) -> AsyncGenerator[AsyncGenerator[Event]]:
    """The events of a connection that has begun."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        httpx.AsyncClient(timeout=TIMEOUT_S) as client,
        client.stream("GET", url, headers=named) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert (await anext(lines)).startswith(":")
        yield events_of(lines)


async def some(events: AsyncGenerator[Event], number: int) -> list[Event]:
    with anyio.fail_after(TIMEOUT_S):
        return [await anext(events) for _ in range(number)]


def pools(first: int, last: int) -> list[PoolConfigured]:
    return [PoolConfigured("oven", slots=number) for number in range(first, last + 1)]


async def test_facts_are_told_from_a_position_and_then_as_they_come(migrated_url: str) -> None:
    await tell(migrated_url, *pools(1, 3))
    async with served(migrated_url) as url, looking(f"{url}/api/v1/log/stream?after=1") as events:
        assert [each.position for each in await some(events, 2)] == [2, 3]
        await tell(migrated_url, *pools(4, 5))
        told = await some(events, 2)
        assert [(each.name, each.position) for each in told] == [("fact", 4), ("fact", 5)]
        assert told[0].value["type"] == "PoolConfigured"
        assert told[0].value["data"]["slots"] == 4


async def test_without_a_position_nothing_old_is_told(migrated_url: str) -> None:
    await tell(migrated_url, *pools(1, 3))
    async with served(migrated_url) as url, looking(f"{url}/api/v1/log/stream") as events:
        await tell(migrated_url, *pools(4, 4))
        assert [each.position for each in await some(events, 1)] == [4]


@pytest.mark.timeout(120)
async def test_whoever_comes_again_and_again_gets_everything_once(migrated_url: str) -> None:
    await tell(migrated_url, *pools(1, 1))
    numbers = count(2)
    seen: list[int] = []
    last = 400

    async def record() -> None:
        for _ in range((last - 1) // 7 + 1):
            await tell(migrated_url, *(PoolConfigured("oven", slots=next(numbers)) for _ in range(7)))

    async with served(migrated_url) as url, anyio.create_task_group() as tasks:
        tasks.start_soon(record)
        while not seen or seen[-1] < last:
            headers = {"last_event_id": str(seen[-1])} if seen else {}
            async with looking(f"{url}/api/v1/log/stream?after=0", **headers) as events:
                seen += [each.position for each in await some(events, min(37, last - len(seen)))]
    assert seen == list(range(1, last + 1))


async def test_filters_are_those_of_the_log(migrated_url: str) -> None:
    async with served(migrated_url) as url:
        path = f"{url}/api/v1/log/stream?type=TokenCreated&type=TokenRevoked&after=0"
        await tell(migrated_url, PoolConfigured("a"), token("x", "viewer"), PoolConfigured("b"))
        async with looking(path) as events:
            await tell(migrated_url, PoolConfigured("c"), token("y", "viewer"))
            told = await some(events, 2)
            assert [each.value["data"]["name"] for each in told] == ["x", "y"]
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            for query in ("type=Nothing", "after=-1", "after=x", f"after={2**63}"):
                assert (await client.get(f"{url}/api/v1/log/stream?{query}")).status_code in {400, 422}, query
            headers = {"last-event-id": "x"}
            assert (await client.get(f"{url}/api/v1/log/stream", headers=headers)).status_code == 422
            assert (await client.get(f"{url}/api/v1/backfills/none/progress")).status_code == 404


async def test_who_is_too_slow_for_the_hub_reads_the_log_and_misses_nothing(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "WAITING_MAX", 0)
    await tell(migrated_url, *pools(1, 1))
    async with PostgresLog(migrated_url) as log, anyio.create_task_group() as tasks:
        hub = Hub(log)
        tasks.start_soon(hub.run)
        stream = facts_after(log, hub, 0, Wanted(log, Filter()))
        told = [await anext(stream), await anext(stream)]
        for number in range(2, 12):
            await tell(migrated_url, *pools(number, number))
            await log.wait_past(number - 1)
        while len(told) < 12:
            piece = await anext(stream)
            told += [part for part in piece.split(b"\n\n") if part.startswith(b"id: ")]
        positions = [int(each.split(b"\n")[0].removeprefix(b"id: ")) for each in told[1:]]
        assert positions == list(range(1, 12))
        await stream.aclose()
        assert hub.onlookers == 0
        tasks.cancel_scope.cancel()


async def test_who_is_too_slow_is_told_nothing_more_once_a_token_is_revoked(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "WAITING_MAX", 0)
    await tell(migrated_url, *pools(1, 2))
    async with PostgresLog(migrated_url) as log, anyio.create_task_group() as tasks:
        hub = Hub(log)
        tasks.start_soon(hub.run)
        stream = facts_after(log, hub, 0, Wanted(log, Filter()))
        early = facts_after(log, hub, 1, Wanted(log, Filter()))
        assert b"id: 1\n" in [await anext(stream), await anext(stream)][1]
        assert b"id: 2\n" in [await anext(early), await anext(early)][1]
        with anyio.fail_after(TIMEOUT_S):
            async with hub.looking_on() as other:
                await tell(migrated_url, *pools(3, 3))
                while not other.is_left_behind:
                    await anyio.lowlevel.checkpoint()
                await tell(migrated_url, TokenRevoked("vera"))
                while not other.is_over:
                    await anyio.lowlevel.checkpoint()
            assert [piece async for piece in stream] == []
            assert [piece async for piece in early] == []
        tasks.cancel_scope.cancel()


async def test_pulses_name_what_changed_and_are_few(migrated_url: str) -> None:
    async with served(migrated_url) as url, looking(f"{url}/api/v1/changes") as events:
        await tell(migrated_url, *pools(1, 1))
        (first,) = await some(events, 1)
        assert (first.name, first.value) == ("changed", {"position": 1, "backfills": None, "assets": None})
        for number in range(2, 22):
            await tell(migrated_url, *pools(number, number))
        last = first
        pulses = 0
        while last.position < 21:
            (last,) = await some(events, 1)
            pulses += 1
        assert pulses < 20


async def test_a_revoked_token_ends_what_it_has_opened(migrated_url: str) -> None:
    await tell(migrated_url, token("vera", "viewer"))
    async with served(migrated_url, requires_tokens=True) as url:
        for path in ("log/stream", "changes"):
            async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
                assert (await client.get(f"{url}/api/v1/{path}")).status_code == 401
        async with (
            looking(f"{url}/api/v1/log/stream", **bearer("vera")) as facts,
            looking(f"{url}/api/v1/changes", **bearer("vera")) as pulses,
        ):
            await tell(migrated_url, TokenRevoked("vera"))
            with anyio.fail_after(TIMEOUT_S):
                assert [each.position async for each in facts][-1:] in ([2], [])
                assert len([each async for each in pulses]) <= 1
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            assert (await client.get(f"{url}/api/v1/changes", headers=bearer("vera"))).status_code == 401


@pytest.mark.parametrize("path", ["log/stream", "changes"])
async def test_a_token_that_is_revoked_between_its_check_and_the_stream_opens_none(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    identity_by = Identifying.identity
    handed_out = anyio.Event()

    async def identity(self: Identifying, scope: HTTPScope) -> Identity:
        found = await identity_by(self, scope)
        if found.name == "vera":  # Whoever looks on has heard of it by the time that she begins to.
            await tell(migrated_url, TokenRevoked("vera"))
            await handed_out.wait()
        return found

    async def look_on(events: AsyncGenerator[Event]) -> None:
        assert [each.name async for each in events] in ([], ["fact"])
        handed_out.set()

    monkeypatch.setattr(Identifying, "identity", identity)
    await tell(migrated_url, token("vera", "viewer"), token("otto", "operator"))
    async with served(migrated_url, requires_tokens=True) as url, httpx.AsyncClient() as client:
        with anyio.fail_after(TIMEOUT_S):
            async with (
                looking(f"{url}/api/v1/log/stream", **bearer("otto")) as others,
                anyio.create_task_group() as tasks,
            ):
                tasks.start_soon(look_on, others)
                address = f"{url}/api/v1/{path}?after=0"
                assert (await client.get(address, headers=bearer("vera"))).text == ""
            monkeypatch.undo()
            assert (await client.get(address, headers=bearer("vera"))).status_code == 401


async def test_who_comes_to_a_backfill_tells_the_others_what_they_have_not_heard(migrated_url: str) -> None:
    *asked, paused = backfill_of("a", "a0")
    async with PostgresLog(migrated_url) as log, ProjectionStore(migrated_url) as store:
        await log.append(asked)
        progress = Progress(Hub(log), LiveWorld(log, store), ManualClock(T0))  # that nobody keeps telling
        async with aclosing(progress.standings("a0")) as first, aclosing(progress.standings("a0")) as second:
            with anyio.fail_after(TIMEOUT_S):
                assert b'"status":"running"' in await anext(first)
                await log.append([paused])
                told = await anext(second)
                assert b'"status":"paused"' in told
                assert await anext(first) == told


async def test_nothing_is_told_past_the_expiry_of_a_token(migrated_url: str) -> None:
    expires_at = T0 + timedelta(minutes=1)
    await tell(migrated_url, token("vera", "viewer", expires_at))
    clock = ManualClock(T0)
    settings = WebSettings(Path("/home"), migrated_url, "ada@office")
    async with (
        PostgresLog(migrated_url) as log,
        ProjectionStore(migrated_url) as store,
        anyio.create_task_group() as tasks,
    ):
        hub, live = Hub(log), LiveWorld(log, store)
        tasks.start_soon(hub.run)
        identifying = Identifying(settings, live, clock)
        vera = (await live.at_head()).known.tokens["vera"]

        async def events() -> AsyncGenerator[bytes]:
            for number in range(9):
                yield b"%d" % number

        told = while_let_in(hub, identifying, Identity("vera", Role.VIEWER, vera), events())
        assert [await anext(told), await anext(told)] == [b"0", b"1"]
        clock.advance(timedelta(minutes=1))
        assert [each async for each in told] == []
        tasks.cancel_scope.cancel()


async def run_in_scope(
    run: Callable[[], Awaitable[None]], *, task_status: TaskStatus[anyio.CancelScope]
) -> None:
    with anyio.CancelScope() as scope:
        task_status.started(scope)
        await run()


async def always() -> bool:
    """A daemon is there."""
    return True


async def test_a_daemon_that_comes_or_goes_is_a_change_too(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes_module, "LED_ASKED_EVERY_S", 0.001)
    await tell(migrated_url, *pools(1, 2))
    is_led, asked = [True], anyio.Event()

    async def is_led_now() -> bool:
        asked.set()
        return is_led[-1]

    async with PostgresLog(migrated_url) as log, anyio.create_task_group() as tasks:
        hub = Hub(log)
        changes = Changes(hub, is_led_now)
        tasks.start_soon(hub.run)
        tasks.start_soon(changes.run)
        async with aclosing(changes.pulses(log, 2)) as pulses:
            with anyio.fail_after(TIMEOUT_S):
                assert (await anext(pulses)).startswith(b": what changes")
                await asked.wait()  # It is known by then that a daemon was there.
                for each in (False, True):
                    is_led.append(each)
                    assert b'"backfills":null' in await anext(pulses)
        tasks.cancel_scope.cancel()


async def test_a_stream_takes_no_notice_of_nothing(migrated_url: str) -> None:
    async with PostgresLog(migrated_url) as log:
        await log.append(backfill_of("raw", "b1"))
    async with served(migrated_url) as url, httpx.AsyncClient(base_url=f"{url}/api/v1") as client:
        for path in ("/log/stream?backfil=b", "/changes?backfill=b", "/backfills/b1/progress?after=1"):
            answer = await client.get(path)
            assert answer.status_code == 422
            assert "unknown parameter" in answer.json()["detail"]
        answer = await client.get("/log/stream?asset=nosuch")
        assert answer.status_code == 404
        assert "nosuch" in answer.json()["detail"]


async def test_who_looks_at_pulses_while_nobody_makes_them_hears_of_a_revocation(migrated_url: str) -> None:
    async with PostgresLog(migrated_url) as log:
        hub = Hub(log)
        changes = Changes(hub, always)
        with anyio.fail_after(TIMEOUT_S):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(hub.run)
                making = await tasks.start(run_in_scope, changes.run)
                async with aclosing(changes.pulses(log, 0)) as pulses:
                    assert (await anext(pulses)).startswith(b":")
                    making.cancel()  # As between two looks at the hub.
                    await anyio.wait_all_tasks_blocked()
                    hub.close()
                    assert [each async for each in pulses] == []
                tasks.cancel_scope.cancel()


async def test_who_waits_long_is_told_how_far_the_log_is_looked_through(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts_module, "HEARTBEAT_EVERY_S", 0.0)
    monkeypatch.setattr(facts_module, "READ_AT_ONCE", 2)
    await tell(migrated_url, *pools(1, 5))
    async with PostgresLog(migrated_url) as log, anyio.create_task_group() as tasks:
        hub = Hub(log)
        tasks.start_soon(hub.run)
        wanted = Wanted(log, Filter(types=frozenset({"TokenCreated"})))
        async with aclosing(facts_after(log, hub, 0, wanted)) as stream:
            with anyio.fail_after(TIMEOUT_S):
                told = [await anext(stream) for _ in range(4)]
                assert [each.split(b"\n")[1] for each in told] == [b"id: 0", b"id: 2", b"id: 4", b"id: 5"]
                await tell(migrated_url, *pools(6, 6))
                assert await anext(stream) == b": still here\nid: 6\n\n"
                await tell(migrated_url, token("vera", "viewer"))
                assert (await anext(stream)).startswith(b"id: 7\nevent: fact\n")
        tasks.cancel_scope.cancel()


async def test_who_comes_after_the_end_is_told_that_it_is_over(migrated_url: str) -> None:
    async with PostgresLog(migrated_url) as log, anyio.create_task_group() as tasks:
        hub = Hub(log)
        tasks.start_soon(hub.run)
        async with hub.looking_on():
            hub.close()
        with anyio.fail_after(TIMEOUT_S):
            async with hub.looking_on() as late:
                assert late.is_over
        tasks.cancel_scope.cancel()


async def test_a_stop_waits_for_nobody_who_looks_on(migrated_url: str) -> None:
    async def look(url: str, *, task_status: TaskStatus[None]) -> None:
        async with looking(url) as events:
            task_status.started()
            assert [each async for each in events] == []

    with anyio.fail_after(TIMEOUT_S):
        async with anyio.create_task_group() as tasks, served(migrated_url) as url:
            for path in ("changes", "log/stream"):
                await tasks.start(look, f"{url}/api/v1/{path}")
