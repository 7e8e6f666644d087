"""Pages and API beside a real daemon: where they are served, and what one death does to the other."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import psutil  # type: ignore[import-untyped]  # it has no annotations
import pytest

from tests.acceptance.house import House, line_of, new_house

TIMEOUT_S = 60.0


@pytest.fixture
def house() -> Iterator[House]:
    with new_house() as made:
        yield made


@contextmanager
def serving(house: House, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A daemon that is ready, and what it said; it is stopped in the end if it still runs."""
    with house.begin("up", "shop.py", "-o", "json", *arguments) as up:
        try:
            yield up, json.loads(line_of(up))
        finally:
            up.send_signal(signal.SIGTERM)
            up.communicate(timeout=TIMEOUT_S)


def jobs(url: str) -> list[str]:
    answer = httpx.get(f"{url}/api/v1/jobs", timeout=TIMEOUT_S).raise_for_status().json()
    return [job["job"] for job in answer["items"]]


async def until(holds: Callable[[], bool]) -> None:
    with anyio.fail_after(TIMEOUT_S):
        while not holds():  # noqa: ASYNC110 - what other processes do is looked at.
            await anyio.sleep(0.02)


def web_of(up: subprocess.Popen[str]) -> psutil.Process | None:
    children = psutil.Process(up.pid).children()
    return next((each for each in children if each.cmdline()[-2:] == ["-m", "daemon.web"]), None)


def test_a_free_port_is_found_announced_and_served(house: House) -> None:
    with serving(house, "--port", "0") as (up, told):
        assert jobs(told["url"]) == ["books"]
        announced = json.loads((house.home / "ready.json").read_text())
        assert announced["url"] == told["url"]
        web = web_of(up)
        assert web is not None
        assert web.nice() == psutil.Process(up.pid).nice() + 10
        with web.oneshot():
            secrets = " ".join(web.cmdline())
        assert "postgres" not in secrets
        assert web.net_connections("tcp")[0].laddr.ip == "127.0.0.1"
    assert not web.is_running()


def test_no_pages_where_none_are_wanted(house: House) -> None:
    with serving(house, "--no-web") as (up, told):
        assert told["url"] is None
        assert web_of(up) is None
    (house.folder / "backfilld.toml").write_text("[web]\nserve = false\n")
    with serving(house, "--web", "--port", "0") as (_, told):
        assert jobs(told["url"]) == ["books"]


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with house.begin("up", "shop.py", "--port", port, "--log-level", "error") as up:
            _, err = up.communicate(timeout=TIMEOUT_S)
        assert up.returncode == 2
        assert err == (
            f"Port {port} of 127.0.0.1 is taken by another program; end that, or choose another port with "
            "--port N (0: any that is free), or serve no pages with --no-web.\n"
        )
    assert house.call("log", "-o", "json").value == []


async def test_a_web_process_that_dies_is_begun_again_and_the_daemon_goes_on(house: House) -> None:
    with serving(house, "--port", "0") as (up, told):
        await until(lambda: web_of(up) is not None)
        first = web_of(up)
        assert first is not None
        first.kill()
        await until(lambda: not first.is_running() or first.status() == psutil.STATUS_ZOMBIE)
        assert jobs(told["url"]) == ["books"]
        second = web_of(up)
        assert second is not None
        assert second.pid != first.pid
        launched = await anyio.to_thread.run_sync(house.call, "launch", "orders", "--all", "--wait")
        assert launched.status == 0
        up.send_signal(signal.SIGTERM)
        _, said = up.communicate(timeout=TIMEOUT_S)
    told_of = [each for line in said.splitlines() if (each := json.loads(line))["event"].startswith("web.")]
    assert [(each["event"], each.get("pid") or each["status"]) for each in told_of] == [
        ("web.begun", first.pid),
        ("web.ended", -signal.SIGKILL),
        ("web.begun", second.pid),
    ]


async def test_a_backfill_is_followed_to_its_end(house: House) -> None:
    with serving(house, "--port", "0") as (_, told):
        launch = ("launch", "region", "--all", "-o", "json")
        answer = await anyio.to_thread.run_sync(house.call, *launch)
        path = f"{told['url']}/api/v1/backfills/{answer.value['id']}/progress"
        done, names = [], []
        for _ in range(2):  # Whoever comes when it is over is told so at once.
            async with httpx.AsyncClient(timeout=TIMEOUT_S) as client, client.stream("GET", path) as stream:
                async for line in stream.aiter_lines():
                    if line.startswith("event: "):
                        names.append(line.removeprefix("event: "))
                    elif line.startswith("data: ") and names[-1] == "progress":
                        done.append(json.loads(line.removeprefix("data: "))["runs_done"])
                        (house.folder / "go").touch()
            assert names[-2:] == ["progress", "end"]
        assert done == sorted(done)
        assert (done[0], done[-1], names.count("end")) == (0, 2, 2)


async def test_a_daemon_that_is_killed_takes_its_web_process_along(house: House) -> None:
    with serving(house, "--port", "0") as (up, told):
        assert jobs(told["url"]) == ["books"]
        web = web_of(up)
        assert web is not None
        os.kill(up.pid, signal.SIGKILL)
        await until(lambda: not web.is_running())


async def test_a_standby_serves_pages_once_it_leads_and_no_sooner(house: House) -> None:
    with serving(house, "--port", "0") as (up, told):
        port = told["url"].rpartition(":")[2]
        with house.begin("up", "shop.py", "-o", "json", "--port", port) as standby:
            try:
                assert json.loads(line_of(standby))["ready"] is False
                assert web_of(standby) is None
                up.send_signal(signal.SIGTERM)
                assert json.loads(line_of(standby))["ready"] is True
                await until(lambda: answers(told["url"]))
                await until(lambda: announced_url(house.home) == told["url"])
                assert jobs(told["url"]) == ["books"]
            finally:
                standby.send_signal(signal.SIGTERM)
                standby.communicate(timeout=TIMEOUT_S)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/v1/jobs", timeout=TIMEOUT_S).status_code == 200
    except httpx.TransportError:
        return False


def announced_url(home: Path) -> str | None:
    ready = home / "ready.json"
    return json.loads(ready.read_text())["url"] if ready.exists() else None


def test_pages_of_a_log_that_no_daemon_serves(house: House) -> None:
    with house.daemon():
        pass
    with house.begin("web", "--port", "0", "-o", "jsonl") as web:
        try:
            assert jobs(json.loads(line_of(web))["url"]) == ["books"]
        finally:
            web.send_signal(signal.SIGTERM)
            _, err = web.communicate(timeout=TIMEOUT_S)
    assert (web.returncode, err) == (0, "")
