"""A home folder is one daemon's at a time, and has a name of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.service.errors import AlreadyServedError
from daemon.service.home_lock import home_id, home_lock, named_home, serving_pid

HOLDER = """
import sys
from pathlib import Path
from daemon.service.home_lock import home_lock
with home_lock(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_another(home: Path, daemon_id: str) -> Iterator[subprocess.Popen[str]]:
    """Another process holds the home."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home), daemon_id],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.communicate()


def test_a_home_that_is_held_is_refused_and_free_again_afterwards(tmp_path: Path) -> None:
    with held_by_another(tmp_path, "first") as first:
        assert serving_pid(tmp_path) == first.pid
        for instead_of in (None, "somebody else"):
            with (
                pytest.raises(AlreadyServedError, match=f"process {first.pid}"),
                home_lock(tmp_path, "second", instead_of=instead_of),
            ):
                pass
    assert serving_pid(tmp_path) is None
    with home_lock(tmp_path, "second"):
        assert serving_pid(tmp_path) == os.getpid()


def test_a_home_is_taken_from_a_lead_that_is_over_and_stays_taken(tmp_path: Path) -> None:
    with held_by_another(tmp_path, "first") as first, home_lock(tmp_path, "second", instead_of="first"):
        assert serving_pid(tmp_path) == os.getpid()
        first.communicate()
        assert serving_pid(tmp_path) == os.getpid(), "the first leaves behind what is not its own any more"
        with pytest.raises(AlreadyServedError), home_lock(tmp_path, "third", instead_of="first"):
            pass
    assert serving_pid(tmp_path) is None


def test_a_home_is_known_by_its_name_wherever_it_is(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert home_id(home) is None
    name = named_home(home)
    assert named_home(home) == home_id(home) == name
    assert named_home(tmp_path / "other") != name
    home.rename(tmp_path / "moved")
    assert home_id(tmp_path / "moved") == name
    assert sorted(path.name for path in (tmp_path / "moved").iterdir()) == ["home.id"]
