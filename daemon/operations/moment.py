"""Moments of the past as they are typed, and where in the log they lie."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from daemon.fact_text import counted
from daemon.operations.errors import RefusedError, UsageError
from daemon.operations.typed import digits_typed
from events.log import Log
from events.seeking import fact_at, fact_by, position_by

_UNITS: Final = {
    "w": "weeks", "d": "days", "h": "hours", "min": "minutes", "m": "minutes",
    "sec": "seconds", "s": "seconds",
}  # fmt: skip
_STEP: Final = re.compile(rf"(\d+(?:\.\d+)?)\s*({'|'.join(_UNITS)})")
_DURATION: Final = re.compile(rf"(?:{_STEP.pattern}\s*)+(?:ago)?")
_POSITION: Final = re.compile(r"\d[\d_,]*")
_NOW: Final = "now"


class TypedMoment(msgspec.Struct, frozen=True):
    """A moment as it was typed: a position, a time, or a time ago."""

    text: str
    position: int | None = None
    at: datetime | None = None
    ago: timedelta | None = None

    def time(self, now: datetime) -> datetime | None:
        """The time that is meant; None for a position."""
        if self.ago is None:
            return self.at
        try:
            return now - self.ago
        except OverflowError as error:
            raise UsageError(f"{self.text} ago is before all times there are.") from error


class Moment(msgspec.Struct, frozen=True):
    """A moment of a log: the newest fact known then, and the time it was."""

    position: int
    at: datetime  # the time that was meant, or of a position the time of its fact

    def __str__(self) -> str:
        where = f"position {self.position:,}" if self.position else "before the first fact"
        return f"{time_text(self.at)}, {where}"


def time_text(at: datetime) -> str:
    """``2024-03-01 12:00:00 UTC``, with milliseconds where they are not none."""
    fraction = f".{at.microsecond // 1000:03}" if at.microsecond >= 1000 else ""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}{fraction} UTC"


def typed_moment(text: str, option: str) -> TypedMoment:
    """What was typed as the value of an option, a moment.

    :raises UsageError: it is none.
    """
    typed = text.strip()
    if _POSITION.fullmatch(typed):
        position = digits_typed(re.sub(r"[_,]", "", typed))
        if position is None:
            raise UsageError(f"{option}: {typed[:40]!r} is no position of a log.")
        return TypedMoment(typed, position=position)
    if typed == _NOW:
        return TypedMoment(typed, ago=timedelta())
    if _DURATION.fullmatch(typed):
        try:
            steps = (timedelta(**{_UNITS[unit]: float(count)}) for count, unit in _STEP.findall(typed))
            return TypedMoment(typed.removesuffix("ago").strip(), ago=sum(steps, timedelta()))
        except OverflowError as error:
            raise UsageError(f"{option}: {typed!r} is longer than time is.") from error
    try:
        at = datetime.fromisoformat(typed)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{option}: {typed!r} is no moment; give a time such as 2024-03-01T12:00 (UTC), a time ago such "
            "as 2h or 1d12h, or a position of the log."
        ) from error
    return TypedMoment(typed, at=at)


async def moment_of(log: Log, typed: TypedMoment, now: datetime, *, or_beginning: bool = False) -> Moment:
    """The moment of the log that is meant.

    :param or_beginning: whether a moment before the first fact is one too; its position is 0.
    :raises RefusedError: the log has no such moment: it is before the first fact, past the last, or to come.
    """
    head = await log.head()
    if head == 0:
        raise RefusedError("the log is empty: there is no moment to look at.")
    at = typed.time(now)
    if at is None:
        position = typed.position or 0
        if or_beginning and position == 0 and (first := await fact_at(log, 1)) is not None:
            return Moment(0, first.at)
        recorded = await fact_by(log, position) if 1 <= position <= head else None
        if recorded is None:
            raise RefusedError(
                f"there is no position {position:,}: the log has {counted(head, 'fact')}, counted from 1."
            )
        return Moment(position, recorded.at)
    if at > now:
        raise RefusedError(f"{time_text(at)} is yet to come: it is {time_text(now)}.")
    position = await position_by(log, at)
    if position == 0 and not or_beginning:
        first = await fact_at(log, 1)
        begins = "" if first is None else f": the log begins at {time_text(first.at)}"
        raise RefusedError(f"nothing is known of {time_text(at)}{begins}.")
    return Moment(position, at)
