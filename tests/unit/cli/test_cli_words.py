"""What the command line makes of what is typed, and of numbers."""

from pathlib import Path

import pytest

from daemon.cli.errors import ExitCode, explained
from daemon.cli.up import name_of
from daemon.launching.code_location import LoadFailure
from daemon.operations.errors import UsageError
from daemon.operations.planning import choice_of
from daemon.operations.run_output import tail
from daemon.operations.typed import roots_typed
from daemon.plan_text import numbers_text
from daemon.planning.choice import ByRoot, RangeText, choice_text
from daemon.service.errors import AlreadyServedError, CodeNotImportedError
from daemon.time_text import duration_text, rate_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"),
        (0.0804, "80 ms"),
        (9.94, "9.9 s"),
        (59.4, "59 s"),
        (200.0, "3 min 20 s"),
        (3600.0 * 5 + 185, "5 h 03 min"),
        (3600.0 * 50, "2 days 2 h"),
    ],
)
def test_durations_are_told_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("per_s", "text"),
    [(1234.5, "1,234 runs/s"), (2.5, "2.5 runs/s"), (0.5, "30 runs/min"), (0.0005, "1.8 runs/h")],
)
def test_rates_are_told_in_the_unit_that_fits(per_s: float, text: str) -> None:
    assert rate_text(per_s, "runs") == text


def test_numbers_are_told_in_stretches_and_only_the_first_of_many() -> None:
    assert numbers_text(((1, 1), (4, 1000))) == "1, 4-1,000"
    assert numbers_text(((1, 1), (3, 3), (5, 5), (7, 7))) == "1, 3, 5, …"


def test_partitions_are_chosen_once() -> None:
    assert choice_of(["2024-*"]) == RangeText(("2024-*",))
    assert choice_of(None, all=False, missing=True) == "missing"
    assert choice_of(None, failed=True, missing=True) == "failed_and_missing"
    assert choice_of(None, latest=True) == "latest"
    for partitions, given in (
        (["2024-*"], {"all": True}),
        (None, {"missing": True, "all": True}),
        (None, {"missing": True, "failed": True, "latest": True}),
        (None, {}),
    ):
        with pytest.raises(UsageError):
            choice_of(partitions, None, **given)


def test_code_is_named_by_its_file_or_module(tmp_path: Path) -> None:
    (tmp_path / "etl.py").touch()
    assert name_of(str(tmp_path / "etl.py")) == "etl"
    assert name_of("warehouse.stock") == "stock"
    for code in ("nowhere.py", "folder/nowhere", "-x", "a b"):
        with pytest.raises(UsageError):
            name_of(code)


def test_the_end_of_a_file_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "stdout.log"
    assert tail(file, 2) is None
    file.write_bytes(b"one\ntwo\nthree \xff\n\n")
    assert tail(file, 2) == "two\nthree \ufffd"
    assert tail(file, 0) == "one\ntwo\nthree \ufffd"
    file.write_bytes(b"x" * 2_000_000)
    assert len(tail(file, 5) or "") == 1024 * 1024


def test_what_keeps_a_daemon_from_serving_has_its_own_exit_code() -> None:
    failures = (LoadFailure("shop", "KeyError", "'x'", "its traceback"), LoadFailure("web", "E", ""))
    told = explained(ExceptionGroup("", [CodeNotImportedError(failures)]))
    assert told is not None
    assert (told.exit_code, told.details) == (ExitCode.CODE_NOT_IMPORTED, "its traceback")
    assert told.sentence.startswith("code location shop, web could not be imported (KeyError: 'x');")
    taken = explained(AlreadyServedError("another daemon serves this log"))
    assert taken is not None
    assert (taken.exit_code, taken.sentence) == (ExitCode.LOCKED, "another daemon serves this log.")


def test_a_choice_for_each_root_is_typed_and_excludes_those_for_all() -> None:
    roots = roots_typed(["raw=missing", "a=b=latest"])
    assert roots == {"raw": "missing", "a=b": "latest"}
    chosen = choice_of(["letters=x"], roots)
    assert chosen == ByRoot({"raw": "missing", "a=b": "latest"}, ("letters=x",))
    assert choice_text(chosen) == "--root raw=missing --root a=b=latest --partitions letters=x"
    with pytest.raises(UsageError, match="--root and --all exclude each other"):
        choice_of(None, roots, all=True)
    for wrong, told in {"raw": "takes ASSET=WHICH", "raw=some": "takes ASSET=WHICH", "=all": "takes"}.items():
        with pytest.raises(UsageError, match=told):
            roots_typed([wrong])
    with pytest.raises(UsageError, match="given twice"):
        roots_typed(["raw=all", "raw=latest"])
