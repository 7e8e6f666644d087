"""JSON Lines of CloudEvents 1.0: a line that says what the file is, and a line for each fact.

Every value that CloudEvents has no attribute for is an extension attribute of the event; those of cause and
story carry the names of CloudEvents' own extension for them. A line may hold nothing else, so that there is
nothing in it that the hash does not cover.
"""

import mmap
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Raw

from events.files.chained import FORMAT, Chained, FileError, Header
from events.files.port import PAGE_ROWS, ByteSink
from events.ids import new_id

SOURCE: Final = "/backfilld/log"
PREFIX: Final = "backfilld."
HEADER_TYPE: Final = "backfilld.LogExported"
_JSON: Final = "application/json"
_FIRST_LINE_BYTES_MAX: Final = 16 << 20


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A fact as a CloudEvent."""

    specversion: Literal["1.0"]
    id: str
    source: Literal["/backfilld/log"]
    type: str
    time: datetime
    datacontenttype: Literal["application/json"]
    position: int
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
    id: str
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
        at = header.exported_at
        line = HeaderLine("1.0", new_id(at), SOURCE, HEADER_TYPE, at, _JSON, header)
        stream.write(_encode(line) + b"\n")

    def write(self, rows: Sequence[Chained]) -> None:
        """See `RowWriter.write`."""
        self._stream.write(_encode_lines([_line(row) for row in rows]))

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
            self._bytes = mmap.mmap(self._stream.fileno(), 0, access=mmap.ACCESS_READ)
        except (ValueError, OSError) as error:
            self._stream.close()
            raise FileError(f"{path} is no export of a log: {error}.") from error
        self.header = self._read_header()
        self._bounds = list(self._page_bounds())
        self.starts = [self._decoded(self._line_at(at), 2 + page * PAGE_ROWS).position
                       for page, at in enumerate(self._bounds[:-1])]  # fmt: skip

    def page(self, number: int) -> list[Chained]:
        """See `LogFile.page`."""
        text = self._bytes[self._bounds[number] : self._bounds[number + 1]]
        first = 2 + number * PAGE_ROWS
        return [
            _chained(self._decoded(line, at))
            for at, line in enumerate(text.removesuffix(b"\n").split(b"\n"), first)
        ]

    def place(self, page: int, row: int) -> str:
        """See `LogFile.place`."""
        return f"line {2 + page * PAGE_ROWS + row}"

    def close(self) -> None:
        """See `LogFile.close`."""
        self._bytes.close()
        self._stream.close()

    def _read_header(self) -> Header:
        end = self._bytes.find(b"\n", 0, _FIRST_LINE_BYTES_MAX)
        try:
            header = _decode_header(self._bytes[: max(end, 0)]).data
        except msgspec.MsgspecError as error:
            raise FileError(
                f"{self._path} is no export of a log: its first line does not say what it is ({error}). "
                "`backfilld export` writes one."
            ) from error
        if header.format != FORMAT:
            raise FileError(
                f"{self._path} is of format {header.format}, and this version reads {FORMAT}: read it with "
                "the backfilld that wrote it."
            )
        return header

    def _page_bounds(self) -> Iterator[int]:
        """Where each page begins, and where the last one ends."""
        find, size = self._bytes.find, len(self._bytes)
        at = find(b"\n") + 1
        while at < size:
            yield at
            for _ in range(PAGE_ROWS):
                at = find(b"\n", at) + 1
                if at == 0:
                    at = size
                    break
                if at == size:
                    break
        yield size

    def _line_at(self, start: int) -> bytes:
        end = self._bytes.find(b"\n", start)
        return self._bytes[start : end if end >= 0 else len(self._bytes)]

    def _decoded(self, line: bytes, number: int) -> Line:
        try:
            decoded = _decode_line(line)
            if not decoded.type.startswith(PREFIX):
                raise msgspec.ValidationError(f"its type {decoded.type!r} does not begin with {PREFIX!r}")
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise FileError(f"line {number} of {self._path} is no fact of a log: {error}.") from error
        return decoded


def _line(row: Chained) -> Line:
    return Line(
        "1.0",
        row.id,
        SOURCE,
        PREFIX + row.type,
        row.at,
        _JSON,
        row.position,
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
        line.position,
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
