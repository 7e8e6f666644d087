"""The worker's end of a report: claimed once, whole lines only, announced when written."""

import errno
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from backfilld.errors import InvalidInvocationError
from backfilld.worker import report as worker_report
from backfilld.worker.report import CANCELED_FILE, REPORT_FILE, Interrupted, Report
from daemon.launching.report import lock_holder


def in_child(function: Callable[[], int]) -> int:
    """What the function returns in a fork of this process (a small number)."""
    child = os.fork()
    if child == 0:
        os._exit(function())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def claimed(folder: Path) -> Report:
    report = Report.claim(str(folder), run_id="r-1-1", wake_path=str(folder / "wake"))
    assert report is not None
    return report


def lines_of(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / REPORT_FILE).read_text().splitlines()]


def is_refused(folder: Path) -> int:
    return int(Report.claim(str(folder), run_id="r-1-1", wake_path=str(folder / "wake")) is None)


def test_a_claim_is_refused_while_it_is_held(tmp_path: Path) -> None:
    claimed(tmp_path)
    assert in_child(lambda: is_refused(tmp_path)) == 1


def test_a_claim_names_its_holder_and_goes_with_it(tmp_path: Path) -> None:
    assert lock_holder(tmp_path / REPORT_FILE) is None
    claimed(tmp_path)
    holder = os.getpid()
    assert in_child(lambda: int(lock_holder(tmp_path / REPORT_FILE) == holder)) == 1
    other = tmp_path / "other"
    assert in_child(lambda: int(claimed(other).is_mine)) == 1
    assert lock_holder(other / REPORT_FILE) is None
    assert in_child(lambda: is_refused(other)) == 0


def test_a_run_that_has_begun_is_not_claimed_again(tmp_path: Path) -> None:
    def begin() -> int:
        claimed(tmp_path).append({"type": "started"})
        return 0

    in_child(begin)
    assert is_refused(tmp_path)


def test_a_run_that_was_canceled_is_not_claimed(tmp_path: Path) -> None:
    (tmp_path / CANCELED_FILE).touch()
    assert is_refused(tmp_path)


def test_lines_are_numbered_and_stamped(tmp_path: Path) -> None:
    report = claimed(tmp_path)
    report.append({"type": "a"})
    report.append()
    report.append({"type": "b"}, {"type": "c", "text": "half a pair: \ud800"}, durable=False)
    lines = lines_of(tmp_path)
    assert [(line["n"], line["type"]) for line in lines] == [(1, "a"), (2, "b"), (3, "c")]
    assert lines[2]["text"] == "half a pair: ?"
    assert all(str(line["at"]).endswith("+00:00") for line in lines)


def test_each_append_is_announced(tmp_path: Path) -> None:
    report = claimed(tmp_path)
    report.append({"type": "a"})
    os.mkfifo(tmp_path / "wake")
    listener = os.open(tmp_path / "wake", os.O_RDONLY | os.O_NONBLOCK)
    report.append({"type": "b"}, {"type": "c"})
    assert os.read(listener, 100) == b"r-1-1\n"
    os.close(listener)
    report.append({"type": "d"})
    assert len(lines_of(tmp_path)) == 4


def test_a_fork_must_not_report(tmp_path: Path) -> None:
    report = claimed(tmp_path)

    def append() -> int:
        with pytest.raises(InvalidInvocationError, match="a fork of it"):
            report.append({"type": "a"})
        return 0

    assert in_child(append) == 0
    assert lines_of(tmp_path) == []


def test_a_full_disk_is_waited_for_and_leaves_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = claimed(tmp_path)
    report.append({"type": "a"})
    write, failures = os.write, iter(range(2))

    def write_on_a_full_disk(descriptor: int, content: bytes) -> int:
        if next(failures, None) is None:
            return write(descriptor, content)
        write(descriptor, content[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(worker_report, "DISK_FULL_WAIT_S", 0.0)
    monkeypatch.setattr(os, "write", write_on_a_full_disk)
    report.append({"type": "b"})
    assert [line["type"] for line in lines_of(tmp_path)] == ["a", "b"]


def test_a_disk_that_stays_full_is_given_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = claimed(tmp_path)

    def write_on_a_full_disk(descriptor: int, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(worker_report, "DISK_FULL_WAIT_MAX_S", 0.0)
    monkeypatch.setattr(worker_report, "DISK_FULL_WAIT_S", 0.0)
    monkeypatch.setattr(os, "write", write_on_a_full_disk)
    with pytest.raises(OSError, match="No space left"):
        report.append({"type": "a"})


def test_an_interruption_waits_for_the_line_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = claimed(tmp_path)
    write = os.write

    def write_interrupted(descriptor: int, content: bytes) -> int:
        if content.startswith(b"{"):
            written = write(descriptor, content[:5])
            report.interrupt(signal.SIGTERM, None)
            return written
        return write(descriptor, content)

    monkeypatch.setattr(os, "write", write_interrupted)
    with pytest.raises(Interrupted):
        report.append({"type": "a"})
    monkeypatch.undo()
    assert [line["type"] for line in lines_of(tmp_path)] == ["a"]
    report.append({"type": "b"})
    with pytest.raises(Interrupted):
        report.interrupt(signal.SIGTERM, None)
