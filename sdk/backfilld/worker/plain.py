"""Whatever user code hands over, made plain JSON of a bounded size.

==========================  =====================================================================
what                        bound
==========================  =====================================================================
metadata of one report      64 KiB of JSON; entries beyond it are counted under `LEFT_OUT`
one text in it              16,384 characters, the middle left out
nesting in it               8 levels; what lies deeper becomes text
message of an exception     8,192 characters, the middle left out
traceback                   32,768 characters: the first quarter and the last three
==========================  =====================================================================
"""

import json
import math
import traceback
from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final

METADATA_BYTES_MAX: Final = 65_536
TEXT_CHARACTERS_MAX: Final = 16_384
MESSAGE_CHARACTERS_MAX: Final = 8_192
TRACEBACK_CHARACTERS_MAX: Final = 32_768
TYPE_CHARACTERS_MAX: Final = 200
DEPTH_MAX: Final = 8
LEFT_OUT: Final = "backfilld.left_out"

_INTEGER_BITS_MAX: Final = 63
_WORKER_FOLDER: Final = str(Path(__file__).parent)


def plain_metadata(metadata: Mapping[Any, object]) -> dict[str, Any]:
    """The metadata as JSON values; what is over the bound is left out and counted under `LEFT_OUT`."""
    plain: dict[str, Any] = {}
    left_out = 0
    size = 0
    for name, value in metadata.items():
        key, entry = _text_of(name), _plain(value, DEPTH_MAX)
        size += len(json.dumps({key: entry}))
        if size > METADATA_BYTES_MAX:
            left_out += 1
        else:
            plain[key] = entry
    if left_out:
        plain[LEFT_OUT] = left_out
    return plain


def failure_of(error: BaseException | str) -> dict[str, Any]:
    """What went wrong as ``{"type", "message", "traceback"}``; a text is a failure without a traceback."""
    if isinstance(error, str):
        return {"type": "Failure", "message": bounded(error, MESSAGE_CHARACTERS_MAX), "traceback": None}
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return {
        "type": bounded(name, TYPE_CHARACTERS_MAX),
        "message": bounded(_text_of(error), MESSAGE_CHARACTERS_MAX),
        "traceback": _traceback_of(error),
    }


def bounded(text: str, characters_max: int) -> str:
    """The text, or its first quarter and its end with a note of how much was left out between them."""
    if len(text) <= characters_max:
        return text
    head = characters_max // 4
    tail = characters_max - head
    return f"{text[:head]}\n[... {len(text) - characters_max:,} characters left out ...]\n{text[-tail:]}"


def _plain(  # noqa: PLR0911 - one return per kind of value.
    value: object, depth: int
) -> bool | int | float | str | list[Any] | dict[str, Any] | None:
    match value:
        case None | bool():
            return value
        case int() if value.bit_length() <= _INTEGER_BITS_MAX:
            return int(value)
        case int():
            return bounded(hex(value), TEXT_CHARACTERS_MAX)
        case float() if math.isfinite(value):
            return float(value)
        case float():
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case str():
            return bounded(str(value), TEXT_CHARACTERS_MAX)
        case datetime() | date() | time():
            return value.isoformat()
        case Mapping() if depth:
            return {_text_of(name): _plain(item, depth - 1) for name, item in value.items()}
        case list() | tuple() | set() | frozenset() if depth:
            return [_plain(item, depth - 1) for item in value]
        case _:
            return _text_of(value)


def _text_of(value: object) -> str:
    try:
        text = str(value)
    except Exception as error:  # noqa: BLE001 - a user's __str__ may raise anything, and the report goes on.
        text = f"<{type(value).__name__} whose text could not be made: {type(error).__name__}>"
    return bounded(text, TEXT_CHARACTERS_MAX)


def _traceback_of(error: BaseException) -> str | None:
    """The traceback without the frames of this folder; None where there is none."""
    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename.startswith(_WORKER_FOLDER):
        frame = frame.tb_next
    try:
        lines = traceback.format_exception(type(error), error, frame)
    except Exception:  # noqa: BLE001 - it asks user code (__str__, __cause__, loaders) and may meet anything.
        return None
    return bounded("".join(lines), TRACEBACK_CHARACTERS_MAX)
