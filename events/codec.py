"""Facts as the log stores them: (type, schema, canonical JSON), and back.

A fact's type is the name of its class, its schema the class's number; older schemas are brought up to date
by `events.upcast` before they are decoded.

The JSON is *canonical*: keys sorted, no spaces, and only values that PostgreSQL's ``jsonb`` gives back as
they went in, so that a hash over it can be computed again from what is stored. Values that ``jsonb`` (or
JSON itself) has no room for are stored as the nearest thing that it has:

====================================  =============================
given                                 stored
====================================  =============================
NaN, Infinity, -Infinity              those words, as strings
-0.0                                  0.0
floats of 1e16 and more               the integer of the same value
integers of more than 4,096 bits      a string of their hexadecimals
U+0000 in a text                      U+2400, its picture
a lone surrogate in a text            U+FFFD, the replacement
====================================  =============================
"""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Final, get_args

import msgspec

from events.errors import FactNotStorableError, LogUnreadableError
from events.facts import Fact
from events.upcast import upcast

_INTEGRAL_FROM: Final = 1e16  # From here on floats are written with an exponent, which jsonb does not keep.
_INTEGER_BITS_MAX: Final = 4_096
_NUL: Final = b"\\u0000"

_FACTS: Final[dict[str, type[Fact]]] = {fact.__name__: fact for fact in get_args(Fact)}
_DECODERS: Final[dict[tuple[str, int], Callable[[bytes | str], Fact]]] = {
    (name, fact.schema): msgspec.json.Decoder(fact).decode for name, fact in _FACTS.items()
}
_encode_sorted: Final = msgspec.json.Encoder(order="sorted").encode


def _loose_fields(fact: type[Fact]) -> tuple[str, ...]:
    """The fields that can hold numbers or values of any shape, by their annotated types."""
    fields = msgspec.inspect.type_info(fact)
    assert isinstance(fields, msgspec.inspect.StructType)
    return tuple(field.encode_name for field in fields.fields if _is_loose(field.type))


def _is_loose(kind: msgspec.inspect.Type) -> bool:
    match kind:
        case msgspec.inspect.AnyType() | msgspec.inspect.FloatType():
            return True
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            return _is_loose(key) or _is_loose(value)
        case msgspec.inspect.UnionType(types=types):
            return any(_is_loose(each) for each in types)
        case msgspec.inspect.VarTupleType(item_type=item):
            return _is_loose(item)
        case msgspec.inspect.StructType(fields=fields):
            return any(_is_loose(field.type) for field in fields)
        case _:
            return False


_LOOSE_FIELDS: Final[dict[type, tuple[str, ...]]] = {fact: _loose_fields(fact) for fact in _FACTS.values()}
FACT_TYPES: Final = frozenset(_FACTS)


def encode(fact: Fact) -> tuple[str, int, bytes]:
    """The fact's type, schema and canonical JSON.

    :raises FactNotStorableError: what would be stored does not read as a fact of this type again.
    """
    kind = type(fact)
    name, schema = kind.__name__, kind.schema
    try:
        data = _encoded(fact)
        _DECODERS[name, schema](data)  # What cannot be read again must not be written: the log is for ever.
    except (msgspec.DecodeError, TypeError, ValueError, RecursionError) as error:
        raise FactNotStorableError(
            f"expected a {name} of values that JSON can hold, found one that would not be readable once "
            f"stored: {error}"
        ) from error
    return name, schema, data


def decode(position: int, type_name: str, schema: int, data: bytes | str) -> Fact:
    """The fact stored at ``position``, as today's code knows it.

    :raises LogUnreadableError: the type or schema is not known, or the data does not fit it.
    """
    decoder = _DECODERS.get((type_name, schema))
    if decoder is None:
        return _decode_other(position, type_name, schema, data)
    try:
        return decoder(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _does_not_fit(position, type_name, schema, error) from error


def canonical(data: bytes | str) -> bytes:
    """The bytes that `encode` gave, made again from what jsonb makes of them."""
    return _encode_sorted(msgspec.json.decode(data))


def storable_text(text: str) -> str:
    """``text`` with what PostgreSQL cannot keep in a text replaced (see the module's table)."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\u2400").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _encoded(fact: Fact) -> bytes:
    for name in _LOOSE_FIELDS[type(fact)]:
        if not _is_tame(getattr(fact, name)):
            break
    else:
        try:
            data = _encode_sorted(fact)
        except UnicodeEncodeError:
            data = _NUL
        if _NUL not in data:
            return data
    return _encode_sorted(_storable(msgspec.structs.asdict(fact)))


def _is_tame(value: object) -> bool:
    """Whether jsonb gives the value back as it is written. Texts are not looked at."""
    # Not by `match`: this runs for every number of every fact.
    if value is None or isinstance(value, str | bool):
        return True
    if isinstance(value, float):
        return -_INTEGRAL_FROM < value < _INTEGRAL_FROM and (value != 0.0 or math.copysign(1.0, value) > 0.0)
    if isinstance(value, int):
        return value.bit_length() <= _INTEGER_BITS_MAX
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_tame(item) for key, item in value.items())
    return isinstance(value, list | tuple) and all(map(_is_tame, value))


def _storable(value: object) -> object:  # noqa: PLR0911 - a kind of value each
    match value:
        case None | bool():
            return value
        case str():
            return storable_text(value)
        case float():
            return _storable_float(value)
        case int():
            return value if value.bit_length() <= _INTEGER_BITS_MAX else hex(value)
        case dict():
            return {storable_text(_key_text(key)): _storable(item) for key, item in value.items()}
        case list() | tuple():
            return [_storable(item) for item in value]
        case msgspec.Struct():
            return _storable(msgspec.structs.asdict(value))
        case _:
            return _storable(msgspec.to_builtins(value))


def _storable_float(value: float) -> float | int | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if abs(value) >= _INTEGRAL_FROM:
        return int(Decimal(repr(value)))
    return value or 0.0


def _key_text(key: object) -> str:
    return key if isinstance(key, str) else str(msgspec.to_builtins(key))


def _decode_other(position: int, type_name: str, schema: int, data: bytes | str) -> Fact:
    """The fact in a shape of the past, brought up to date."""
    fact = _FACTS.get(type_name)
    if fact is None or schema > fact.schema:
        raise LogUnreadableError(
            f"it holds a {type_name} of schema {schema}, which this version of backfilld does not know",
            remedy="It was written by a newer backfilld: run that version, or a later one, on this log.",
            position=position,
        )
    try:
        upcasted = upcast(type_name, schema, fact.schema, msgspec.json.decode(data))
        return msgspec.convert(upcasted, fact)
    except (msgspec.DecodeError, UnicodeDecodeError, LookupError, TypeError) as error:
        raise _does_not_fit(position, type_name, schema, error) from error


def _does_not_fit(position: int, type_name: str, schema: int, error: Exception) -> LogUnreadableError:
    return LogUnreadableError(
        f"its data is no {type_name} of schema {schema} ({error})",
        remedy="Run `backfilld log verify`: it tells whether the row was changed after it was written.",
        position=position,
    )
