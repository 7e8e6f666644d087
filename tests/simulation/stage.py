"""What everybody in a simulation shares: time, chance, the log, and the record of what happened."""

from collections.abc import Callable
from enum import Enum
from random import Random
from typing import NamedTuple, NoReturn

from events.envelope import Recorded
from events.ids import derived_id
from events.memory import MemoryLog
from tests.simulation.loop import SteppedLoop


class Safeguard(Enum):
    """What keeps the daemon from doing wrong; one can be taken out, to see that its absence is found."""

    COMPARE_AND_APPEND = "decisions are recorded at the head they were made at, or not at all"
    LAUNCH_INTENT = "a launch is recorded before it is made"
    IDEMPOTENT_IDS = "an event that is appended twice is recorded once"
    IDEMPOTENT_LAUNCHES = "a run that is launched twice is run once"
    RECONCILING = "a daemon that takes over finds out what became of the runs under way"
    FENCE = "a daemon that others took over from records nothing more"
    LIMIT_CHECK = "no more runs are under way than the limit allows"
    POOL_CHECK = "a run waits for a slot and a token of each of its pools"
    OVERLAP_CHECK = "a run waits for others that fill the same partitions"
    READINESS_CHECK = "a run waits for what it needs upstream"


class Mix(NamedTuple):
    """How much of which trouble there is: percentages, and weights of steps by their names."""

    straight: int  # of the waits at a port, those that are none
    unavailable: int  # of the appends, those that the store answers with an error
    failing: int  # of the runs
    dying: int
    hanging: int
    piecewise: int  # of the runs, those that report partitions one by one
    limit: int  # of the runs at the same time
    steps: int  # until all trouble ends
    weights: dict[str, int]


class ViolationError(Exception):
    """Something happened that must not."""


def violated(recorded: Recorded, problem: str) -> NoReturn:
    """A fact that must not be there.

    :raises ViolationError: always.
    """
    about = recorded.run_id or recorded.backfill_id
    raise ViolationError(
        f"position {recorded.position}, {type(recorded.fact).__name__} of {about}: {problem}"
    )


class Stage:
    """One simulation's surroundings."""

    def __init__(self, seed: int, mix: Mix, without: Safeguard | None) -> None:
        self.rng = Random(seed)
        self.mix = mix
        self.without = without
        self.loop = SteppedLoop()
        self.log = MemoryLog()
        self.trace: list[tuple[float, Callable[[], str] | str]] = []
        self.acknowledged: dict[str, int] = {}  # event id -> the position that its writer was told
        self.authors: dict[str, str] = {}  # event id -> the daemon that appended it
        self._names = 0

    def chance(self, percent: int) -> bool:
        """Whether something happens that happens so often."""
        return self.rng.random() * 100 < percent

    def note(self, told: Callable[[], str] | str) -> None:
        """Put what happened into the trace; a function is called only if somebody reads it."""
        self.trace.append((self.loop.time(), told))

    def new_id(self) -> str:
        """An id for an event that nobody has used."""
        self._names += 1
        return derived_id(self.loop.now(), "simulated", str(self._names))
