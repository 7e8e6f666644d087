"""The weather pipeline, called as its runs would call it, against what the archive says."""

import shutil
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from backfilld import AssetExecutionContext, AssetKey, MaterializeResult
from backfilld.assets import AssetDefinition
from backfilld.partitions.base import UNPARTITIONED
from backfilld.ranges import Ranges
from daemon.demo import expected, pipeline

NOW = datetime(2024, 1, 1, tzinfo=UTC)
DAYS_TOTAL = 1_461
MONTHS_TOTAL = 48


class NothingReported:
    """A reporter for assets that report no single partition."""

    def materialized(self, asset_key: AssetKey, ranges: Ranges, metadata: Mapping[str, Any]) -> None:
        raise AssertionError(f"{asset_key} reported {ranges} with {metadata}")

    def failed(self, asset_key: AssetKey, ranges: Ranges, error: BaseException | str) -> None:
        raise AssertionError(f"{asset_key} reported {ranges}: {error}")


def fill(asset: AssetDefinition, chunks: Iterable[Ranges] = (Ranges.single(0),)) -> list[Mapping[str, Any]]:
    """Runs the asset over each chunk of ordinals, and gives the metadata of each run."""
    definition = asset.partitions_def
    partitions = UNPARTITIONED if definition is None else definition.partitions(NOW)
    told = []
    for number, ranges in enumerate(chunks, 1):
        context = AssetExecutionContext(
            asset_key=asset.key,
            run_id=f"aaaaaaaa-{number}-1",
            backfill_id="aaaaaaaa",
            attempt=1,
            run_tags={},
            partitions=partitions,
            ranges=ranges,
            reporter=NothingReported(),
        )
        result = asset.execute(context)
        assert isinstance(result, MaterializeResult)
        told.append(result.metadata)
    return told


def chunks_of(total: int, size: int) -> list[Ranges]:
    return [Ranges.of([(first, min(first + size, total))]) for first in range(0, total, size)]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of the pipeline's results, made once. Tests that change something copy them first."""
    folder = tmp_path_factory.mktemp("weather")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("WEATHER_FOLDER", str(folder))
        environment.setattr("os.fsync", lambda _: None)  # 1,461 waits for the disk would tell nothing here
        fill(pipeline.raw_weather, chunks_of(DAYS_TOTAL, 1))
        fill(pipeline.clean_weather, chunks_of(DAYS_TOTAL, DAYS_TOTAL))
        fill(pipeline.monthly_weather, chunks_of(MONTHS_TOTAL, 12))
        fill(pipeline.wettest_days)
    return folder


@pytest.fixture
def changed(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the results, where the pipeline works too."""
    folder = tmp_path / "weather"
    shutil.copytree(filled, folder)
    monkeypatch.setenv("WEATHER_FOLDER", str(folder))
    return folder


def alter(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "weather.db")) as database, database:
        assert database.execute(statement).rowcount > 0


def test_what_the_pipeline_makes_is_what_the_archive_says(filled: Path) -> None:
    assert expected.differences(filled) == []
    assert len(list((filled / "raw").iterdir())) == DAYS_TOTAL
    assert {path.name for path in filled.iterdir()} == {"raw", "weather.db", "wettest_days.csv"}


def test_what_the_archive_says_is_what_it_is_known_for() -> None:
    assert len(expected.raw_files()) == DAYS_TOTAL
    assert len(expected.clean_rows()) == 2 * DAYS_TOTAL
    assert len(expected.monthly_rows()) == 2 * MONTHS_TOTAL
    # From the archive by hand: the storm of 30 April 2014, and Seattle's December of 2012.
    assert expected.wettest_days()[0][:3] == ("2014-04-30", "New York", "118.9")
    assert expected.monthly_rows()["2012-12-01", "Seattle"][4] == 174.0


def test_the_pipeline_is_partitioned_as_the_backfill_expects() -> None:
    assert len(pipeline.DAYS.partitions(NOW)) == DAYS_TOTAL
    assert len(pipeline.MONTHS.partitions(NOW)) == MONTHS_TOTAL
    assert pipeline.raw_weather.backfill_policy is None
    assert [str(dep.asset_key) for dep in pipeline.wettest_days.deps] == ["clean_weather", "monthly_weather"]


def test_filling_some_of_it_again_changes_nothing(changed: Path) -> None:
    fill(pipeline.raw_weather, [Ranges.single(100)])
    assert fill(pipeline.clean_weather, [Ranges.of([(90, 120)])])[0]["rows"] == 60
    assert fill(pipeline.monthly_weather, [Ranges.of([(3, 5)])])[0]["rows"] == 4
    assert fill(pipeline.wettest_days)[0]["rows"] == 10
    assert expected.differences(changed) == []


def test_filling_some_of_it_mends_just_that(changed: Path) -> None:
    alter(changed, "UPDATE clean_weather SET wind_m_s = 99 WHERE date IN ('2012-01-05', '2012-01-08')")
    fill(pipeline.clean_weather, [Ranges.single(4)])
    assert [sentence.split(" is ")[0] for sentence in expected.differences(changed)] == [
        "row of clean_weather 2012-01-08 Seattle",
        "row of clean_weather 2012-01-08 New York",
    ]


def test_a_run_that_fails_leaves_the_table_as_it_was(changed: Path) -> None:
    (changed / "raw" / "2012-01-05.csv").write_text("location,date\nSeattle,2012-01-05\n")
    with pytest.raises(sqlite3.ProgrammingError):
        fill(pipeline.clean_weather, [Ranges.of([(0, 30)])])
    assert expected.differences(changed) == [
        "raw file 2012-01-05.csv is 'location,date\\nSeattle,2012-01-05\\n', expected "
        + repr(expected.raw_files()["2012-01-05.csv"])
    ]


def test_metadata_tells_rows_and_rain(changed: Path) -> None:
    assert fill(pipeline.raw_weather, [Ranges.single(1)]) == [{"rows": 2, "precipitation_mm": 10.9}]
    (year,) = fill(pipeline.monthly_weather, [Ranges.of([(0, 12)])])
    rain = sum(float(seen["precipitation"]) for seen in expected.observations() if seen["date"] < "2013")
    assert year == {"rows": 24, "precipitation_mm": pytest.approx(rain)}


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("DELETE FROM clean_weather WHERE date = '2013-02-03'", "2013-02-03 Seattle is missing"),
        ("UPDATE clean_weather SET wind_m_s = -1", "row of clean_weather: 2917 more differences"),
        ("UPDATE monthly_weather SET wet_days = 32 WHERE month = '2012-03-01'", "2012-03-01 Seattle is"),
        (
            "INSERT INTO monthly_weather VALUES ('Oslo', 'May', 1, 1, 1, 1, 1)",
            "weather May Oslo is not expected",
        ),
        ("DROP TABLE monthly_weather", "row of monthly_weather: 91 more differences"),
    ],
)
def test_a_wrong_row_is_found(changed: Path, statement: str, sentence: str) -> None:
    with closing(sqlite3.connect(changed / "weather.db")) as database, database:
        database.execute(statement)
    assert any(sentence in difference for difference in expected.differences(changed))


def test_a_wrong_file_is_found(changed: Path) -> None:
    (changed / "raw" / "2014-07-01.csv").unlink()
    (changed / "raw" / "2016-01-01.csv").write_text("")
    ranking = changed / "wettest_days.csv"
    ranking.write_text(ranking.read_text().replace("118.9", "118.8"))
    differences = expected.differences(changed)
    assert differences[:2] == [
        "raw file 2014-07-01.csv is missing",
        "raw file 2016-01-01.csv is not expected",
    ]
    assert differences[2].startswith("wettest day 1 is ('2014-04-30', 'New York', '118.8'")


def test_an_empty_folder_differs_in_everything(tmp_path: Path) -> None:
    differences = expected.differences(tmp_path)
    assert "raw file: 1456 more differences" in differences
    assert "wettest day: 5 more differences" in differences
    assert len(differences) == 4 * 6
