"""Which form a file has: by its name when it is written, by what is in it when it is read."""

from pathlib import Path
from typing import Final

from events.files.chained import FileError
from events.files.jsonlines import JsonLinesFile, JsonLinesWriter
from events.files.port import LogFile, OpenWriter

JSON_LINES: Final = (".jsonl", ".ndjson")
PARQUET: Final = ".parquet"
_PARQUET_BEGINS: Final = b"PAR1"


def opened(path: Path) -> LogFile:
    """The file, for reading.

    :raises FileError: there is none, or it is no export of a log.
    """
    try:
        with path.open("rb") as stream:
            beginning = stream.read(len(_PARQUET_BEGINS))
    except OSError as error:
        raise FileError(f"the file {path} cannot be read: {error.strerror or error}.") from error
    if beginning != _PARQUET_BEGINS:
        return JsonLinesFile(path)
    from events.files.parquet import ParquetFile  # noqa: PLC0415 - pyarrow is not installed everywhere

    return ParquetFile(path)


def writer_for(path: Path) -> OpenWriter:
    """What writes a file of that name.

    :raises FileError: its ending names no form, or one that nothing here can write.
    """
    ending = path.suffix.lower()
    if ending in JSON_LINES:
        return JsonLinesWriter
    if ending != PARQUET:
        raise FileError(
            f"the file {path} does not say by its ending what it is to be: .jsonl for JSON Lines, or "
            ".parquet."
        )
    from events.files.parquet import ParquetWriter  # noqa: PLC0415 - as above

    return ParquetWriter
