"""Lists asked of an API, which gives them in parts."""

from typing import Any

import msgspec

from daemon.cli.asker import Answer, Asked, Asker
from daemon.operations.operation import LIMIT_MAX, ListQuestion, Operation


async def whole(asker: Asker, operation: Operation[Asked, Answer], asked: Asked) -> Answer:
    """The answer with as many rows as are asked for, however many parts that takes.

    :raises OperationError: there is none.
    """
    if not isinstance(asked, ListQuestion):
        return await asker.ask(operation, asked)
    rows: list[Any] = []
    cursor = asked.cursor
    while True:
        wanted = min(asked.limit - len(rows), LIMIT_MAX) if asked.limit else LIMIT_MAX
        answer: Any = await asker.ask(operation, msgspec.structs.replace(asked, limit=wanted, cursor=cursor))
        name = "items" if hasattr(answer, "items") else "keys"
        rows += getattr(answer, name)
        cursor = answer.next
        if not isinstance(cursor, str) or (asked.limit and len(rows) >= asked.limit):
            whole: Answer = msgspec.structs.replace(answer, **{name: rows})
            return whole
