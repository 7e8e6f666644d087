"""Reports are read as what nobody vouches for: whole lines, in order, or a reason why not."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.launching.port import RunSpec
from daemon.launching.report import LINE_BYTES_MAX, READ_BYTES_MAX, ReportReader
from events.facts import PartitionMaterialized, RunFailed, RunStarted, RunSucceeded
from tests.launching.worlds import run_of

RUN = run_of("a", "b")
AT = "2024-05-06T07:08:09.101112+00:00"


def line(n: int, kind: str, **fields: object) -> bytes:
    return json.dumps({"n": n, "at": AT, "type": kind, **fields}).encode() + b"\n"


def started(n: int = 1) -> bytes:
    return line(n, "started", pid=7, host="h")


def materialized(n: int, asset: str = "a") -> bytes:
    return line(n, "materialized", asset=asset, partitions=None, metadata={}, code_version=None)


def finished(n: int) -> bytes:
    return line(n, "finished", outcome="succeeded", duration_s=1.5, failure=None)


def reader_of(tmp_path: Path, *lines: bytes, run: RunSpec = RUN) -> ReportReader:
    path = tmp_path / "report.jsonl"
    path.write_bytes(b"".join(lines))
    return ReportReader(path, run)


def grow(reader: ReportReader, content: bytes) -> None:
    with reader.path.open("ab") as report:
        report.write(content)


def test_a_report_that_is_not_there_tells_nothing(tmp_path: Path) -> None:
    assert ReportReader(tmp_path / "nowhere", RUN).read() == []


def test_lines_become_facts(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, started(), materialized(2), finished(3))
    facts = reader.read()
    assert [reported.fact for reported in facts] == [
        RunStarted(pid=7, host="h"),
        PartitionMaterialized(asset="a", partitions=None),
        RunSucceeded(duration_s=1.5),
    ]
    assert [reported.sequence for reported in facts] == [1, 2, 3]
    assert {reported.at for reported in facts} == {datetime(2024, 5, 6, 7, 8, 9, 101112, tzinfo=UTC)}
    assert reader.outcome == RunSucceeded(duration_s=1.5)


def test_half_a_line_is_left_until_it_is_whole(tmp_path: Path) -> None:
    text = materialized(2)
    reader = reader_of(tmp_path, started(), text[:20])
    assert [reported.sequence for reported in reader.read()] == [1]
    assert reader.read() == []
    grow(reader, text[20:])
    assert [reported.sequence for reported in reader.read()] == [2]


@given(st.lists(st.integers(min_value=1, max_value=200), max_size=20))
def test_a_report_reads_the_same_however_it_grows(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    whole = b"".join([started(), materialized(2), materialized(3, "b"), finished(4)])
    reader = reader_of(tmp_path_factory.mktemp("report"))
    sequences = []
    begin = 0
    for cut in [*cuts, len(whole)]:
        grow(reader, whole[begin : begin + cut])
        begin += cut
        sequences += [reported.sequence for reported in reader.read()]
    assert sequences == [1, 2, 3, 4]


def test_a_long_report_is_read_piece_by_piece(tmp_path: Path) -> None:
    count = 5_000
    reader = reader_of(tmp_path, started(), *(materialized(n) for n in range(2, count)), finished(count))
    assert reader.path.stat().st_size > 2 * READ_BYTES_MAX
    sequences = []
    while reader.outcome is None:
        sequences += [reported.sequence for reported in reader.read()]
        assert reader.is_behind == (reader.outcome is None)
    assert sequences == list(range(1, count + 1))


def test_a_line_longer_than_a_piece_is_read(tmp_path: Path) -> None:
    long = line(2, "materialized", asset="a", partitions=None, metadata={"x": "y" * (READ_BYTES_MAX + 9)})
    reader = reader_of(tmp_path, started(), long, finished(3))
    facts = reader.read() + reader.read() + reader.read()
    assert [reported.sequence for reported in facts] == [1, 2, 3]


def test_nothing_is_read_past_the_outcome(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, started(), finished(2), b"scribble\n")
    assert len(reader.read()) == 2
    assert reader.read() == []
    assert reader.broken is None


def test_a_failure_without_a_reason_gets_one(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, line(1, "finished", outcome="failed", duration_s=0.5))
    reader.read()
    assert isinstance(reader.outcome, RunFailed)


NONSENSE: dict[str, bytes] = {
    "no JSON": b"scribble\n",
    "no UTF-8": b'{"n": 2, "at": "\xff"}\n',
    "an empty line": b"\n",
    "a list": b"[]\n",
    "a type of nobody": line(2, "exploded"),
    "a field missing": line(2, "materialized", asset="a"),
    "a field of another type": line(2, "materialized", asset=3, partitions=None),
    "a number twice": started(1),
    "a number left out": materialized(3),
    "an asset of another run": materialized(2, "c"),
    "a time without a zone": materialized(2).replace(b"+00:00", b""),
    "a time that no id has room for": materialized(2).replace(b"2024", b"0001"),
    "a number past all bounds": line(2, "finished", outcome="succeeded").replace(
        b"}", b', "duration_s": 1e999}'
    ),
    "nesting past all bounds": b'{"n": 2, "at": ' + b"[" * 100_000 + b"\n",
    "half a surrogate pair": materialized(2).replace(b'"metadata": {}', b'"metadata": {"x": "\\ud800"}'),
    "no end": b"x" * (READ_BYTES_MAX + LINE_BYTES_MAX + 1),
}


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_is_not_read_past_and_says_where_it_is(tmp_path: Path, nonsense: bytes) -> None:
    reader = reader_of(tmp_path, started(), nonsense, finished(2))
    facts = reader.read() + reader.read()
    assert [reported.sequence for reported in facts] == [1]
    assert reader.broken is not None
    assert reader.broken.startswith("line 2 of its report is nonsense")
    assert reader.outcome is None


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_reading_never_raises(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    reader = reader_of(tmp_path_factory.mktemp("report"), started(), content, b"\n")
    assert len(reader.read()) == 1
    assert reader.broken is not None
