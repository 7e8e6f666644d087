"""`log --follow` goes on where it was when the database is stopped, or killed, and started again."""

import json
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import anyio
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from events.embedded import data_folder, embedded_database
from events.envelope import Event
from events.facts import (
    BackfillPaused,
    BackfillRequested,
    Fact,
    PartitionMaterialized,
    RunGroup,
    RunLaunched,
    RunSucceeded,
)
from events.ids import new_id
from events.migrating import migrate
from events.pgserver import Server
from events.postgres import PostgresLog
from tests.acceptance.house import CALL_TIMEOUT_S, command, new_house
from tests.acceptance.test_database_gone import kill
from tests.contract.told import T0

RESTARTS = 2
LINE_BYTES_MAX = 100_000


def backfill_of(asset: str, backfill_id: str, *, by: str = "daemon") -> list[Event]:
    """A backfill of two runs over one asset; somebody pauses it."""
    group = RunGroup((asset,), "here", None, 1, 2)
    request = BackfillRequested(("*",), "--all", {}, "2024-01-01T00:00:00Z", (group,), 2, "0" * 64)
    told: list[tuple[str, str | None, Fact]] = [(by, None, request)]
    for number in (1, 2):
        run_id = f"{backfill_id}-{number}-1"
        told += [
            ("daemon", run_id, RunLaunched(number, 1, (asset,), None, "here", "0" * 64)),
            (f"run {run_id}", run_id, PartitionMaterialized(asset, None)),
            (f"run {run_id}", run_id, RunSucceeded(1.5)),
        ]
    told.append((by, None, BackfillPaused("lunch")))
    return [Event(new_id(T0), T0, actor, fact, backfill_id, run_id) for actor, run_id, fact in told]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in which a database may live even when root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="backfilld-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def is_of_a(event: Event) -> bool:
    return (event.backfill_id or "").startswith("a")


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("end", "options", "wanted"),
    [
        (Server.stop, [], lambda _: True),
        (kill, ["--asset", "a"], is_of_a),
        (
            Server.stop,
            ["--asset", "a", "--type", "RunSucceeded", "--type", "RunLaunched"],
            lambda event: is_of_a(event) and isinstance(event.fact, (RunSucceeded, RunLaunched)),
        ),
        (
            kill,
            ["--actor", "ada@office", "--text", "LUNCH"],
            lambda event: is_of_a(event) and isinstance(event.fact, BackfillPaused),
        ),
    ],
)
async def test_following_goes_on_without_gap_or_repeat(
    folder: Path, end: Callable[[Server], None], options: Sequence[str], wanted: Callable[[Event], bool]
) -> None:
    with embedded_database(folder) as url:
        await migrate(url)
        server = Server(data_folder(folder))
        told = [*backfill_of("a", "a0", by="ada@office"), *backfill_of("b", "b0")]
        arguments = command(["log", "--follow", "--from", "1", "-o", "jsonl", "--database", url, *options])
        async with (
            PostgresLog(url, poll_s=0.1) as log,
            await anyio.open_process(arguments, stderr=subprocess.PIPE) as following,
        ):
            assert following.stdout is not None
            lines = BufferedByteReceiveStream(following.stdout)
            await log.append(told)
            seen = await next_of(lines, sum(map(wanted, told)))
            for restart in range(1, RESTARTS + 1):
                news = [*backfill_of("b", f"b{restart}"), *backfill_of("a", f"a{restart}", by="ada@office")]
                # The request is recorded before the database goes, and may be read before or after that.
                await log.append(news[:12])
                await anyio.to_thread.run_sync(end, server)
                await anyio.to_thread.run_sync(server.start)
                await log.append(news[12:])
                told += news
                seen += await next_of(lines, sum(map(wanted, news)))
            following.send_signal(signal.SIGINT)
            assert await following.wait() == 130
            assert [chunk async for chunk in following.stdout] == []
    assert seen == [position for position, event in enumerate(told, 1) if wanted(event)]


async def next_of(lines: BufferedByteReceiveStream, count: int) -> list[int]:
    """The positions of so many facts, as they come."""
    with anyio.fail_after(60):
        return [
            json.loads(await lines.receive_until(b"\n", LINE_BYTES_MAX))["position"] for _ in range(count)
        ]


def test_following_partitions_of_an_asset_learns_of_new_backfills() -> None:
    with new_house() as house, house.daemon():
        house.call("launch", "orders", "--partitions", "2024-01-03", "--wait")
        options = ["--asset", "totals", "--partitions", "2024-01-03"]
        following = house.begin("log", "--follow", "--oldest-first", *options, "-o", "jsonl")
        for days in ("2024-01-01", "[2024-01-02...2024-01-05]", "2024-01-03", "2024-01-06"):
            house.call("launch", "+totals", "--partitions", days, "--wait")
        expected = house.call("log", *options, "-o", "jsonl").out.splitlines()
        assert len(expected) > 8
        assert following.stdout is not None
        assert [following.stdout.readline().rstrip() for _ in expected] == expected
        following.send_signal(signal.SIGINT)
        assert following.communicate(timeout=CALL_TIMEOUT_S)[0] == ""
