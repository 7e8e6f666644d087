"""Operations asked over HTTP: with the records of the log, on behalf of whoever asks."""

from typing import Any, TypeVar

import msgspec
from litestar import Request

from daemon.clock import SystemClock
from daemon.operations.errors import UsageError
from daemon.operations.live import LiveAttendance, LiveWorld
from daemon.operations.moment import moment_of, typed_moment
from daemon.operations.operation import Operation, PastQuestion, Question, bounded
from daemon.operations.records import Place, Records
from daemon.operations.typed import NUMBER_MAX
from daemon.web.access import identity_of
from daemon.web.door import NUL_TOLD
from daemon.web.identifying import Identifying
from daemon.web.metrics import Metrics
from daemon.web.settings import WebSettings
from daemon.web.streams.changes import Changes
from daemon.web.streams.hub import Hub
from daemon.web.streams.places import Places
from daemon.web.streams.progress import Progress
from events.postgres import PostgresLog
from projections.tables.store import ProjectionStore

Asked = TypeVar("Asked", bound=Question)
Answer = TypeVar("Answer")


class Asking:
    """What every request is answered from; one for the process."""

    def __init__(self, settings: WebSettings, log: PostgresLog, store: ProjectionStore) -> None:
        self.log = log
        self.live = LiveWorld(log, store)
        self.clock = SystemClock()
        self.identifying = Identifying(settings, self.live, self.clock)
        self.hub = Hub(log)
        self.changes = Changes(self.hub, self._is_led)
        self.progress = Progress(self.hub, self.live, self.clock)
        self.places = Places(settings.bounds)
        self.metrics = Metrics()
        self._settings = settings
        self._attending = LiveAttendance(settings.database_url, self.clock)
        self._store = store

    async def _is_led(self) -> bool:
        return (await self._attending.lately()).is_led

    async def records(self, actor: str, as_of: str | None = None, key: str | None = None) -> Records:
        """The records at the head, or at a moment as typed; for what is asked with an idempotency key.

        :raises UsageError: it is no moment.
        :raises RefusedError: the log has no such moment.
        """
        moment = None
        if as_of is not None:
            moment = await moment_of(self.log, typed_moment(as_of, "as_of"), self.clock.now())
        place = Place(self._settings.home, self._settings.database_url, actor, key)
        return Records(
            place,
            self.log,
            self._store,
            self.clock,
            moment=moment,
            live=self.live,
            attending=self._attending,
        )

    async def ask(
        self,
        operation: Operation[Asked, Answer],
        asked: Asked,
        request: Request[Any, Any, Any],
        *,
        key: str | None = None,
    ) -> Answer:
        """The operation's answer.

        :raises OperationError: there is none.
        """
        _refuse_unstorable(msgspec.to_builtins(asked))
        as_of = asked.as_of if isinstance(asked, PastQuestion) else None
        return await operation(await self.records(identity_of(request).name, as_of, key), bounded(asked))


def _refuse_unstorable(value: Any) -> None:  # noqa: ANN401 -- all that JSON can say
    """Nothing, if a database has room for all of it.

    :raises UsageError: it has not.
    """
    match value:
        case str() if "\0" in value:
            raise UsageError(NUL_TOLD)
        case int() if abs(value) > NUMBER_MAX:
            raise UsageError("it has a number in it that is too great.")
        case dict():
            for each in (*value, *value.values()):
                _refuse_unstorable(each)
        case list() | tuple():
            for each in value:
                _refuse_unstorable(each)
