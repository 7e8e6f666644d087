"""An operation as a value: what it is asked with, what it answers, and where the API has it."""

import inspect
import re
from collections.abc import Awaitable, Callable
from enum import IntEnum
from functools import cache
from typing import Any, Final, Generic, Literal, TypeVar, get_type_hints

import msgspec

from daemon.operations.errors import UsageError
from daemon.operations.fields import REASON_MAX, TAG_MAX, TAGS_MAX, AsOf, Cursor, Limit
from daemon.operations.records import Records

Method = Literal["GET", "POST", "PUT", "DELETE"]

Item = TypeVar("Item")


class Role(IntEnum):
    """What somebody may do; each may all that those before it may."""

    VIEWER = 1  # look at everything, change nothing
    OPERATOR = 2  # launch, cancel, amend, add keys, set pools
    ADMIN = 3  # tokens, projections


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operation is asked with. Fields are the options of the command, under the same names."""


class PastQuestion(Question, frozen=True, kw_only=True):
    """A question that can be asked of a moment of the past."""

    as_of: AsOf = None


class ListQuestion(PastQuestion, frozen=True, kw_only=True):
    """Which part of a list."""

    limit: Limit = 100
    cursor: Cursor = None


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """A part of a list, and where the rest of it begins."""

    items: list[Item]
    next: str | None = None  # the cursor to ask for what follows; None at the end
    total: int | None = None  # of the whole list; None where it is not counted


Asked = TypeVar("Asked", bound=Question)


def bounded(asked: Asked) -> Asked:
    """The question as an API takes it: all that there is, at once, is not given."""
    if getattr(asked, "limit", None) == 0:
        return msgspec.structs.replace(asked, limit=limit_max(type(asked)))
    return asked


@cache
def limit_max(question: type[Question]) -> int:
    """How much of what a question has a limit for an API gives at once."""
    limit = get_type_hints(question, include_extras=True)["limit"]
    return next(each.le for each in limit.__metadata__ if isinstance(each.le, int))


def refuse_long(asked: Question) -> None:
    """Nothing, if what is only for the record is short enough to be kept for good.

    Decoding JSON sees to it; a question that is made here comes straight from what was typed.

    :raises UsageError: it is not.
    """
    reason: str = getattr(asked, "reason", None) or ""
    if len(reason) > REASON_MAX:
        raise UsageError(f"--reason has {len(reason):,} characters; it can have {REASON_MAX:,}.")
    tags: dict[str, str] = getattr(asked, "tags", None) or {}
    if len(tags) > TAGS_MAX:
        raise UsageError(f"--tag is given {len(tags):,} times; a backfill can have {TAGS_MAX:,} tags.")
    for text in (*tags, *tags.values()):
        if len(text) > TAG_MAX:
            raise UsageError(f"--tag {text[:20]!r}... has {len(text):,} characters; it can have {TAG_MAX:,}.")


Answer = TypeVar("Answer")

_RAISES: Final = re.compile(r"^:raises (\w+): (.*(?:\n[ \t]+.*)*)$", re.MULTILINE)


class Operation(Generic[Asked, Answer]):
    """An operation that can be awaited: ``await status(records, asked)``.

    ``{field}`` in its path is a field of its question. The others are the query of a GET, or the JSON of the
    body.
    """

    def __init__(
        self,
        method: Method,
        path: str,
        function: Callable[[Records, Asked], Awaitable[Answer]],
        role: Role,
        *,
        takes_key: bool = False,
    ) -> None:
        hints = get_type_hints(function)
        self.method: Final = method
        self.path: Final = path
        self.role: Final = role
        self.takes_key: Final = takes_key  # see `Place.key`
        self.name: Final = function.__name__
        told = inspect.getdoc(function) or ""
        self.told: Final = _RAISES.sub("", told).strip()
        self.raises: Final = {name: " ".join(when.split()) for name, when in _RAISES.findall(told)}
        self.question: Final[type[Asked]] = hints["asked"]
        self.answer: Final[Any] = hints["return"]
        self._function = function

    async def __call__(self, records: Records, asked: Asked) -> Answer:
        """The answer.

        :raises OperationError: there is none; see the function's own docstring.
        """
        refuse_long(asked)
        return await self._function(records, asked)


def operation(
    method: Method, path: str, *, role: Role | None = None, takes_key: bool = False
) -> Callable[[Callable[[Records, Asked], Awaitable[Answer]]], Operation[Asked, Answer]]:
    """Makes an operation of ``async def name(records, asked) -> answer``, whose docstring people read.

    :param role: by default that of a viewer for a GET, and of an operator for all else.
    :param takes_key: whether it does twice what is asked twice, unless both have the same idempotency key.
    """
    needed = role or (Role.VIEWER if method == "GET" else Role.OPERATOR)

    def made(function: Callable[[Records, Asked], Awaitable[Answer]]) -> Operation[Asked, Answer]:
        return Operation(method, path, function, needed, takes_key=takes_key)

    return made
