"""What a command asks operations of: the log that is open here, or a daemon elsewhere."""

from typing import Protocol, TypeVar

from daemon.cli.following import Display, follow
from daemon.cli.seen import Seen, seen
from daemon.operations.operation import Operation, Question
from daemon.operations.records import Records

Answer = TypeVar("Answer")
Asked = TypeVar("Asked", bound=Question)


class Asker(Protocol):
    """Answers operations, again and again, while a command lasts."""

    async def ask(self, operation: Operation[Asked, Answer], asked: Asked) -> Answer:
        """The operation's answer.

        :raises OperationError: there is none.
        """
        ...

    async def follow(self, backfill_id: str, display: Display) -> Seen:
        """The backfill, which there must be, once it has ended; it is displayed meanwhile."""
        ...


class HereAsker:
    """Asks of records that are open here. Their world must be a live one: it is folded on."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def ask(self, operation: Operation[Asked, Answer], asked: Asked) -> Answer:
        """See `Asker`."""
        return await operation(self._records, asked)

    async def follow(self, backfill_id: str, display: Display) -> Seen:
        """See `Asker`."""
        backfill = await follow(self._records, await self._records.world(), backfill_id, display)
        return seen(backfill, self._records.now())
