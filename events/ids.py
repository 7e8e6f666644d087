"""Ids of events: UUIDv7 (RFC 9562), whose first 48 bits are a time and which therefore sort by it."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_VERSION_7 = 0x7 << 76
_VARIANT_RFC = 0b10 << 62


def new_id(at: datetime) -> str:
    """A fresh id for something that happened at ``at`` (aware). No two calls give the same."""
    return _uuid7(at, secrets.randbits(74))


def derived_id(at: datetime, *names: str) -> str:
    """The id that belongs to ``at`` (aware, taken to the millisecond) and ``names``: always the same one.

    For what may be read more than once, such as a line of a worker's report: however often it is read and
    appended, the log keeps it once. The non-time bits are the first 74 of a SHA-256 over the names.
    """
    digest = hashlib.sha256()
    for name in names:
        encoded = name.encode("utf-8", "surrogatepass")
        # The length keeps ("ab", "c") and ("a", "bc") apart.
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return _uuid7(at, int.from_bytes(digest.digest()[:10], "big") >> 6)


def _uuid7(at: datetime, bits: int) -> str:
    if at.tzinfo is None:
        raise ValueError(f"expected an aware time, found {at!r} without a time zone")
    milliseconds = (at - _EPOCH) // _MILLISECOND
    if not 0 <= milliseconds < 1 << 48:
        raise ValueError(f"expected a time from 1970 to 10889, found {at.isoformat()}")
    high, low = bits >> 62, bits & (1 << 62) - 1
    return str(UUID(int=milliseconds << 80 | _VERSION_7 | high << 64 | _VARIANT_RFC | low))
