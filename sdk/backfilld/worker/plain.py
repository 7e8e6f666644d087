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

What was cut says where the whole of it is: in a file of the run's folder, up to `WHOLE_CHARACTERS_MAX`.
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
WHOLE_IN: Final = "backfilld.whole_in"
WHOLE_CHARACTERS_MAX: Final = 1_048_576

_INTEGER_BITS_MAX: Final = 63
_WORKER_FOLDER: Final = str(Path(__file__).parent)


class _Bound:
    """The bound of each text, and whether one was over it."""

    def __init__(self, characters_max: int) -> None:
        self._characters_max = characters_max
        self.was_passed = False

    def text(self, text: str) -> str:
        self.was_passed = self.was_passed or len(text) > self._characters_max
        return bounded(text, self._characters_max)


def plain_metadata(metadata: Mapping[Any, object], *, whole_in: str | None = None) -> dict[str, Any]:
    """The metadata as JSON values; what is over the bound is left out and counted under `LEFT_OUT`.

    :param whole_in: the file that has the whole, named under `WHOLE_IN` where anything was cut.
    """
    plain: dict[str, Any] = {}
    left_out = 0
    size = 0
    bound = _Bound(TEXT_CHARACTERS_MAX)
    for name, value in metadata.items():
        key, entry = _text_of(name, bound), _plain(value, DEPTH_MAX, bound)
        size += len(json.dumps({key: entry}))
        if size > METADATA_BYTES_MAX:
            left_out += 1
        else:
            plain[key] = entry
    if left_out:
        plain[LEFT_OUT] = left_out
    if whole_in is not None and (left_out or bound.was_passed):
        plain[WHOLE_IN] = whole_in
    return plain


def whole_metadata(metadata: Mapping[Any, object]) -> str:
    """All of it as one line of JSON; only what is over `WHOLE_CHARACTERS_MAX` is cut off its end."""
    bound = _Bound(WHOLE_CHARACTERS_MAX)
    plain = {_text_of(name, bound): _plain(value, DEPTH_MAX, bound) for name, value in metadata.items()}
    return json.dumps(plain)[:WHOLE_CHARACTERS_MAX]


def failure_of(error: BaseException | str, *, whole_in: str | None = None) -> dict[str, Any]:
    """What went wrong as ``{"type", "message", "traceback"}``; a text is a failure without a traceback.

    :param whole_in: the file of the run that has the whole, which what was cut names.
    """
    if isinstance(error, str):
        message = bounded(error, MESSAGE_CHARACTERS_MAX, whole_in)
        return {"type": "Failure", "message": message, "traceback": None}
    kind, trace = type(error), _traceback_of(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return {
        "type": bounded(name, TYPE_CHARACTERS_MAX),
        "message": bounded(_text_of(error), MESSAGE_CHARACTERS_MAX, whole_in),
        "traceback": None if trace is None else bounded(trace, TRACEBACK_CHARACTERS_MAX, whole_in),
    }


def whole_failure(error: BaseException | str) -> str:
    """All that there is to say of what went wrong, up to `WHOLE_CHARACTERS_MAX`."""
    whole = error if isinstance(error, str) else _traceback_of(error) or _text_of(error)
    return bounded(whole, WHOLE_CHARACTERS_MAX)


def bounded(text: str, characters_max: int, whole_in: str | None = None) -> str:
    """The text, or its first quarter and its end with a note of how much was left out between them."""
    if len(text) <= characters_max:
        return text
    head = characters_max // 4
    tail = characters_max - head
    where = "" if whole_in is None else f"; the whole is in {whole_in} of the run"
    note = f"[... {len(text) - characters_max:,} characters left out{where} ...]"
    return f"{text[:head]}\n{note}\n{text[-tail:]}"


def _plain(  # noqa: PLR0911 - one return per kind of value.
    value: object, depth: int, bound: _Bound
) -> bool | int | float | str | list[Any] | dict[str, Any] | None:
    match value:
        case None | bool():
            return value
        case int() if value.bit_length() <= _INTEGER_BITS_MAX:
            return int(value)
        case int():
            return bound.text(hex(value))
        case float() if math.isfinite(value):
            return float(value)
        case float():
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case str():
            return bound.text(str(value))
        case datetime() | date() | time():
            return value.isoformat()
        case Mapping() if depth:
            return {_text_of(name, bound): _plain(item, depth - 1, bound) for name, item in value.items()}
        case list() | tuple() | set() | frozenset() if depth:
            return [_plain(item, depth - 1, bound) for item in value]
        case _:
            return _text_of(value, bound)


def _text_of(value: object, bound: _Bound | None = None) -> str:
    try:
        text = str(value)
    except Exception as error:  # noqa: BLE001 - a user's __str__ may raise anything, and the report goes on.
        text = f"<{type(value).__name__} whose text could not be made: {type(error).__name__}>"
    return text if bound is None else bound.text(text)


def _traceback_of(error: BaseException) -> str | None:
    """The traceback without the frames of this folder; None where there is none."""
    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename.startswith(_WORKER_FOLDER):
        frame = frame.tb_next
    try:
        lines = traceback.format_exception(type(error), error, frame)
    except Exception:  # noqa: BLE001 - it asks user code (__str__, __cause__, loaders) and may meet anything.
        return None
    return "".join(lines)
