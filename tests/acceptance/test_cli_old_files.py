"""The files of runs that ended long ago are removed by the daemon, and nothing else is."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from tests.acceptance.house import CALL_TIMEOUT_S, House, new_house


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with new_house() as house:
        yield house


def until(condition: Callable[[], bool]) -> None:
    """Nothing, once a condition holds that nothing tells of."""

    async def wait() -> None:
        with anyio.fail_after(60):
            while not condition():  # noqa: ASYNC110 - see above
                await anyio.sleep(0.05)

    anyio.run(wait)


def names(folder: Path, beginning: str) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name.startswith(beginning)}


def test_only_runs_that_ended_long_ago_lose_their_files(house: House) -> None:
    outside = house.folder / "outside"
    outside.mkdir()
    (outside / "precious").write_text("mine")
    runs = house.home / "runs"
    with house.daemon("shop.py", "--keep-run-files", "forever", "--max-concurrent", "4"):
        ended = house.call("launch", "orders", "--all", "--wait", "-o", "json").value["id"]
    (runs / f"{ended}-1-1" / "link").symlink_to(outside)
    (runs / "foreign").mkdir()
    (runs / f"{ended}-2-1" / "stdout.log").unlink()
    (runs / f"{ended}-3-1").rename(house.folder / "moved")
    (runs / f"{ended}-3-1").symlink_to(house.folder / "moved")
    with house.daemon("shop.py", "--keep-run-files", "1s", "--max-concurrent", "4") as up:
        waiting = house.call("launch", "region", "--all", "-o", "json").value["id"]
        until(lambda: names(runs, ended) == {f"{ended}-3-1"})
        until(lambda: len(names(runs, waiting)) == 2)
        house.call("backfills")
        (house.folder / "go").touch()
        until(lambda: not names(runs, waiting))
        up.send_signal(signal.SIGTERM)
        _, told = up.communicate(timeout=CALL_TIMEOUT_S)
    removed = [json.loads(line) for line in told.splitlines() if "run_files.removed" in line]
    # A daemon that is stopped right after it has removed the last two does not come to say so.
    assert 9 <= sum(each["runs"] for each in removed) <= 9 + 2
    assert all(each["size_bytes"] > 0 for each in removed)
    assert (outside / "precious").read_text() == "mine"
    assert {path.name for path in runs.iterdir()} == {"foreign", f"{ended}-3-1"}
    assert (house.folder / "moved" / "report.jsonl").exists()


def test_a_run_whose_files_are_gone_is_still_told_of(house: House) -> None:
    (backfill,) = [each for each in house.call("backfills", "-o", "json").value if each["runs_total"] == 10]
    run_id = f"{backfill['id']}-1-1"
    status, out, err = house.call("run", run_id)
    assert (status, err) == (0, "")
    assert "PartitionMaterialized" in out
    assert f"{run_id} any more. It ended on {backfill['ended_at'][:10]} " in out
    assert "some time after its end (keep_run_files: 30d, unless" in out
    value = house.call("run", run_id, "-o", "json").value
    assert (value["files_removed"], value["stdout"]) == (True, None)


def test_what_is_told_and_done_goes_by_the_log_and_not_by_the_files(house: House) -> None:
    (house.folder / "broken").touch()
    with house.daemon("shop.py", "--keep-run-files", "1s"):
        failed = house.call("launch", "orders*", "--all", "--wait", "-o", "json").value["id"]
        until(lambda: not names(house.home / "runs", failed))
        page = house.call("audit", "backfill", failed, "-o", "html")
        assert (page.status, page.err) == (0, "")
        assert house.call("audit", "orders", "-o", "jsonl").status == 0
        assert house.call("status", failed).status == 0
        (house.folder / "broken").unlink()
        assert house.call("retry", failed, "--wait", "-o", "json").status == 0
    assert house.call("log", "verify").status == 0


def test_a_time_that_is_none_is_refused(house: House) -> None:
    status, _, err = house.call("up", "shop.py", "--keep-run-files", "soon")
    assert (status, err) == (
        2,
        "'soon' is no time to keep files: give 30d, 12h, 90min, 60s or forever.\n",
    )
