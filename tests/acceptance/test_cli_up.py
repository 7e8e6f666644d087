"""`up` and `reload` as a user calls them: what is loaded, what is said, how it ends or fails to begin."""

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.service.home_lock import serving_pid
from tests.acceptance.house import Answer, House, line_of, new_house

ONE_MORE = """

@asset(partitions_def=DAYS, deps=[orders])
def returns(context):
    pass
"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with new_house() as house:
        yield house


def ended(house: House, *arguments: str) -> Answer:
    """A command of which nothing but its end is awaited, in a process of its own."""
    with house.begin(*arguments) as begun:
        out, err = begun.communicate(timeout=90)
    return Answer(begun.returncode, out, err)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_gently(house: House, stop: signal.Signals) -> None:
    with house.begin("up", "shop.py", "-o", "json", "--max-concurrent", "2", "--grace", "1") as up:
        ready = json.loads(line_of(up))
        up.send_signal(stop)
        out, err = up.communicate(timeout=60)
    assert (up.returncode, out) == (0, "")
    assert (ready["ready"], ready["pid"], ready["assets"]) == (True, up.pid, 4)
    assert (ready["code_locations"], ready["home"]) == (["shop"], str(house.home.resolve()))
    assert json.loads(err.splitlines()[-1])["event"] == "daemon.stopped"
    assert serving_pid(house.home) is None
    assert not (house.home / "ready.json").exists()


def test_a_signal_before_it_is_ready_ends_it_gently_too(house: House) -> None:
    (house.folder / "sleepy.py").write_text("import time\nopen('asleep', 'w').close()\ntime.sleep(60)\n")
    asleep = house.folder / "asleep"
    with house.begin("up", "sleepy.py") as up:
        while not asleep.exists():
            assert up.poll() is None, up.communicate()
        up.send_signal(signal.SIGTERM)
        _, err = up.communicate(timeout=60)
    asleep.unlink()
    assert up.returncode == 0
    assert "Traceback" not in err


def test_people_are_told_beside_the_log_what_it_serves(house: House) -> None:
    with house.begin("up", "shop.py") as up:
        assert up.stderr is not None
        told = ""
        while "Ctrl-C" not in told:
            line = up.stderr.readline()
            assert line, told
            told += line
        up.send_signal(signal.SIGTERM)
        out, _ = up.communicate(timeout=60)
    assert (up.returncode, out) == (0, "")
    assert "event=daemon.leading" in told
    assert " serves 4 assets of shop, at position " in told
    assert f"Home {house.home.resolve()}, with the embedded database." in told


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "No code to run: name files or modules (backfilld up pipeline.py), or put [[code_location]]"),
        (["nowhere.py"], "There is no file nowhere.py."),
        (["shop.py", "other/shop.py"], "Shop.py and other/shop.py would both be called 'shop'"),
        (["my pipeline.py"], "My pipeline.py cannot be a code location's name"),
        (["shop.py", "--max-concurrent", "0"], "Invalid value for '--max-concurrent'"),
        (["shop.py", "--home", "shop.py/home"], "The home folder "),
    ],
)
def test_a_mistake_is_one_sentence(house: House, arguments: list[str], sentence: str) -> None:
    (house.folder / "other").mkdir(exist_ok=True)
    for name in ("other/shop.py", "my pipeline.py"):
        (house.folder / name).touch()
    status, out, err = ended(house, "up", *arguments)
    assert (status, out) == (2, "")
    assert err.startswith(sentence)
    assert err.count("\n") == 1


def test_a_second_daemon_that_is_not_to_stand_by_is_turned_away_and_harms_nothing(house: House) -> None:
    with house.daemon() as up:
        status, _, err = ended(house, "up", "shop.py", "--no-standby", "--log-level", "error")
        assert status == 11
        assert err.startswith(f"Another daemon (process {up.pid} on {socket.gethostname()}) serves this log;")
        assert house.call("reload").status == 0


def test_a_daemon_on_a_home_that_serves_another_log_is_turned_away(house: House, migrated_url: str) -> None:
    with house.daemon() as up:
        status, _, err = ended(house, "up", "shop.py", "--database", migrated_url, "--log-level", "error")
        assert status == 11
        assert err.startswith(f"Another daemon (process {up.pid}) serves {house.home.resolve()};")


def test_a_standby_is_told_of_and_ends_when_it_is_asked_to(house: House) -> None:
    with house.daemon() as up:
        with house.begin("up", "shop.py") as standby:
            assert standby.stderr is not None
            line = standby.stderr.readline()
            leader = f"process {up.pid} on {socket.gethostname()}"
            assert line.startswith(f"This daemon (process {standby.pid}) stands by for the one that leads")
            assert f" ({leader}), and takes over" in line
            told = house.call("status").out
            assert f"process {standby.pid} on {socket.gethostname()} stands by" in told
            value = house.call("status", "-o", "json").value["daemon"]
            assert value["pid"] == up.pid
            assert value["standbys"] == [{"pid": standby.pid, "host": socket.gethostname()}]
            checks = {check["name"]: check for check in house.call("doctor", "-o", "json").value}
            assert checks["daemon"]["found"].startswith(f"{leader} leads; process {standby.pid} on ")
            standby.send_signal(signal.SIGTERM)
            _, err = standby.communicate(timeout=60)
        assert standby.returncode == 0
        assert "Traceback" not in err
        assert house.call("status", "-o", "json").value["daemon"]["standbys"] == []


@pytest.mark.parametrize(
    ("code", "shown"),
    [("import no_such_module", "ModuleNotFoundError: No module named"), ("x = (", "SyntaxError")],
)
def test_code_that_does_not_import_is_shown_with_one_line_of_what_to_do(
    house: House, code: str, shown: str
) -> None:
    (house.folder / "wrong.py").write_text(f"{code}\n")
    status, out, err = ended(house, "up", "wrong.py", "shop.py")
    assert (status, out) == (12, "")
    *traceback, last = err.splitlines()
    assert 'wrong.py", line 1' in "\n".join(traceback)
    assert shown in "\n".join(traceback)
    assert last.startswith("Code location wrong could not be imported (")
    assert "mend the code and start again" in last


def test_a_database_that_is_not_there_is_told(house: House) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"postgresql://x@127.0.0.1:{nobody.getsockname()[1]}/y"
        status, _, err = ended(house, "up", "shop.py", "--database", url)
    assert status == 4
    assert err.splitlines()[-1].startswith("The log at postgresql+asyncpg://x@127.0.0.1:")


def test_what_was_asked_for_while_it_was_away_is_done_by_the_next(house: House) -> None:
    with house.daemon():
        pass
    own = house.call("launch", "orders", "--partitions", "2024-01-01", "-o", "json").value["id"]
    with house.daemon():
        assert house.call("status", own, "--watch").status == 0


def test_code_locations_of_the_file_are_served_by_their_names(house: House) -> None:
    settings = house.folder / "backfilld.toml"
    settings.write_text('[[code_location]]\nname = "corner_shop"\nfile = "shop.py"\n')
    with house.begin("up", "-o", "json") as up:
        assert json.loads(line_of(up))["code_locations"] == ["corner_shop"]
        # The location `shop`, which is not served any more, has handed its assets on.
        listed = {row["asset"]: row["code_location"] for row in house.call("assets", "-o", "json").value}
        up.send_signal(signal.SIGTERM)
        up.communicate(timeout=60)
    settings.unlink()
    assert listed == {"source": None} | dict.fromkeys(["orders", "region", "totals", "report"], "corner_shop")


def test_a_module_is_served_by_the_last_part_of_its_name(house: House) -> None:
    (house.folder / "warehouse").mkdir()
    (house.folder / "warehouse/__init__.py").touch()
    (house.folder / "warehouse/stock.py").write_text((house.folder / "shop.py").read_text())
    with house.begin("up", "-o", "json", "warehouse.stock") as up:
        assert json.loads(line_of(up))["code_locations"] == ["stock"]
        up.send_signal(signal.SIGTERM)
        up.communicate(timeout=60)


def test_reload_tells_what_changed_and_what_failed(house: House) -> None:
    shop = house.folder / "shop.py"
    text = shop.read_text()
    with house.daemon():
        assert house.call("reload") == (0, "shop is loaded: 4 assets, as before.\n", "")
        changed = text.replace("def region(", "def regions(").replace("multi_run(4)", "multi_run(5)")
        shop.write_text(changed + ONE_MORE)
        (value,) = house.call("reload", "-o", "json").value
        assert (value["code_location"], value["status"], value["assets"]) == ("shop", "loaded", 5)
        assert (value["added"], value["removed"]) == (["regions", "returns"], ["region"])
        assert value["changed"] == {"totals": ["backfill_policy"]}
        shop.write_text(text)
        told = [" ".join(line.split()) for line in house.call("reload").out.splitlines()]
        assert told == [
            "shop is loaded: 4 assets.",
            "added region",
            "removed regions",
            "removed returns",
            "changed totals: backfill policy",
        ]
        shop.write_text("1 / 0\n")
        status, out, err = house.call("reload")
        assert (status, out) == (12, "shop failed to load: ZeroDivisionError: division by zero\n")
        assert f'File "{shop}", line 1' in err
        assert err.endswith("Mend the code, then reload again; what was declared before stays.\n")
        assert house.call("plan", "region", "--all").status == 0
        status_told = house.call("status").out
        assert "Code location shop has failed to load since " in status_told
        assert "Its runs go on with the code loaded before" in status_told
        shop.write_text(text)
        assert house.call("reload").status == 0


def test_reload_without_a_daemon_says_so(house: House) -> None:
    status, _, err = house.call("reload")
    assert status == 3
    assert err.startswith(f"No daemon serves {house.home.resolve()}; `backfilld up` starts one")


def test_where_nothing_was_ever_loaded_it_is_said(tmp_path: Path) -> None:
    house = House(tmp_path)
    for arguments in (["assets"], ["plan", "orders", "--all"], ["launch", "orders", "--all"], ["status"]):
        status, out, err = house.call(*arguments)
        assert (status, out) == (4, "")
        assert err.startswith("No log in ")
    assert not house.home.exists()
