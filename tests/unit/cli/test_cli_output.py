import io
import json

import pytest
from rich.text import Text

from daemon.cli.output import Column, Format, Output

ROWS = [{"name": "a", "count": 1}, {"name": "[b]x", "count": None}]
COLUMNS = (
    Column("name", lambda row: row["name"]),
    Column("count", lambda row: row["count"], justify="right"),
)


def output(form: Format) -> tuple[Output, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Output(form, out=out, err=err), out, err


def test_a_list_is_a_table_for_people() -> None:
    answer, out, err = output(Format.TEXT)
    answer.table(ROWS, COLUMNS, empty="none", more=1461)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert lines == ["name  count", "───────────", "a         1", "[b]x"]
    assert err.getvalue() == "1,461 more; --limit 0 shows all.\n"


def test_an_empty_list_is_a_sentence_for_people_and_an_empty_array_for_programs() -> None:
    answer, out, err = output(Format.TEXT)
    answer.table([], COLUMNS, empty="No backfill yet.")
    assert (out.getvalue(), err.getvalue()) == ("", "No backfill yet.\n")
    answer, out, err = output(Format.JSON)
    answer.table([], COLUMNS, empty="No backfill yet.")
    assert (json.loads(out.getvalue()), err.getvalue()) == ([], "")
    answer, out, _ = output(Format.JSONL)
    answer.table([], COLUMNS, empty="No backfill yet.")
    assert out.getvalue() == ""


def test_a_list_is_one_array_in_json_and_a_value_a_line_in_jsonl() -> None:
    answer, out, _ = output(Format.JSON)
    answer.table(ROWS, COLUMNS, empty="none", more=7)
    assert json.loads(out.getvalue()) == ROWS
    answer, out, _ = output(Format.JSONL)
    answer.table(ROWS, COLUMNS, empty="none")
    assert [json.loads(line) for line in out.getvalue().splitlines()] == ROWS


@pytest.mark.parametrize("form", [Format.JSON, Format.JSONL])
def test_one_thing_is_one_value(form: Format) -> None:
    answer, out, _ = output(form)
    answer.value({"id": "ab", "count": 3}, lambda console: console.print("for people"))
    assert json.loads(out.getvalue()) == {"id": "ab", "count": 3}
    assert (out.getvalue().count("\n") == 1) is (form is Format.JSONL)


def test_one_thing_is_shown_to_people_as_they_read_it() -> None:
    answer, out, _ = output(Format.TEXT)
    answer.value({"id": "ab"}, lambda console: console.print("backfill ab"))
    assert out.getvalue() == "backfill ab\n"


def test_what_is_no_terminal_gets_neither_colours_nor_line_breaks() -> None:
    answer, out, _ = output(Format.TEXT)
    with answer.lines(lambda item: Text(item, style="red")) as write:
        write("x" * 300)
    assert out.getvalue() == "x" * 300 + "\n"


def test_a_stream_is_written_as_it_comes() -> None:
    answer, out, _ = output(Format.JSONL)
    with answer.lines(str) as write:
        write({"position": 1})
        assert out.getvalue() == '{"position":1}\n'
