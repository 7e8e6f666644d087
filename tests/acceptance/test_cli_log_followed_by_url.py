"""`log --follow --url` goes on where it was when the web process or the database went away meanwhile."""

import json
import signal
import subprocess
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.text import TextReceiveStream

from daemon.web.listening import listening
from events.embedded import data_folder, embedded_database
from events.envelope import Event
from events.facts import BackfillPaused, RunLaunched, RunSucceeded
from events.migrating import migrate
from events.pgserver import Server
from events.postgres import PostgresLog
from tests.acceptance.elsewhere import served_by_daemon
from tests.acceptance.house import CALL_TIMEOUT_S, command, line_of, new_house
from tests.acceptance.test_cli_log_following import LINE_BYTES_MAX, backfill_of, is_of_a, next_of
from tests.acceptance.test_database_gone import kill

TOKENS_NEEDED = "[web]\nrequire_tokens = true\n"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in which a database may live even when root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="backfilld-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def free_port() -> int:
    with listening("127.0.0.1", 0) as listener:
        port: int = listener.getsockname()[1]
    return port


@asynccontextmanager
async def web(database_url: str, port: int, folder: Path) -> AsyncGenerator[Process]:
    """A process that serves the log; it is ended in the end, if it still runs."""
    arguments = command(["web", "--port", str(port), "--database", database_url])
    async with await anyio.open_process(arguments, stderr=subprocess.DEVNULL, cwd=folder) as process:
        assert process.stdout is not None
        await BufferedByteReceiveStream(process.stdout).receive_until(b"\n", LINE_BYTES_MAX)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()


@pytest.mark.timeout(90)
@pytest.mark.parametrize(
    ("end", "options", "wanted"),
    [
        (kill, [], lambda _: True),
        (
            Server.stop,
            ["--type", "RunSucceeded", "--type", "RunLaunched"],
            lambda event: isinstance(event.fact, (RunSucceeded, RunLaunched)),
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
        server, port = Server(data_folder(folder)), free_port()
        told = backfill_of("a", "a0", by="ada@office")
        arguments = ["log", "--follow", "--from", "1", "-o", "jsonl", "--url", f"http://127.0.0.1:{port}"]
        async with PostgresLog(url, poll_s=0.1) as log:
            await log.append(told)
            async with web(url, port, folder) as first:
                following = await anyio.open_process(command([*arguments, *options]), cwd=folder)
                assert following.stdout is not None
                lines = BufferedByteReceiveStream(following.stdout)
                seen = await next_of(lines, sum(map(wanted, told)))
                told += (news := backfill_of("a", "a1", by="ada@office"))
                await log.append(news)
                seen += await next_of(lines, sum(map(wanted, news)))
                told += (news := backfill_of("b", "b0") + backfill_of("a", "a2", by="ada@office"))
                await log.append(news[:9])
                first.kill()
                await first.wait()
                await log.append(news[9:])
            async with web(url, port, folder):
                seen += await next_of(lines, sum(map(wanted, news)))
                told += (news := backfill_of("b", "b1") + backfill_of("a", "a3", by="ada@office"))
                await log.append(news[:9])
                await anyio.to_thread.run_sync(end, server)
                await anyio.to_thread.run_sync(server.start)
                await log.append(news[9:])
                seen += await next_of(lines, sum(map(wanted, news)))
                following.send_signal(signal.SIGINT)
                assert await following.wait() == 130
                assert [chunk async for chunk in following.stdout] == []
                assert following.stderr is not None
                said = "".join([text async for text in TextReceiveStream(following.stderr)])
    assert seen == [position for position, event in enumerate(told, 1) if wanted(event)]
    assert said.count("It is tried again.") == said.count("answers again.") >= 1


def test_a_token_that_is_revoked_ends_it_with_a_sentence() -> None:
    with new_house() as house:
        (house.folder / "backfilld.toml").write_text(TOKENS_NEEDED)
        with served_by_daemon(house) as shop:
            made = house.call("token", "create", "eve", "--role", "viewer", "-o", "json").value
            (house.folder / "token").write_text(made["secret"])
            options = ("--type", "TokenRevoked", "--from", "1", "--token-file", "token", "-o", "jsonl")
            following = house.begin("log", "--follow", *options, "--url", shop.url)
            house.call("token", "create", "bob", "--role", "viewer")
            house.call("token", "revoke", "bob")
            assert json.loads(line_of(following))["data"]["name"] == "bob"
            house.call("token", "revoke", "eve")
            out, err = following.communicate(timeout=CALL_TIMEOUT_S)
            assert (following.returncode, out) == (3, "")
            assert err == (
                f"The daemon at {shop.url} does not take this token: it is unknown, has expired or was "
                "revoked.\n"
            )


def test_following_partitions_of_an_asset_learns_of_new_backfills() -> None:
    with new_house() as house, served_by_daemon(house) as shop:
        house.call("launch", "orders", "--partitions", "2024-01-03", "--wait")
        options = ["--asset", "totals", "--partitions", "2024-01-03"]
        following = house.begin(
            "log", "--follow", "--oldest-first", *options, "-o", "jsonl", "--url", shop.url
        )
        for days in ("2024-01-01", "[2024-01-02...2024-01-05]", "2024-01-03", "2024-01-06"):
            house.call("launch", "+totals", "--partitions", days, "--wait")
        expected = house.call("log", *options, "-o", "jsonl").out.splitlines()
        assert len(expected) > 8
        assert [json.loads(line_of(following)) for _ in expected] == [json.loads(each) for each in expected]
        following.send_signal(signal.SIGINT)
        assert following.communicate(timeout=CALL_TIMEOUT_S)[0] == ""
