"""What the SDK raises: a `BackfilldError` that says what was expected, what was found and what to do."""

from collections.abc import Iterable


class BackfilldError(Exception):
    """The root of everything this package raises on purpose."""


class InvalidDefinitionError(BackfilldError):
    """Something declared (an asset, partitions, a mapping, a policy) can not mean what it says."""


class InvalidInvocationError(BackfilldError):
    """A call asked for something that its object does not have, such as the one key of a ranged run."""


class UnknownPartitionKeyError(BackfilldError):
    """A key that its partitions do not hold.

    ``key`` is what was asked for, ``near`` the keys most like it, best first.
    """

    def __init__(self, key: str, *, near: Iterable[str] = (), among: str = "the partitions") -> None:
        self.key = key
        self.near = tuple(near)
        hint = f"; near keys are {', '.join(map(repr, self.near))}" if self.near else ""
        super().__init__(f"expected a partition key of {among}, found {key!r}{hint}")


class RangeTextError(BackfilldError):
    """A range text that can not be read.

    ``position`` is where in ``text`` it stops making sense, counted from 0 in characters. The message shows
    the text with a caret under that place.
    """

    def __init__(self, reason: str, *, text: str, position: int, near: Iterable[str] = ()) -> None:
        self.reason = reason
        self.text = text
        self.position = position
        self.near = tuple(near)
        hint = f"\nnear keys: {', '.join(self.near)}" if self.near else ""
        super().__init__(f"{reason}\n  {text}\n  {' ' * position}^{hint}")
