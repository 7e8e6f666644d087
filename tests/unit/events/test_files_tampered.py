"""Whatever was done to an export is found, with its place, and nothing is found in one left alone."""

import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from events.files.chained import Chained, FileError, Header
from events.files.checking import Checker, Flaw
from events.files.opening import opened
from events.files.port import PAGE_ROWS
from tests.contract.told import event, events
from tests.unit.events.exported import chained, header_of, rehashed, write

FORMS = (".jsonl", ".parquet")
OTHER_ID = "00000000-0000-7000-8000-000000000000"


def seven() -> list[Chained]:
    return chained([event(str(n), backfill_id="b", run_id="b-1-1") for n in range(1, 8)])


def flaw_in(path: Path) -> Flaw | None:
    with closing(opened(path)) as file:
        return Checker(file).check()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("count", [0, 1, 7, PAGE_ROWS, PAGE_ROWS + 1])
def test_nothing_is_found_in_what_was_left_alone(tmp_path: Path, form: str, count: int) -> None:
    told = chained(events("a", count))
    assert flaw_in(write(tmp_path / f"log{form}", told)) is None


CHANGED: dict[str, Callable[[Chained], Chained]] = {
    "position": lambda row: replace(row, position=row.position + 1),
    "id": lambda row: replace(row, id=OTHER_ID),
    "at": lambda row: replace(row, at=row.at + timedelta(microseconds=1)),
    "type": lambda row: replace(row, type="RunCanceled"),
    "schema": lambda row: replace(row, schema=row.schema + 1),
    "actor": lambda row: replace(row, actor="somebody else"),
    "backfill_id": lambda row: replace(row, backfill_id="c"),
    "run_id": lambda row: replace(row, run_id=None),
    "causation_id": lambda row: replace(row, causation_id=OTHER_ID),
    "correlation_id": lambda row: replace(row, correlation_id=OTHER_ID),
    "data": lambda row: replace(row, data=Raw(bytes(row.data).replace(b"1.5", b"1.6"))),
    "hash": lambda row: replace(row, hash="f" * 64),
    "previous": lambda row: replace(row, previous="f" * 64),
}


def test_every_column_is_changed_by_one_of_them() -> None:
    assert CHANGED.keys() == set(Chained.__struct_fields__)
    row = seven()[3]
    for name, change in CHANGED.items():
        differ = [field for field in CHANGED if getattr(change(row), field) != getattr(row, field)]
        assert differ == [name]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("column", CHANGED)
@pytest.mark.parametrize("at", [0, 3, 6])
def test_a_change_of_any_column_is_found_at_its_row(tmp_path: Path, form: str, column: str, at: int) -> None:
    told = seven()
    header = header_of(told)
    told[at] = CHANGED[column](told[at])
    flaw = flaw_in(write(tmp_path / f"log{form}", told, header))
    assert flaw is not None
    assert flaw.position == told[at].position
    assert flaw.place == (f"line {at + 2}" if form == ".jsonl" else f"row {at + 1}")
    assert flaw.reason


FORGED = event("forged", backfill_id="b")


def appended(told: Sequence[Chained]) -> list[Chained]:
    """One more row, under the hash that it should have."""
    previous = bytes.fromhex(told[-1].hash)
    return [*told, *chained([FORGED], after=told[-1].position, previous=previous)]


REARRANGED: dict[str, tuple[int | None, Callable[[list[Chained]], list[Chained]]]] = {
    "first removed": (2, lambda told: told[1:]),
    "middle removed": (5, lambda told: told[:3] + told[4:]),
    "last removed": (None, lambda told: told[:-1]),
    "all removed": (None, lambda _: []),
    "two swapped": (4, lambda told: [*told[:2], told[3], told[2], *told[4:]]),
    "two swapped, with their positions": (
        3,
        lambda told: [
            *told[:2],
            replace(told[3], position=3),
            replace(told[2], position=4),
            *told[4:],
        ],
    ),
    "one twice": (3, lambda told: [*told[:3], *told[2:]]),
    "last twice": (7, lambda told: [*told, told[-1]]),
    "one appended": (8, lambda told: [*told, replace(told[-1], position=8, previous=told[-1].hash)]),
    "one appended under its right hash": (None, appended),
    "one changed, and all hashes from there on": (
        None,
        lambda told: [*told[:3], *rehashed([replace(told[3], actor="somebody else"), *told[4:]])],
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("position", "change"), REARRANGED.values(), ids=REARRANGED.keys())
def test_rows_removed_moved_or_put_in_are_found(
    tmp_path: Path, form: str, position: int | None, change: Callable[[list[Chained]], list[Chained]]
) -> None:
    told = seven()
    flaw = flaw_in(write(tmp_path / f"log{form}", change(told), header_of(told)))
    assert flaw is not None
    assert flaw.position == position  # None: the file as a whole is too short, too long or another one


@pytest.mark.parametrize("form", FORMS)
def test_whoever_rewrites_header_and_chain_makes_another_digest(tmp_path: Path, form: str) -> None:
    told = seven()
    others = [
        appended(told),
        told[:-1],
        [*told[:3], *rehashed([replace(told[3], actor="somebody else"), *told[4:]])],
    ]
    for number, rewritten in enumerate(others):
        path = write(tmp_path / f"{number}{form}", rewritten)
        assert flaw_in(path) is None
        with closing(opened(path)) as file:
            assert file.header.digest != header_of(told).digest


def test_in_a_selection_what_is_changed_or_left_out_is_found(tmp_path: Path) -> None:
    told = [row for row in seven() if row.position in {1, 3, 4, 7}]
    header = header_of(told, backfills=("b",))
    path = tmp_path / "log.jsonl"
    assert flaw_in(write(path, told, header)) is None
    for at, row in enumerate(told):
        left_out = flaw_in(write(path, told[:at] + told[at + 1 :], header))
        changed = flaw_in(write(path, [*told[:at], replace(row, actor="x"), *told[at + 1 :]], header))
        assert left_out is not None
        assert changed is not None
        assert changed.position == row.position


def is_found(path: Path) -> bool:
    try:
        return flaw_in(path) is not None
    except FileError:
        return True


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("garbled")


@given(any_of=st.data())
def test_any_byte_garbled_is_found_in_json_lines(folder: Path, any_of: st.DataObject) -> None:
    text = write(folder / "whole.jsonl", seven()).read_bytes()
    at = any_of.draw(st.integers(0, len(text) - 1))
    byte = any_of.draw(st.integers(0, 255).filter(lambda byte: byte != text[at]))
    garbled = folder / "garbled.jsonl"
    garbled.write_bytes(text[:at] + bytes([byte]) + text[at + 1 :])
    assert is_found(garbled)


@given(any_of=st.data())
def test_a_file_cut_short_is_found_wherever_it_is_cut(folder: Path, any_of: st.DataObject) -> None:
    form = any_of.draw(st.sampled_from(FORMS))
    text = write(folder / f"whole{form}", seven()).read_bytes()
    cut = folder / f"cut{form}"
    cut.write_bytes(text[: any_of.draw(st.integers(0, len(text) - 1))])
    assert is_found(cut)


@given(any_of=st.data())
def test_a_byte_garbled_in_parquet_is_found_or_changes_nothing_that_is_read(
    folder: Path, any_of: st.DataObject
) -> None:
    told = seven()
    text = write(folder / "whole.parquet", told).read_bytes()
    at = any_of.draw(st.integers(0, len(text) - 1))
    byte = any_of.draw(st.integers(0, 255).filter(lambda byte: byte != text[at]))
    garbled = folder / "garbled.parquet"
    garbled.write_bytes(text[:at] + bytes([byte]) + text[at + 1 :])
    if not is_found(garbled):
        with closing(opened(garbled)) as file:
            assert file.header == header_of(told)
            assert [row for page in range(file.pages) for row in file.page(page)] == told


def test_what_differs_only_in_how_it_is_written_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", seven())
    text = path.read_text()
    same = {
        '"sequence":"0000000000000000004"': '"sequence":"4"',
        ',"runid":"b-1-1"}\n': ',"runid":"b-1-1"} \n',
        '"specversion":"1.0","id"': '"specversion": "1.0","id"',
        "Z": "+00:00",
        "tester": "t\\u0065ster",
        '{"duration_s":1.5}': '{"duration_s":1.50}',
    }
    for written, otherwise in same.items():
        assert written in text
        path.write_text(text.replace(written, otherwise))
        assert is_found(path)
        path.write_bytes(text.encode().replace(written.encode(), otherwise.encode(), 1))
        assert is_found(path)


def test_a_header_of_another_format_names_it(tmp_path: Path) -> None:
    for form in FORMS:
        header: Header = replace(header_of(seven()), format=2)
        with pytest.raises(FileError, match="of format 2, and this version reads 1"):
            opened(write(tmp_path / f"log{form}", seven(), header))


def test_what_is_no_export_is_said_to_be_none(tmp_path: Path) -> None:
    shutil.copy(__file__, tmp_path / "a.jsonl")
    (tmp_path / "b.jsonl").touch()
    (tmp_path / "c.jsonl").write_bytes(b"PAR1 and no more")
    (tmp_path / "d.jsonl").write_bytes(b"\xff\xfe\n")
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(FileError, match="is no export of a log"):
            opened(path)
    with pytest.raises(FileError, match=r"cannot be read: No such file or directory\."):
        opened(tmp_path / "e.jsonl")
