"""Operations asked of a daemon elsewhere, over its API."""

import re
import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from importlib.metadata import version
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote

import anyio
import httpx
import msgspec

from daemon.cli.asker import Answer, Asked
from daemon.cli.following import Display, follow_answers
from daemon.cli.output import Output
from daemon.cli.place import API_PATH, is_here
from daemon.cli.refusals import UnreachableError, another_version, refusal, unreachable
from daemon.cli.seen import Seen
from daemon.cli.sent_events import SentEvent, sent_events
from daemon.clock import SystemClock
from daemon.operations.errors import DatabaseError, OperationError, UsageError
from daemon.operations.fields import spoken
from daemon.operations.moment import typed_moment
from daemon.operations.moments import moment
from daemon.operations.operation import Operation, PastQuestion, Question, refuse_long
from daemon.operations.standing import BackfillStanding
from projections.backfill.state import ENDED

CONNECT_TIMEOUT_S: Final = 10.0
ANSWER_TIMEOUT_S: Final = 600.0  # a reload imports code, and a large plan is made before it is launched
TRIES_MAX: Final = 5
TRY_AGAIN_S: Final = 0.5  # doubled with each try
LOOK_AGAIN_S: Final = 0.5  # at what is followed
SILENCE_MAX_S: Final = 60.0  # of a stream, in which a sign of life comes four times in that time
EVENTS: Final = "text/event-stream"
PLACEHOLDER: Final = re.compile(r"\{(\w+)(:path)?\}")
KEY_BYTES: Final = 16
Told = TypeVar("Told")
NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)  # nobody can have read it


class ElsewhereAsker:
    """Asks the daemon at an address; see `daemon.cli.asker.Asker`."""

    def __init__(self, url: str, token: str | None, output: Output) -> None:
        """Nothing is sent yet."""
        headers = {"accept": "application/json", "user-agent": f"backfilld/{version('backfilld-daemon')}"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        self._url = url
        self._output = output
        self._is_known = token is not None
        self._told: str | None = None  # the moment, as typed, that people were told of
        self._client = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            trust_env=not is_here(url),
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, traceback)

    async def ask(self, operation: Operation[Asked, Answer], asked: Asked) -> Answer:
        """See `Asker`.

        :raises UnreachableError: no daemon answers there.
        :raises RefusedError: it does not let us, or is of another version.
        """
        refuse_long(asked)  # in words of the command line
        if isinstance(asked, PastQuestion) and asked.as_of not in (None, self._told):
            await self._tell_moment(str(asked.as_of))
        return await self._answer(operation, asked)

    async def follow(self, backfill_id: str, display: Display) -> Seen:
        """See `Asker`. A connection that is lost is made again."""
        return await follow_answers(self._standings(backfill_id), SystemClock(), display)

    async def ask_patiently(self, operation: Operation[Asked, Answer], asked: Asked) -> Answer:
        """As `ask`; while no daemon or no database answers it is asked again, and people are told so once."""
        is_told = False
        while True:
            try:
                return await self._answer(operation, asked)
            except DatabaseError as error:
                self._tell_lost(error, is_told=is_told)
                is_told = True
            await anyio.sleep(LOOK_AGAIN_S)

    async def _standings(self, backfill_id: str) -> AsyncGenerator[BackfillStanding]:
        """How the backfill stands, now and whenever that changes, until it has ended."""
        path = f"/backfills/{path_part('backfill_id', backfill_id, is_path=False)}/progress"
        async with aclosing(self.followed(path, BackfillStanding)) as standings:
            async for standing in standings:
                yield standing
                if standing.status in ENDED:
                    return

    async def followed(
        self,
        path: str,
        kind: type[Told],
        asked: Mapping[str, Any] | None = None,
        *,
        after: int | None = None,
    ) -> AsyncGenerator[Told]:
        """What a stream tells, for ever; people are told once when the connection is lost.

        It is made again then, and goes on behind the position of what arrived last.

        :param after: that position in the beginning; None: now.
        :raises OperationError: it is refused.
        """
        is_told = False
        while True:
            try:
                async with aclosing(self._events(path, asked or {}, after)) as events:
                    async for event in events:
                        if is_told:
                            self._output.note(f"The daemon at {self._url} answers again.")
                        is_told = False
                        after = after if event.id is None else int(event.id)
                        if event.value:
                            yield msgspec.json.decode(event.value, type=kind)
            except DatabaseError as error:  # of theirs, too
                self._tell_lost(error, is_told=is_told)
                is_told = True
            except (msgspec.DecodeError, ValueError) as error:
                raise another_version(self._url, await self._version()) from error
            await anyio.sleep(LOOK_AGAIN_S)

    async def _events(
        self, path: str, asked: Mapping[str, Any], after: int | None
    ) -> AsyncGenerator[SentEvent]:
        """The events of one connection, until it ends."""
        headers = {"accept": EVENTS} | ({} if after is None else {"last-event-id": str(after)})
        request = self._client.build_request(
            "GET",
            self._url + API_PATH + path,
            params=query(dict(asked)),
            headers=headers,
            timeout=httpx.Timeout(SILENCE_MAX_S, connect=CONNECT_TIMEOUT_S),
        )
        lost: str | None = None  # how a loss is told, once something has arrived
        try:
            response = await self._client.send(request, stream=True)
            async with aclosing(response):
                if response.status_code != httpx.codes.OK:
                    await response.aread()
                    raise await self._refusal(response)
                async with aclosing(sent_events(response.aiter_bytes())) as events:
                    async for event in events:
                        lost = f"the connection to the daemon at {self._url} is lost."
                        yield event
        except httpx.TransportError as error:
            raise unreachable(self._url, error) if lost is None else UnreachableError(lost) from error

    def _tell_lost(self, error: DatabaseError, *, is_told: bool) -> None:
        if not is_told:
            self._output.note(f"{str(error)[:1].upper()}{str(error)[1:]} It is tried again.")

    async def _refusal(self, response: httpx.Response) -> OperationError:
        told = refusal(response, self._url, has_token=self._is_known)
        return told or another_version(self._url, await self._version())

    async def _tell_moment(self, as_of: str) -> None:
        self._told = as_of
        typed_moment(as_of, "--as-of")
        meant = await self._answer(moment, PastQuestion(as_of=as_of))
        self._output.note(f"As of {meant.moment} of {meant.head:,}.", style="dim")

    async def _answer(self, operation: Operation[Asked, Answer], asked: Asked) -> Answer:
        response = await self._sent(operation, self._request(operation, asked))
        if response.status_code != httpx.codes.OK:
            raise await self._refusal(response)
        try:
            answer: Answer = msgspec.json.decode(response.content, type=operation.answer)
        except msgspec.ValidationError as error:
            raise another_version(self._url, await self._version()) from error
        except msgspec.DecodeError as error:
            raise unreachable(self._url, "what answers is no daemon of backfilld") from error
        return answer

    def _request(self, operation: Operation[Asked, Answer], asked: Asked) -> httpx.Request:
        """The question as it is sent: what its path names in the path, the rest as query or body."""
        try:
            plain = plain_question(asked)
            path = PLACEHOLDER.sub(
                lambda found: path_part(found[1], str(plain.pop(found[1])), is_path=bool(found[2])),
                operation.path,
            )
            if operation.method == "GET":
                return self._client.build_request("GET", self._url + API_PATH + path, params=query(plain))
            headers = {"content-type": "application/json"}
            if operation.takes_key:
                headers["idempotency-key"] = secrets.token_hex(KEY_BYTES)
            return self._client.build_request(
                operation.method,
                self._url + API_PATH + path,
                content=msgspec.json.encode(plain),
                headers=headers,
            )
        except UnicodeEncodeError as error:
            raise UsageError(f"what was typed is not text in UTF-8: {error}.") from error

    async def _sent(self, operation: Operation[Asked, Answer], request: httpx.Request) -> httpx.Response:
        """The response. What may be sent twice is sent again where the connection was lost meanwhile."""
        may_repeat = operation.method == "GET" or operation.takes_key
        was_sent = False
        failure: httpx.TransportError
        for number in range(TRIES_MAX):
            try:
                return await self._client.send(request)
            except httpx.TransportError as error:
                failure = error
            was_sent = was_sent or not isinstance(failure, NOT_SENT)
            if not (was_sent and may_repeat) or number == TRIES_MAX - 1:
                break
            await anyio.sleep(TRY_AGAIN_S * 2**number)
        raise lost(self._url, operation, failure, was_sent=was_sent) from failure

    async def _version(self) -> str | None:
        """That of the daemon; None where it does not say."""
        try:
            response = await self._client.get(f"{self._url}/schema/openapi.json")
            found = msgspec.json.decode(response.content, type=_Described).info.version
        except (httpx.TransportError, msgspec.DecodeError):
            return None
        return found


class _About(msgspec.Struct):
    version: str


class _Described(msgspec.Struct):
    info: _About


def plain_question(asked: Question) -> dict[str, Any]:
    """What is asked as plain values; what is left out has its default."""
    fields = msgspec.structs.fields(type(asked))
    required = {field.name for field in fields if field.required}
    defaults = {
        field.name: field.default_factory() if field.default is msgspec.NODEFAULT else field.default
        for field in fields
        if not field.required
    }
    return {
        spoken(name): msgspec.to_builtins(value)
        for name, value in msgspec.structs.asdict(asked).items()
        if name in required or value != defaults[name]
    }


def path_part(name: str, value: str, *, is_path: bool) -> str:
    """A value as a part of a path.

    :raises UsageError: it can be none.
    """
    if not value or ("/" in value and not is_path):
        raise UsageError(f"{name} is {value!r}, which no address can name: it is empty or has a slash in it.")
    quoted = quote(value, safe="/" if is_path else "")
    # A client takes the dots of ".." for a way up, however little they were meant so.
    return quoted.replace(".", "%2E") if set(value) <= {".", "/"} else quoted


def query(plain: dict[str, Any]) -> httpx.QueryParams:
    """Values as a query; one with many values is named again for each."""
    return httpx.QueryParams({name: value for name, value in plain.items() if value is not None})


def lost(
    url: str, operation: Operation[Any, Any], failure: httpx.TransportError, *, was_sent: bool
) -> OperationError:
    """The error for a question that got no answer; whether it may have been done is said."""
    if not was_sent or operation.method == "GET":
        return unreachable(url, failure)
    return unreachable(url, failure, so="it may have been done all the same; look before you ask again")
