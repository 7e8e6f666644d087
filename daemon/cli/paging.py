"""Lists asked of an API, which gives them in parts."""

from collections.abc import Iterator
from typing import Any

import msgspec

from daemon.cli.asker import Answer, Asked, Asker
from daemon.cli.output import Output
from daemon.operations.errors import UsageError
from daemon.operations.fields import LIMIT_MAX
from daemon.operations.operation import ListQuestion, Operation, limit_max


async def whole(asker: Asker, operation: Operation[Asked, Answer], asked: Asked, output: Output) -> Answer:
    """The answer with as many rows as are asked for, however many parts that takes.

    What comes in one answer alone has a bound: people are told where all was asked for and more may be left.

    :raises OperationError: there is none.
    :raises UsageError: more than that bound is asked for.
    """
    if isinstance(asked, ListQuestion):
        return await _in_parts(asker, operation, asked)
    limit: int | None = getattr(asked, "limit", None)
    if limit is None:
        return await asker.ask(operation, asked)
    most = limit_max(type(asked))
    if limit > most:
        raise UsageError(
            f"--limit {limit}: a daemon elsewhere lists {most:,} at the most of what comes in one answer; "
            "only its database, with --database, gives more."
        )
    answer = await asker.ask(operation, asked)
    if limit == 0 and any(length >= most for length in _lengths(answer)):
        output.note(
            f"A daemon elsewhere lists {most:,} at the most; its database, with --database, gives the rest."
        )
    return answer


async def _in_parts(asker: Asker, operation: Operation[Any, Answer], asked: ListQuestion) -> Answer:
    rows: list[Any] = []
    cursor = asked.cursor
    while True:
        wanted = min(asked.limit - len(rows), LIMIT_MAX) if asked.limit else LIMIT_MAX
        answer: Any = await asker.ask(operation, msgspec.structs.replace(asked, limit=wanted, cursor=cursor))
        name = "items" if hasattr(answer, "items") else "keys"
        rows += getattr(answer, name)
        cursor = answer.next
        if not isinstance(cursor, str) or (asked.limit and len(rows) >= asked.limit):
            found: Answer = msgspec.structs.replace(answer, **{name: rows})
            return found


def _lengths(value: object) -> Iterator[int]:
    """How long each list is that lies in an answer, wherever it lies."""
    match value:
        case msgspec.Struct():
            for name in value.__struct_fields__:
                yield from _lengths(getattr(value, name))
        case dict():
            for each in value.values():
                yield from _lengths(each)
        case list() | tuple():
            yield len(value)
            for each in value:
                yield from _lengths(each)
