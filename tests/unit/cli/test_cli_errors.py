import pytest

from backfilld.errors import UnknownPartitionKeyError
from daemon.cli.errors import ExitCode, explained
from daemon.operations.errors import RefusedError, UsageError, did_you_mean, near
from events.errors import LogError, LogUnavailableError, LogUnreadableError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), 2),
        (UnknownPartitionKeyError("2020-13-01"), 2),
        (RefusedError("x"), 3),
        (LogError("x"), 3),
        (LogUnavailableError("postgresql://h/d", "refused"), 4),
        (LogUnreadableError("x", remedy="y"), 10),
    ],
)
def test_each_foreseen_error_has_its_exit_code(error: Exception, code: int) -> None:
    told = explained(error)
    assert told is not None
    assert told.exit_code == code
    assert told.sentence == str(error)


def test_a_group_is_told_by_the_first_error_we_foresaw() -> None:
    told = explained(
        ExceptionGroup("tasks", [ValueError("a defect"), ExceptionGroup("x", [RefusedError("no")])])
    )
    assert told is not None
    assert (told.sentence, told.exit_code) == ("no", ExitCode.REFUSED)


def test_a_defect_is_not_explained_away() -> None:
    assert explained(ValueError("x")) is None
    assert explained(ExceptionGroup("tasks", [ValueError("x")])) is None


def test_near_matches() -> None:
    assets = ["raw_weather", "clean_weather", "monthly_weather", "sales"]
    assert near("raw_wether", assets)[0] == "raw_weather"
    assert near("RAW_WEATHER", assets)[0] == "raw_weather"
    assert did_you_mean("zzz", assets) == ""
    assert did_you_mean("sale", assets) == " Did you mean sales?"
