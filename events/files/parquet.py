"""Parquet: a column for each of the log's, for tools that count and compare. By `pyarrow`, if it is there."""

import datetime as dt
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from msgspec import Raw

from events.files.chained import FORMAT, Chained, FileError, Header, HeaderChangedError, RowUnreadableError

try:
    import pyarrow as pa
    from pyarrow import parquet
except ModuleNotFoundError as error:
    raise FileError(
        "Parquet needs the package pyarrow, which is not installed: pip install 'backfilld-daemon[parquet]', "
        "or use a file that ends in .jsonl."
    ) from error

METADATA_KEY: Final = b"backfilld"
SEAL_KEY: Final = b"backfilld.sha256"
_NAMES: Final = Chained.__struct_fields__
_TYPES: Final[dict[str, Any]] = {
    "position": pa.int64(),
    "at": pa.timestamp("us", tz="UTC"),
    "schema": pa.int32(),
}
_OPTIONAL: Final = frozenset({"backfill_id", "run_id", "causation_id", "correlation_id"})
_COLUMNS: Final = pa.schema(
    [pa.field(name, _TYPES.get(name, pa.string()), nullable=name in _OPTIONAL) for name in _NAMES]
)
# What pyarrow raises for bytes that it cannot make sense of.
_UNREADABLE: Final = (pa.ArrowException, msgspec.MsgspecError, OSError, ValueError, ArithmeticError)


class ParquetWriter:
    """Writes to a stream; each page becomes a row group."""

    def __init__(self, stream: IO[bytes], header: Header) -> None:
        metadata = {METADATA_KEY: msgspec.json.encode(header), SEAL_KEY: header.seal}
        columns = _COLUMNS.with_metadata(metadata)
        self._writer = parquet.ParquetWriter(stream, columns, compression="zstd", write_page_checksum=True)

    def write(self, rows: Sequence[Chained]) -> None:
        """See `RowWriter.write`."""
        columns = {name: [getattr(row, name) for row in rows] for name in _NAMES}
        columns["data"] = [bytes(row.data).decode() for row in rows]
        self._writer.write_table(pa.table(columns, schema=self._writer.schema))

    def close(self) -> None:
        """See `RowWriter.close`."""
        self._writer.close()


class ParquetFile:
    """Reads a row group at a time."""

    def __init__(self, path: Path) -> None:
        """:raises FileError: it is no export."""
        self._path = path
        try:
            self._file = parquet.ParquetFile(path, page_checksum_verification=True)
            metadata = self._file.schema_arrow.metadata or {}
            self.header = msgspec.json.decode(metadata.get(METADATA_KEY, b""), type=Header)
        except _UNREADABLE as error:
            raise FileError(f"the file {path} is no export of a log: {error}") from error
        if self.header.format != FORMAT:
            raise FileError(
                f"the file {path} is of format {self.header.format}, and this version reads {FORMAT}: read "
                "it with the backfilld that wrote it."
            )
        if metadata.get(SEAL_KEY) != self.header.seal.encode() or not self._file.schema_arrow.equals(
            _COLUMNS
        ):
            raise HeaderChangedError(path, "what it says of itself")
        self.pages = self._file.num_row_groups

    @functools.cached_property
    def starts(self) -> list[int]:
        """See `LogFile.starts`."""
        return [self._columns(group, ["position"])["position"][0] for group in range(self.pages)]

    def page(self, number: int) -> list[Chained]:
        """See `LogFile.page`."""
        columns = self._columns(number, _NAMES)
        columns["data"] = [Raw(text.encode()) for text in columns["data"]]
        columns["at"] = [at.replace(tzinfo=dt.UTC) for at in columns["at"]]
        return [Chained(*row) for row in zip(*(columns[name] for name in _NAMES), strict=True)]

    def _columns(self, group: int, names: Sequence[str]) -> dict[str, list[Any]]:
        try:
            columns: dict[str, list[Any]] = self._file.read_row_group(group, columns=list(names)).to_pydict()
        except _UNREADABLE as error:
            raise RowUnreadableError(self._rows_before(group), self.place(group, 0), str(error)) from error
        return columns

    def place(self, page: int, row: int) -> str:
        """See `LogFile.place`."""
        return f"row {self._rows_before(page) + row + 1}"

    def close(self) -> None:
        """See `LogFile.close`."""
        self._file.close()

    def _rows_before(self, group: int) -> int:
        return sum(self._file.metadata.row_group(each).num_rows for each in range(group))
