"""Who is there for a log: the daemon that leads, and those that stand by. Their sessions bear their names."""

import re
from collections.abc import Iterable
from typing import Final, Self

import msgspec

APPLICATION: Final = "backfilld"  # the first word of what our sessions call themselves
DAEMON: Final = f"{APPLICATION} daemon "
_NAME_BYTES_MAX: Final = 63  # PostgreSQL cuts off what is longer.
_NAMED: Final = re.compile(rf"{DAEMON}(\d+)@(.*)")


class Attendant(msgspec.Struct, frozen=True):
    """A daemon that leads a log, or waits to."""

    pid: int
    host: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    @property
    def session_name(self) -> str:
        """What its session calls itself."""
        name = f"{DAEMON}{self.pid}@{self.host}".encode()
        return name[:_NAME_BYTES_MAX].decode("utf-8", "ignore")

    @classmethod
    def of_session(cls, name: str) -> Self | None:
        """The daemon whose session calls itself so; None if it is none's."""
        named = _NAMED.fullmatch(name)
        return None if named is None else cls(int(named[1]), named[2])


class Attendance(msgspec.Struct, frozen=True):
    """Who is there."""

    is_led: bool
    leader: Attendant | None = None  # None also where its session does not say who it is
    standbys: tuple[Attendant, ...] = ()

    @classmethod
    def of_sessions(cls, sessions: Iterable[tuple[str, bool]]) -> Self:
        """What sessions tell: how each calls itself, and whether it leads."""
        named = [(Attendant.of_session(name), leads) for name, leads in sessions]
        leader = next((each for each, leads in named if leads), None)
        others = dict.fromkeys(each for each, _ in named if each is not None and each != leader)
        return cls(
            is_led=any(leads for _, leads in named),
            leader=leader,
            standbys=tuple(others),
        )
