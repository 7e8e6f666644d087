"""`backfilld demo`: the main job, end to end."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from daemon.cli import demo
from daemon.demo import expected
from tests.acceptance.house import House


def demo_folders() -> set[Path]:
    """What demos have left in the temporary folder."""
    return set(Path(tempfile.gettempdir()).glob("backfilld-demo-*"))


def test_it_fills_everything_right_and_keeps_it_to_look_around_in(tmp_path: Path) -> None:
    with House(tmp_path).begin("demo", "--keep", "-o", "json") as begun:
        out, err = begun.communicate(timeout=120)
    assert begun.returncode == 0, err
    value = json.loads(out)
    folder = Path(value["folder"])
    try:
        assert (value["status"], value["differences"], value["runs_total"]) == ("succeeded", [], 1467)
        assert value["progress"]["raw_weather"]["materialized"] == 1461
        assert "100 %  2,971 of 2,971 partitions, 1,467 of 1,467 runs" in err
        assert expected.differences(folder / "weather") == []
        look = House(folder)
        look.home = folder / ".backfilld"
        assert look.call("log", "verify").status == 0
        own = value["backfill_id"]
        assert look.call("status", own, "-o", "json").value["status"] == "succeeded"
        assert len(look.call("runs", "-o", "json", "--limit", "0").value) == 1467
        assert look.call("run", f"{own}-1-1").status == 0
    finally:
        shutil.rmtree(folder)


def test_a_place_of_its_own_is_not_to_be_named(tmp_path: Path) -> None:
    status, _, err = House(tmp_path).call("demo", "--home", "here")
    assert status == 2
    assert err.startswith("The demo makes a home and a database of its own")


def test_a_difference_is_told_and_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = demo_folders()
    monkeypatch.setattr(demo, "SELECTION", "monthly_weather")
    status, out, err = House(tmp_path).call("demo")
    assert status == 1, err
    assert "Not all of it is what the archive says:" in out
    assert "raw file 2012-01-01.csv is missing" in out
    assert demo_folders() == before
    left = subprocess.run(["pgrep", "-f", "backfilld-demo-"], capture_output=True, text=True, check=False)
    assert left.stdout == ""
