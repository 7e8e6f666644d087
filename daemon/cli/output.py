"""What a command prints: tables and lines for people, JSON for programs.

Answers go to standard output and nothing else does; notes for people go to standard error. Colours and the
terminal's width are used only where there is a terminal.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Literal, TextIO

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from daemon.operations.operation import Page

WIDTH_WITHOUT_TERMINAL = 10_000  # characters: what reads a pipe wraps for itself

_encoder = msgspec.json.Encoder(enc_hook=str)


class Format(StrEnum):
    """The forms of an answer."""

    TEXT = "text"  # for people
    JSON = "json"  # one value; an array for lists
    JSONL = "jsonl"  # a value a line; for streams


class Column(msgspec.Struct, frozen=True):
    """A column of a table for people."""

    header: str
    cell: Callable[[Any], object]  # from a row; None shows as an empty cell
    justify: Literal["left", "right"] = "left"
    style: str | Callable[[Any], str] | None = None


class Output:
    """Where a command's answer goes, in the form that was asked for."""

    def __init__(self, form: Format, *, out: TextIO, err: TextIO) -> None:
        self.form = form
        self._out = out
        self.console = console_on(out)
        self.notes = console_on(err)

    def note(self, text: str, *, style: str | None = None) -> None:
        """Tells people something that is not part of the answer."""
        self.notes.print(Text(text, style=style or ""), soft_wrap=True)

    def value(self, value: object, show: Callable[[Console], None]) -> None:
        """Answers with one thing: `value` as JSON, or what `show` prints for people."""
        if self.form is Format.TEXT:
            show(self.console)
        else:
            self._write(_encoder.encode(value) if self.form is Format.JSONL else pretty(value))
            self._write(b"\n")

    def table(self, rows: Sequence[object], columns: Sequence[Column], *, empty: str, more: int = 0) -> None:
        """Answers with a list that is known whole.

        :param empty: the sentence people get when there are no rows.
        :param more: how many rows the limit left out; people are told.
        """
        if self.form is not Format.TEXT:
            with self.lines(str) as write:
                for row in rows:
                    write(row)
            return
        if not rows:
            self.note(empty)
            return
        self.console.print(table_of(rows, columns))
        if more > 0:
            self.note(f"{more:,} more; --limit 0 shows all.")

    def page(self, found: Page[Any], columns: Sequence[Column], *, empty: str) -> None:
        """Answers with a list that is counted whole."""
        self.table(found.items, columns, empty=empty, more=(found.total or 0) - len(found.items))

    @contextmanager
    def lines(self, text: Callable[[Any], Text | str]) -> Iterator[Callable[[object], None]]:
        """Answers with a list that comes bit by bit: gives the function that writes one item.

        In JSON it is one array all the same, written as it comes, so that a million items need no memory.
        """
        written = 0

        def write(item: object) -> None:
            nonlocal written
            match self.form:
                case Format.TEXT:
                    self.console.print(text(item), soft_wrap=True)
                case Format.JSONL:
                    self._write(_encoder.encode(item) + b"\n")
                    self._out.flush()
                case Format.JSON:
                    self._write((b",\n" if written else b"[\n") + _encoder.encode(item))
            written += 1

        yield write
        if self.form is Format.JSON:
            self._write(b"\n]\n" if written else b"[]\n")

    def _write(self, text: bytes) -> None:
        self._out.write(text.decode())


def pretty(value: object) -> bytes:
    """JSON that people can read too."""
    return msgspec.json.format(_encoder.encode(value), indent=2)


def compact(value: object) -> bytes:
    """JSON on one line."""
    return _encoder.encode(value)


def console_on(stream: TextIO) -> Console:
    """A console that writes plain text of any width to what is no terminal."""
    width = shutil.get_terminal_size().columns if stream.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def table_of(rows: Iterable[object], columns: Sequence[Column]) -> Table:
    """A table without lines; its columns are as wide as their cells."""
    table = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold"
    )
    for column in columns:
        table.add_column(column.header, justify=column.justify, overflow="fold")
    for row in rows:
        cells = []
        for column in columns:
            value = column.cell(row)
            style = column.style(row) if callable(column.style) else column.style
            cells.append(Text("" if value is None else str(value), style=style or ""))
        table.add_row(*cells)
    return table


STATUS_STYLES: Mapping[str, str] = {
    "succeeded": "green",
    "materialized": "green",
    "fine": "green",
    "running": "cyan",
    "in progress": "cyan",
    "warning": "yellow",
    "skipped": "yellow",
    "canceled": "yellow",
    "failed": "red",
    "lost": "red",
    "broken": "red",
}


def status_style(status: str) -> str:
    """The colour of a status, the same in every table; nothing for one that needs none."""
    return STATUS_STYLES.get(status, "")
