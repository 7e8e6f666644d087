"""The forms an audit is written in, and how hostile text is kept text in each of them.

Asset names, keys, errors and metadata are whatever user code made them.
"""

import csv
import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, Final, TextIO

from daemon.fact_text import one_line

# What a spreadsheet would take for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_ENTITIES: Final = {"\\": "&#92;", "|": "&#124;", "<": "&lt;", ">": "&gt;", "&": "&amp;"}
# What Markdown or HTML acts on: marks; a bracket that would end the text of a link; an underscore at the end
# of a word; and what becomes a link by itself, a person's name or an address.
_ACTIVE: Final = re.compile(
    r"[\\|<>&`*~#]|\](?=[(\[])|(?<![^\W_])_|_(?![^\W_])|(?<!\w)@|://|\bwww\.", re.IGNORECASE
)


class ListFormat(StrEnum):
    """The forms of the attempts at an asset."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    MARKDOWN = "markdown"


class PageFormat(StrEnum):
    """The forms of the page about a backfill."""

    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"
    JSONL = "jsonl"


def markdown_text(value: object) -> str:
    """The text as Markdown shows it, on one line, with nothing in it that Markdown or HTML would act on.

    >>> markdown_text("a|b <script>")
    'a&#124;b &lt;script&gt;'
    """
    return _ACTIVE.sub(_inert, one_line(str(value)))


def _inert(found: re.Match[str]) -> str:
    text = found[0]
    if text in _ENTITIES:
        return _ENTITIES[text]
    if text == "://":
        return "&#58;//"
    if text == "@":
        return "&#64;"
    # The addresses that Markdown makes links of without being asked.
    return f"{text[:-1]}&#46;" if len(text) > 1 else f"\\{text}"


def markdown_row(cells: Sequence[object]) -> str:
    """A row of a table."""
    return f"| {' | '.join('' if cell is None else markdown_text(cell) for cell in cells)} |"


def markdown_rule(count: int) -> str:
    """The line between a table's head and its rows."""
    return f"|{' --- |' * count}"


def csv_writer(out: TextIO) -> Callable[[Sequence[object]], Any]:
    """What writes one row of RFC 4180, in which no spreadsheet finds a formula: an apostrophe leads it."""
    writer = csv.writer(out, lineterminator="\n")

    def write(cells: Sequence[object]) -> None:
        writer.writerow(["" if cell is None else plain_cell(cell) for cell in cells])

    return write


def plain_cell(value: object) -> str:
    """The text of a cell, safe from being run.

    >>> plain_cell("=1+1"), plain_cell(12)
    ("'=1+1", '12')
    """
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
