"""JSON Lines of CloudEvents 1.0: a line that says what the file is, and a line for each fact.

Every value that CloudEvents has no attribute for is an extension attribute of the event; those of cause and
story carry the names of CloudEvents' own extension for them. A line may hold nothing else, so that there is
nothing in it that the hash does not cover, and must be to the byte what `JsonLinesWriter` would write.

An integer in CloudEvents has 32 bits, which positions outgrow. So a position is the attribute `sequence` that
CloudEvents has an extension for: a text, here of so many digits that the order of texts is that of positions.
"""

import functools
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Raw

from events.files.chained import FORMAT, Chained, FileError, Header, HeaderChangedError, RowUnreadableError
from events.files.port import PAGE_ROWS, ByteSink

SOURCE: Final = "/backfilld/log"
PREFIX: Final = "backfilld."
HEADER_TYPE: Final = "backfilld.LogExported"
_JSON: Final = "application/json"
_FIRST_LINE_BYTES_MAX: Final = 16 << 20
_SEQUENCE_DIGITS: Final = 19  # as many as the greatest position that a database holds


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A fact as a CloudEvent."""

    specversion: Literal["1.0"]
    id: str
    source: Literal["/backfilld/log"]
    type: str
    time: datetime
    datacontenttype: Literal["application/json"]
    sequence: str  # the position
    schema: int
    actor: str
    previoushash: str
    hash: str
    data: Raw
    backfillid: str | None = None
    runid: str | None = None
    causationid: str | None = None
    correlationid: str | None = None


class HeaderLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file says of itself, as a CloudEvent."""

    specversion: Literal["1.0"]
    id: str  # the header's seal
    source: Literal["/backfilld/log"]
    type: Literal["backfilld.LogExported"]
    time: datetime
    datacontenttype: Literal["application/json"]
    data: Header


_encode: Final = msgspec.json.Encoder().encode
_encode_lines: Final = msgspec.json.Encoder().encode_lines
_decode_line: Final = msgspec.json.Decoder(Line).decode
_decode_header: Final = msgspec.json.Decoder(HeaderLine).decode


class JsonLinesWriter:
    """Writes to a stream; the header is written at once."""

    def __init__(self, stream: ByteSink, header: Header) -> None:
        self._stream = stream
        stream.write(_first_line(header))

    def write(self, rows: Sequence[Chained]) -> None:
        """See `RowWriter.write`."""
        self._stream.write(_lines(rows))

    def close(self) -> None:
        """See `RowWriter.close`."""
        self._stream.flush()


class JsonLinesFile:
    """Reads from the file where it lies; only the page that is looked at is in memory."""

    def __init__(self, path: Path) -> None:
        """Finds the pages, which takes about a second for a million facts.

        :raises FileError: it is no export.
        """
        self._path = path
        self._stream = path.open("rb")
        try:
            self.header = self._read_header()
        except FileError:
            self.close()
            raise
        self._bounds = list(self._page_bounds())
        self.pages = len(self._bounds) - 1

    @functools.cached_property
    def starts(self) -> list[int]:
        """See `LogFile.starts`."""
        return [self._start(page) for page in range(self.pages)]

    def page(self, number: int) -> list[Chained]:
        """See `LogFile.page`."""
        self._stream.seek(self._bounds[number])
        text = self._stream.read(self._bounds[number + 1] - self._bounds[number])
        lines = text.removesuffix(b"\n").split(b"\n")
        found = [_read(line, at) for at, line in enumerate(lines, number * PAGE_ROWS)]
        written = _lines(found)
        if written != text:
            differs = next(
                (at for at, line in enumerate(written.split(b"\n")[:-1]) if line != lines[at]), len(lines) - 1
            )
            raise _unreadable(number * PAGE_ROWS + differs, "the same is written otherwise there")
        return found

    def place(self, page: int, row: int) -> str:
        """See `LogFile.place`."""
        return _place(page * PAGE_ROWS + row)

    def close(self) -> None:
        """See `LogFile.close`."""
        self._stream.close()

    def _read_header(self) -> Header:
        line = self._stream.readline(_FIRST_LINE_BYTES_MAX)
        try:
            header = _decode_header(line).data
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise FileError(
                f"the file {self._path} is no export of a log: its first line does not say what it is "
                f"({error}). `backfilld export` writes one."
            ) from error
        if header.format != FORMAT:
            raise FileError(
                f"the file {self._path} is of format {header.format}, and this version reads {FORMAT}: read "
                "it with the backfilld that wrote it."
            )
        if line != _first_line(header):
            raise HeaderChangedError(self._path, "its first line")
        return header

    def _page_bounds(self) -> Iterator[int]:
        """Where each page begins, and where the last one ends."""
        at = self._stream.tell()
        for number, line in enumerate(self._stream):
            if number % PAGE_ROWS == 0:
                yield at
            at += len(line)
        yield at

    def _start(self, page: int) -> int:
        self._stream.seek(self._bounds[page])
        return _read(self._stream.readline(), page * PAGE_ROWS).position


def _first_line(header: Header) -> bytes:
    at = header.exported_at
    return _encode(HeaderLine("1.0", header.seal, SOURCE, HEADER_TYPE, at, _JSON, header)) + b"\n"


def _lines(rows: Sequence[Chained]) -> bytes:
    return _encode_lines([_line(row) for row in rows])


def _read(text: bytes, row: int) -> Chained:
    try:
        return _chained(_decode_line(text))
    except (msgspec.MsgspecError, ValueError) as error:
        raise _unreadable(row, str(error)) from error


def _unreadable(row: int, reason: str) -> RowUnreadableError:
    return RowUnreadableError(row, _place(row), reason)


def _place(row: int) -> str:
    return f"line {row + 2}"  # Counted from 1, and the first one says what the file is.


def _line(row: Chained) -> Line:
    return Line(
        "1.0",
        row.id,
        SOURCE,
        PREFIX + row.type,
        row.at,
        _JSON,
        f"{row.position:0{_SEQUENCE_DIGITS}}",
        row.schema,
        row.actor,
        row.previous,
        row.hash,
        row.data,
        row.backfill_id,
        row.run_id,
        row.causation_id,
        row.correlation_id,
    )


def _chained(line: Line) -> Chained:
    return Chained(
        int(line.sequence),
        line.id,
        line.time,
        line.type.removeprefix(PREFIX),
        line.schema,
        line.actor,
        line.backfillid,
        line.runid,
        line.causationid,
        line.correlationid,
        line.data,
        line.hash,
        line.previoushash,
    )
