"""Whatever the umask is, nobody else on the machine can look into what a home has in it."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from events import private
from events.embedded import data_folder, embedded_database
from tests.acceptance.house import House, new_house

RUNS = "runs"  # each has a folder of its own inside one that is closed


@pytest.fixture
def open_to_all() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.usefixtures("open_to_all")
def test_with_an_open_umask_what_is_made_is_closed() -> None:
    with new_house() as house, house.daemon("shop.py", "--port", "0"):
        assert house.call("launch", "orders", "--partitions", "2024-01-01", "--wait").status == 0
        made = [each for each in house.home.rglob("*") if each.relative_to(house.home).parts[0] != RUNS]
        names = {each.name for each in made}
        assert {"ready.json", "daemon.lock", "postgres.lock", "server.log", "shop.log", "home.id"} <= names
        assert any(name.startswith(".s.PGSQL") for name in names)
        outermost = {each for each in made if each.parent == house.home} | {house.home / RUNS}
        assert [each for each in outermost if mode_of(each) & 0o077] == []
        assert [each for each in made if each.is_file() and mode_of(each) & 0o077] == []


@pytest.mark.usefixtures("open_to_all")
def test_a_home_is_made_closed_and_one_that_is_there_keeps_its_rights(tmp_path: Path) -> None:
    private.make_home(tmp_path / "new")
    assert mode_of(tmp_path / "new") == private.home_mode()
    there = tmp_path / "there"
    there.mkdir(mode=0o750)
    private.make_home(there)
    assert mode_of(there) == 0o750


@pytest.mark.usefixtures("open_to_all")
def test_a_file_of_before_is_closed_once_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    file.write_bytes(b"longer than what follows")
    assert mode_of(file) == 0o666
    private.write(file, b"short")
    assert (file.read_bytes(), mode_of(file)) == (b"short", 0o600)


def test_a_home_that_others_look_into_is_told_of(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.home.mkdir(mode=0o700)
    told = f"{house.home}: others on this machine can look into it"
    assert told not in house.call("doctor").out
    house.home.chmod(0o755)
    assert told in house.call("doctor").out
    (tmp_path / "nothing.py").write_text("1 / 0\n")
    _, _, err = house.call("up", "nothing.py", "--database", "postgresql://nobody@127.0.0.1:1/x", "--no-web")
    assert f"chmod {private.home_mode():o} {house.home}" in err


def test_root_keeps_the_database_in_the_home_that_it_makes() -> None:
    with new_house() as house:
        assert data_folder(house.home) == house.home / "postgres"
        with embedded_database(house.home):
            assert mode_of(house.home / "postgres") == 0o700
