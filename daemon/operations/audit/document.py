"""A page as it is before it is Markdown or HTML: headings, and under them facts in words.

Whatever text stands in it is shown as that text; making sure of it is up to what writes the page.
"""

from typing import TypeAlias

import msgspec

Cell: TypeAlias = str | int | None


class Pairs(msgspec.Struct, frozen=True):
    """What is said of one thing, each with its name; those without a value are left out."""

    rows: tuple[tuple[str, Cell], ...]


class Table(msgspec.Struct, frozen=True):
    """Rows under headers; numbers stand to the right."""

    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


class Note(msgspec.Struct, frozen=True):
    """A sentence or two."""

    text: str


Block: TypeAlias = Pairs | Table | Note


class Section(msgspec.Struct, frozen=True):
    """What stands under one heading."""

    title: str
    blocks: tuple[Block, ...]


class Page(msgspec.Struct, frozen=True):
    """A page."""

    title: str
    status: str
    lead: str
    sections: tuple[Section, ...]
