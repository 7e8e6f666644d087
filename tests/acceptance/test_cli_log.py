"""`backfilld log` as a user calls it, on a real database."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import asyncpg
import pytest
from sqlalchemy import make_url

from daemon.cli.app import run
from events.envelope import Event
from events.facts import (
    BackfillPaused,
    BackfillResumed,
    Fact,
    Failure,
    PartitionKeys,
    PartitionMaterialized,
    RunFailed,
    RunLaunched,
)
from events.ids import new_id
from events.postgres import PostgresLog

BEGAN = datetime(2024, 3, 1, 12, tzinfo=UTC)
ONE_DAY = PartitionKeys(ranges=(("2024-01-01", "2024-01-01"),), count=1)
Call = Callable[..., tuple[int, str, str]]


def history() -> list[Event]:
    """Nine facts of two backfills."""
    facts: list[tuple[str, str | None, Fact]] = [
        ("aaaaaaaa", "aaaaaaaa-1-1", RunLaunched(1, 1, ("raw",), ONE_DAY, "here", "0" * 64)),
        ("aaaaaaaa", "aaaaaaaa-1-1", PartitionMaterialized("raw", ONE_DAY, metadata={"rows": 2})),
        ("bbbbbbbb", "bbbbbbbb-1-1", RunFailed(0.25, Failure("ValueError", "two\nlines"))),
        *(("bbbbbbbb", None, fact) for fact in (BackfillPaused("lunch"), BackfillResumed()) * 3),
    ]
    times = [BEGAN + timedelta(seconds=seconds) for seconds in range(len(facts))]
    return [
        Event(new_id(at), at, "ada@office", fact, backfill_id, run_id)
        for at, (backfill_id, run_id, fact) in zip(times, facts, strict=True)
    ]


@pytest.fixture
async def recorded_url(migrated_url: str) -> str:
    async with PostgresLog(migrated_url) as log:
        await log.append(history())
    return migrated_url


@pytest.fixture
def call(recorded_url: str, capfd: pytest.CaptureFixture[str]) -> Call:
    """Calls the command line on the recorded history: (exit code, what it answered, what it noted)."""

    def called(*arguments: str) -> tuple[int, str, str]:
        status = run(["--database", recorded_url, *arguments])
        return status, *capfd.readouterr()

    return called


def positions(text: str) -> list[int]:
    return [fact["position"] for fact in json.loads(text)]


def test_for_people_it_is_a_line_a_fact(call: Call) -> None:
    status, out, err = call("log")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) == 9
    assert lines[0].split() == [
        *("1", "2024-03-01", "12:00:00.000", "RunLaunched", "aaaaaaaa-1-1"),
        *("run", "1,", "attempt", "1:", "raw", "2024-01-01,", "by", "ada@office"),
    ]
    assert lines[2].endswith("bbbbbbbb-1-1     0.25 s: ValueError: two lines, by ada@office")


def test_in_json_it_is_one_array_with_the_names_of_the_table(call: Call) -> None:
    status, out, _ = call("log", "-o", "json", "--from", "2", "--limit", "1")
    assert status == 0
    (fact,) = json.loads(out)
    assert fact.pop("id").count("-") == 4
    assert fact == {
        "position": 2,
        "at": "2024-03-01T12:00:01.000000Z",
        "type": "PartitionMaterialized",
        "schema": 1,
        "actor": "ada@office",
        "backfill_id": "aaaaaaaa",
        "run_id": "aaaaaaaa-1-1",
        "causation_id": None,
        "correlation_id": None,
        "data": {
            "asset": "raw",
            "partitions": {"ranges": [["2024-01-01", "2024-01-01"]], "count": 1},
            "code_version": None,
            "metadata": {"rows": 2},
        },
    }


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (["--limit", "2"], [8, 9]),
        (["--from", "3", "--limit", "2"], [3, 4]),
        (["--from", "8", "--limit", "0"], [8, 9]),
        (["--from", "10"], []),
        (["--backfill", "aaaaaaaa"], [1, 2]),
        (["--type", "BackfillPaused", "--limit", "2"], [6, 8]),
        (["--type", "BackfillPaused", "--type", "RunFailed", "--limit", "0"], [3, 4, 6, 8]),
        (["--backfill", "aaaaaaaa", "--type", "RunFailed"], []),
    ],
)
def test_what_is_chosen(call: Call, arguments: list[str], expected: list[int]) -> None:
    status, out, _ = call("log", "-o", "json", *arguments)
    assert (status, positions(out)) == (0, expected)


def test_options_of_every_command_go_before_or_after_it_and_the_inner_one_wins(call: Call) -> None:
    assert call("-o", "json", "log", "--limit", "1")[1].startswith("[")
    assert call("-o", "json", "log", "--limit", "1", "-o", "jsonl")[1].startswith("{")


def test_nothing_found_is_said_to_people_only(call: Call) -> None:
    assert call("log", "--backfill", "cccccccc") == (0, "", "No fact matches.\n")
    assert call("log", "--backfill", "cccccccc", "-o", "json") == (0, "[]\n", "")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["log", "--type", "RunFaild"], 2, "There is no fact of type 'RunFaild'. Did you mean RunFailed"),
        (["log", "--from", "0"], 2, "Invalid value for '--from'"),
        (["log", "--tipe", "x"], 2, "No such option: --tipe (Possible options: --"),
        (["logg"], 2, "No such command 'logg'. Did you mean 'log'?"),
        (["log", "--follow", "-o", "json"], 2, "A log that is followed never ends"),
        (
            ["log", "--database", "postgresql://x:secret@127.0.0.1:1/y"],
            4,
            "The log at postgresql+asyncpg://x:***@",
        ),
        (
            ["log", "--database", "mysql://x/y"],
            3,
            "Expected the URL of a PostgreSQL database, found mysql://",
        ),
    ],
)
def test_a_mistake_is_one_sentence(call: Call, arguments: list[str], code: int, sentence: str) -> None:
    status, out, err = call(*arguments)
    assert (status, out) == (code, "")
    assert err.startswith(sentence)
    assert err.count("\n") == 1


def test_a_log_as_it_was_written_is_verified(call: Call) -> None:
    status, out, _ = call("log", "verify", "-o", "json")
    assert status == 0
    answer = json.loads(out)
    assert (answer["intact"], answer["head"], len(answer["digest"])) == (True, 9, 64)
    assert call("log", "verify")[1].startswith("The log is as it was written: 9 facts.\nIts digest is ")


async def alter(url: str) -> None:
    """Changes a fact as an administrator could who puts the triggers out of action."""
    connection = await asyncpg.connect(make_url(url).set(drivername="postgresql").render_as_string(False))
    await connection.execute("ALTER TABLE log DISABLE TRIGGER ALL")
    await connection.execute("UPDATE log SET actor = 'mallory' WHERE position = 3")
    await connection.close()


def test_a_fact_that_was_changed_is_found(recorded_url: str, call: Call) -> None:
    anyio.run(alter, recorded_url)
    status, out, _ = call("log", "verify", "-o", "json")
    answer = json.loads(out)
    assert (status, answer["intact"], answer["position"]) == (1, False, 3)
    status, out, _ = call("log", "verify")
    assert status == 1
    assert out.startswith("The log is not as it was written. Position 3: ")


def test_a_database_without_a_log_is_told_apart_from_none(
    database_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["log", "--database", database_url]) == 10
    assert "Start the daemon once on it" in capfd.readouterr().err


def test_no_embedded_database_is_made_for_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BACKFILLD_DATABASE_URL", raising=False)
    assert run(["log", "--home", str(tmp_path / "home")]) == 4
    assert "`backfilld up` begins one" in capfd.readouterr().err
    assert not (tmp_path / "home").exists()


async def test_following_shows_what_comes_until_interrupted(recorded_url: str) -> None:
    command = [
        sys.executable,
        "-m",
        "daemon.cli",
        "log",
        "--follow",
        "--limit",
        "1",
        "--type",
        "BackfillPaused",
    ]
    arguments = [*command, "-o", "jsonl", "--database", recorded_url]
    with anyio.fail_after(60):
        async with await anyio.open_process(
            arguments, stderr=subprocess.STDOUT, env=dict(os.environ)
        ) as process:
            assert process.stdout is not None
            assert json.loads(await process.stdout.receive())["position"] == 8
            async with PostgresLog(recorded_url) as log:
                facts = (BackfillResumed(), BackfillPaused())
                await log.append([Event(new_id(BEGAN), BEGAN, "ada", fact) for fact in facts])
            assert json.loads(await process.stdout.receive())["position"] == 11
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 130
            assert [chunk async for chunk in process.stdout] == []


def test_a_reader_that_has_seen_enough_is_no_error(recorded_url: str) -> None:
    command = [sys.executable, "-m", "daemon.cli", "log", "--database", recorded_url]
    piped = subprocess.run(
        ["bash", "-c", '"$@" | true; echo "${PIPESTATUS[0]}"', "-", *command],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (piped.stdout, piped.stderr) == ("0\n", "")
