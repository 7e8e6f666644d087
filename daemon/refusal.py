"""The answer to a request that makes no sense: a value, not an exception."""

import msgspec


class Refused(msgspec.Struct, frozen=True):
    """Nothing was written. The reason says what was asked, what is wrong and what to do."""

    reason: str
    near: tuple[str, ...] = ()  # names that may have been meant
    option: str | None = None  # whose value is refused, as its field is called, where it is one's alone
