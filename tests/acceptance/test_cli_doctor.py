"""`backfilld doctor` in set-ups that are right, and in ones that are not."""

import json
import shutil
from pathlib import Path

import pytest

from daemon.cli import doctor
from daemon.cli.app import run
from daemon.cli.doctor import Check

GOOD_CODE = "from backfilld import asset\n\n@asset\ndef total() -> None: ...\n"
BAD_CODE = "import backfilld\n\nraise ValueError('no such luck')\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and nothing said by the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BACKFILLD_HOME", raising=False)
    monkeypatch.delenv("BACKFILLD_DATABASE_URL", raising=False)
    return tmp_path


def examined(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Check]]:
    status = run(["doctor", "-o", "json", *arguments])
    out, err = capfd.readouterr()
    assert err == ""
    return status, {check["name"]: Check(**check) for check in json.loads(out)}


def test_a_fresh_folder_is_fine(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, checks = examined(capfd)
    assert status == 0
    assert {check.status for check in checks.values()} <= {"fine", "warning"}
    assert "`backfilld up` begins one" in checks["database"].found
    assert list(folder.iterdir()) == [], "it looks and makes nothing"


@pytest.mark.usefixtures("folder")
def test_a_database_that_answers_tells_its_facts(
    migrated_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    status, checks = examined(capfd, "--database", migrated_url)
    assert (status, checks["database"].status) == (0, "fine")
    assert checks["database"].found == "answers; the log has 0 facts"
    assert checks["embedded database"].found.startswith("not used")


@pytest.mark.usefixtures("folder")
def test_a_database_that_does_not_answer_is_broken(capfd: pytest.CaptureFixture[str]) -> None:
    status, checks = examined(capfd, "--database", "postgresql://x:secret@127.0.0.1:1/y")
    assert (status, checks["database"].status) == (1, "broken")
    assert "secret" not in checks["database"].found
    assert checks["database"].mend


def test_code_is_imported_as_the_daemon_would(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "good.py").write_text(GOOD_CODE)
    (folder / "bad.py").write_text(BAD_CODE)
    (folder / "backfilld.toml").write_text(
        '[[code_location]]\nname = "good"\nfile = "good.py"\n'
        '[[code_location]]\nname = "bad"\nfile = "bad.py"\n'
        '[[code_location]]\nname = "nowhere"\nfile = "nowhere.py"\n'
        '[[code_location]]\nname = "snake"\nfile = "good.py"\npython = "venv/bin/python"\n'
    )
    status, checks = examined(capfd)
    assert status == 1
    assert checks["code location good"].found == f"{folder / 'good.py'} with 1 asset"
    assert checks["code location bad"].found == "ValueError: no such luck"
    assert checks["code location nowhere"].status == "broken"
    assert "nowhere.py" in checks["code location nowhere"].found
    assert checks["code location snake"].status == "broken"
    assert str(folder / "venv/bin/python") in checks["code location snake"].found


def test_a_bad_file_is_told_and_the_rest_still_checked(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "backfilld.toml").write_text("[deamon]\n")
    status, checks = examined(capfd)
    assert (status, checks["backfilld.toml"].status) == (1, "broken")
    assert "line 1: unknown key 'deamon'. Did you mean daemon?" in checks["backfilld.toml"].found
    assert checks["python"].status == "fine"


def test_a_home_that_cannot_be_made_is_broken(folder: Path) -> None:
    (folder / "file").write_text("")
    found = doctor.check_home(folder / "file" / "home")
    assert found.status == "broken"
    assert "Not a directory" in found.found


@pytest.mark.parametrize(
    ("free", "status"), [(10 * 1024**3, "fine"), (500 * 1024**2, "warning"), (1, "broken")]
)
def test_a_disk_that_fills_is_told_in_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch, free: int, status: str
) -> None:
    total = 20 * 1024**3
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(total, total - free, free))
    assert doctor.check_disk(folder).status == status


def test_limits_that_are_too_low_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (256, 256))
    files, processes = doctor.check_limits()
    assert (files.status, files.mend) == ("warning", "ulimit -n 1024, before the daemon is started.")
    assert (processes.status, processes.mend) == ("warning", "ulimit -u 512, before the daemon is started.")


def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "required", lambda _: ["msgspec", "no-such-package"])
    (found,) = doctor.check_packages()
    assert (found.status, found.mend) == ("broken", "pip install no-such-package")


@pytest.mark.usefixtures("folder")
def test_people_get_what_to_mend_on_a_line_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--database", "postgresql://x@127.0.0.1:1/y"]) == 1
    lines = capfd.readouterr().out.splitlines()
    broken = next(number for number, line in enumerate(lines) if line.startswith("broken"))
    assert lines[broken + 1].strip() == "Check the URL, the password and the server."
