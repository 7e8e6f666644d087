"""Connections that are bounded in number, and that have to say soon what they want.

What uvicorn has for this either answers with no problem, as `limit_concurrency` does, or is not there: it
waits for a request for ever. So its protocol is told here when to give up.
"""

import asyncio
import resource
from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import ClassVar, Final

import h11
import msgspec
from uvicorn.protocols.http.h11_impl import H11Protocol

from daemon.web.bounds import Bounds
from daemon.web.problem import PROBLEM_JSON, Problem

AGAIN_S: Final = 5  # after which whoever finds no room may try again
REFUSED_MAX: Final = 100  # connections that are told why, beyond the bound; further ones are dropped
OTHER_FILES: Final = 200  # that the process opens beside connections: the database's, code, templates


class Due(Enum):
    """What has to arrive next."""

    HEAD = "the head of a request"
    BODY = "the body of a request"


class Crowd:
    """The connections that are open, and from where."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._open: Counter[str] = Counter()

    def refusal(self, address: str) -> Problem | None:
        """Why one more, from that address, has no room."""
        bounds = self.bounds
        if self._open.total() >= bounds.connections_max:
            return Problem("No room", 503, f"{bounds.connections_max:,} connections are open already.")
        if self._open[address] >= bounds.connections_each_max:
            told = f"{bounds.connections_each_max:,} connections from your address are open already."
            return Problem("Too many", 429, told)
        return None

    @property
    def is_overrun(self) -> bool:
        """Whether there is not even room to be told so."""
        return self._open.total() >= self.bounds.connections_max + REFUSED_MAX

    def come(self, address: str) -> None:
        """One more is open."""
        self._open[address] += 1

    def go(self, address: str) -> None:
        """One is open no more."""
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]


class GuardedProtocol(H11Protocol):
    """One connection."""

    crowd: ClassVar[Crowd]
    _address = ""
    _refusal: Problem | None = None
    _due: Due | None = None
    _waiting: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        self._refusal = self.crowd.refusal(self._address)
        if self.crowd.is_overrun:
            transport.abort()
        self.crowd.come(self._address)
        self._wait_for(Due.HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self.crowd.go(self._address)
        self._wait_for(None)
        _cancel(self._stalled)
        super().connection_lost(exc)

    def data_received(self, received: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._refusal is not None:  # Only now: who has not read what was sent would not hear the answer.
            self._answer(self._refusal, retry_after_s=AGAIN_S)
            return
        super().data_received(received)
        state = self.conn.their_state
        self._wait_for(Due.HEAD if state is h11.IDLE else Due.BODY if state is h11.SEND_BODY else None)

    def on_response_complete(self) -> None:
        """See `H11Protocol`."""
        super().on_response_complete()
        if (
            self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]
        ):  # else it is idle, which it may be
            self._wait_for(Due.HEAD)

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        super().pause_writing()
        self._stalled = self._later(self.crowd.bounds.stall_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        _cancel(self._stalled)
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """See `H11Protocol`."""
        bound = self.crowd.bounds.head_bytes_max
        if len(self.conn.trailing_data[0]) > bound:
            self._answer(Problem("Too long", 431, f"the line and headers have more than {bound:,} bytes."))
        else:
            self._answer(Problem("Not understood", 400, f"{msg[:1].lower()}{msg[1:]}"))

    def _wait_for(self, due: Due | None) -> None:
        """Give up after a time, unless something else is due by then; a piece of it gains no time."""
        if due is self._due:
            return
        _cancel(self._waiting)
        self._due, self._waiting = due, None
        bounds = self.crowd.bounds
        if due is not None:
            seconds = bounds.head_timeout_s if due is Due.HEAD else bounds.body_timeout_s
            self._waiting = self._later(seconds, self._give_up)

    def _give_up(self) -> None:
        if self._due is Due.HEAD and not self.conn.trailing_data[0]:
            self.transport.close()  # Who has said nothing is told nothing.
        elif self._due is not None:
            self._answer(Problem("Too slow", 408, f"{self._due.value} takes too long to arrive."))

    def _answer(self, problem: Problem, *, retry_after_s: int | None = None) -> None:
        """Answer in place of the application, and end the connection."""
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.abort()  # An answer is under way already.
            return
        body = msgspec.json.encode(problem)
        headers = [
            ("content-type", PROBLEM_JSON),
            ("content-length", str(len(body))),
            ("cache-control", "no-store"),
            ("connection", "close"),
        ]
        if retry_after_s is not None:
            headers.append(("retry-after", str(retry_after_s)))
        answer = (
            h11.Response(status_code=problem.status, headers=headers),
            h11.Data(body),
            h11.EndOfMessage(),
        )
        for event in answer:
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _later(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        return self.loop.call_later(seconds, call)


def guarded(bounds: Bounds) -> type[asyncio.Protocol]:
    """The protocol of a server whose connections are bounded so."""

    class Protocol(GuardedProtocol):
        crowd = Crowd(bounds)

    return Protocol


def have_files(bounds: Bounds) -> Bounds:
    """The bounds, with no more connections than the process may open files, once that is raised for them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = bounds.connections_max + REFUSED_MAX + OTHER_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed == wanted:
        return bounds
    room = max(1, allowed - REFUSED_MAX - OTHER_FILES)
    return msgspec.structs.replace(bounds, connections_max=room)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
