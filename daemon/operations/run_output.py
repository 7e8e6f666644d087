"""What runs print: their files, the end of them, and all of them a piece at a time."""

import codecs
import os
from pathlib import Path
from typing import Annotated, Final, Literal

import anyio
import msgspec

from daemon.launching.output import STANDARD_ERROR_FILE, STANDARD_OUTPUT_FILE
from daemon.operations.errors import UnknownError
from daemon.operations.fields import RunId, said
from daemon.operations.operation import Question, operation
from daemon.operations.records import Records
from daemon.operations.run_files import Elsewhere, files_of
from daemon.operations.run_names import unknown_run

Stream = Literal["stdout", "stderr"]

PRINTED: Final[dict[Stream, str]] = {"stdout": STANDARD_OUTPUT_FILE, "stderr": STANDARD_ERROR_FILE}
TAIL_BYTES_MAX: Final = 1024 * 1024
PIECE_BYTES: Final = 64 * 1024
CHARACTER_BYTES_MAX: Final = 4  # a shorter piece may hold none


class OutputAsked(Question, frozen=True, kw_only=True):
    """Which part of what a run printed."""

    run_id: RunId
    stream: Annotated[Stream, said("Which of the two streams that it prints to.")] = "stdout"
    offset: Annotated[
        int,
        msgspec.Meta(ge=-TAIL_BYTES_MAX),
        said("The byte to begin with: the `next` of the answer before. Below 0 it counts from the end."),
    ] = 0
    limit: Annotated[
        int, msgspec.Meta(ge=CHARACTER_BYTES_MAX, le=TAIL_BYTES_MAX), said("At most so many bytes.")
    ] = PIECE_BYTES


class RunOutput(msgspec.Struct, frozen=True):
    """A part of what a run printed; no character is cut."""

    run_id: str
    stream: Stream
    offset: int  # where it begins, in bytes
    text: str
    next: int  # the offset to go on with
    size: int | None  # of the file, in bytes; None: there is no such file
    has_ended: bool  # whether all of it was told, and the run will print no more
    elsewhere: Elsewhere | None = None  # where the file is, if it cannot be read here


@operation("GET", "/runs/{run_id}/output")
async def run_output(records: Records, asked: OutputAsked) -> RunOutput:
    """Show what a run printed, from a byte on: asked again with `next` as the offset, it follows a run live.

    A file that was cut at its bound meanwhile is shorter than the offset, and is gone on with at its end.

    :raises UnknownError: there is no such run.
    """
    rows = await records.rows("runs", limit=1, id=asked.run_id)
    if not rows:
        raise UnknownError(await unknown_run(records, asked.run_id))
    files = await files_of(records, asked.run_id)
    # The row is older than the file is read: what an ended run printed is all there.
    is_over = rows[0]["ended_at"] is not None
    found = await anyio.to_thread.run_sync(piece, files.folder, asked, is_over)
    return msgspec.structs.replace(found, elsewhere=files.elsewhere) if files.elsewhere else found


def piece(folder: Path, asked: OutputAsked, is_over: bool) -> RunOutput:  # noqa: FBT001 -- called by a thread
    """A part of a file in the folder; ``is_over`` says that nothing more will be written to it."""
    try:
        with (folder / PRINTED[asked.stream]).open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            offset = stream.seek(_beginning(asked.offset, size))
            read = stream.read(asked.limit)
            if asked.offset < 0 < offset:
                offset, read = _whole_characters(offset, read)
    except (FileNotFoundError, NotADirectoryError):
        return RunOutput(asked.run_id, asked.stream, 0, "", 0, None, is_over)
    is_end = is_over and offset + len(read) >= size
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(read, final=is_end)
    held_back, _ = decoder.getstate()
    following = offset + len(read) - len(held_back)
    return RunOutput(asked.run_id, asked.stream, offset, text, following, size, is_end)


def _beginning(offset: int, size: int) -> int:
    return min(offset, size) if offset >= 0 else max(size + offset, 0)


def _whole_characters(offset: int, read: bytes) -> tuple[int, bytes]:
    """Without the rest of a UTF-8 character that was cut at the beginning."""
    cut = next((n for n, byte in enumerate(read[:CHARACTER_BYTES_MAX]) if byte & 0xC0 != 0x80), 0)
    return offset + cut, read[cut:]


def tail(file: Path, lines: int) -> str | None:
    """The last lines of a file (0: all, up to a mebibyte); None if there is no such file."""
    try:
        with file.open("rb") as stream:
            stream.seek(max(stream.seek(0, os.SEEK_END) - TAIL_BYTES_MAX, 0))
            text = stream.read(TAIL_BYTES_MAX).decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    return "\n".join(text.rstrip().splitlines()[-lines:])
