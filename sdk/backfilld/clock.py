"""The one place of the SDK, runs aside, that reads the clock: where user code asks and names no time."""

from datetime import UTC, datetime


def or_now(at: datetime | None) -> datetime:
    """The time that was given, or else now, in UTC."""
    return datetime.now(UTC) if at is None else at
