"""Parquet: a column for each of the log's, for tools that count and compare. By `pyarrow`, if it is there."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from msgspec import Raw

from events.files.chained import FORMAT, Chained, FileError, Header

try:
    import pyarrow as pa
    from pyarrow import parquet
except ModuleNotFoundError as error:
    raise FileError(
        "Parquet needs the package pyarrow, which is not installed: pip install 'backfilld-daemon[parquet]', "
        "or use a file that ends in .jsonl."
    ) from error

METADATA_KEY: Final = b"backfilld"
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


class ParquetWriter:
    """Writes to a stream; each page becomes a row group."""

    def __init__(self, stream: IO[bytes], header: Header) -> None:
        columns = _COLUMNS.with_metadata({METADATA_KEY: msgspec.json.encode(header)})
        self._writer = parquet.ParquetWriter(stream, columns, compression="zstd")

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
            self._file = parquet.ParquetFile(path)
            found = (self._file.schema_arrow.metadata or {}).get(METADATA_KEY)
            self.header = msgspec.json.decode(found or b"", type=Header)
        except (pa.ArrowException, msgspec.MsgspecError) as error:
            raise FileError(f"{path} is no export of a log: {error}") from error
        if self.header.format != FORMAT:
            raise FileError(f"{path} is of format {self.header.format}, and this version reads {FORMAT}.")
        self.starts = [self._first_of(group) for group in range(self._file.num_row_groups)]

    def page(self, number: int) -> list[Chained]:
        """See `LogFile.page`."""
        try:
            columns = self._file.read_row_group(number, columns=list(_NAMES)).to_pydict()
            columns["data"] = [Raw(text.encode()) for text in columns["data"]]
            columns["at"] = [at.replace(tzinfo=dt.UTC) for at in columns["at"]]
            return [Chained(*row) for row in zip(*(columns[name] for name in _NAMES), strict=True)]
        except (pa.ArrowException, OSError, KeyError, AttributeError) as error:
            raise FileError(
                f"row group {number} of {self._path} holds no facts of a log: {error}."
            ) from error

    def place(self, page: int, row: int) -> str:
        """See `LogFile.place`."""
        before = sum(self._file.metadata.row_group(group).num_rows for group in range(page))
        return f"row {before + row + 1}"

    def close(self) -> None:
        """See `LogFile.close`."""
        self._file.close()

    def _first_of(self, group: int) -> int:
        positions = self._file.read_row_group(group, columns=["position"]).column(0)
        return int(positions[0].as_py())
