"""Room for those who follow something: for so many all told, and for so many of each."""

from collections import Counter
from collections.abc import Callable
from typing import Final, cast

from litestar.exceptions import ServiceUnavailableException, TooManyRequestsException
from litestar.types import ASGIApp, Receive, Scope, Send

from daemon.web.bounds import Bounds

AGAIN_S: Final = 10  # after which whoever finds no room may try again
LEAVING: Final = "leaving"  # in a request's scope: what to call when it is answered


class Places:
    """Who follows how often."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """By all together."""
        return self._taken.total()

    def take(self, whose: str, scope: Scope) -> None:
        """A place, until the request is answered.

        :raises TooManyRequestsException: they have as many as they may.
        :raises ServiceUnavailableException: all have.
        """
        headers = {"retry-after": str(AGAIN_S)}
        if self._taken[whose] >= self._bounds.streams_each_max:
            told = f"{whose} is following {self._bounds.streams_each_max:,} times already."
            raise TooManyRequestsException(told, headers=headers)
        if self.taken >= self._bounds.streams_max:
            told = f"{self._bounds.streams_max:,} others are following already."
            raise ServiceUnavailableException(told, headers=headers)
        self._taken[whose] += 1
        cast("dict[str, object]", scope)[LEAVING] = lambda: self._leave(whose)

    def _leave(self, whose: str) -> None:
        self._taken[whose] -= 1
        if not self._taken[whose]:
            del self._taken[whose]


def left(app: ASGIApp) -> ASGIApp:
    """The application; whatever place a request has taken is free again once it is answered, or is not."""

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        finally:
            leave = cast("dict[str, Callable[[], None]]", scope).get(LEAVING)
            if leave is not None:
                leave()

    return called
