"""What a simulation is told: the request, what people did about it, and what each run does once launched."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, TypeVar

import msgspec

from events.facts import (
    BackfillAmended,
    BackfillRequested,
    Fact,
    PartitionMaterialized,
    RunLaunched,
    RunOrder,
    RunStarted,
    RunSucceeded,
)
from projections.durations import Took

NOBODY = 0  # the process id of a run that is none
NOWHERE = "simulated"  # its host

Value = TypeVar("Value", int, str)


class Step(NamedTuple):
    """A fact that a run tells about itself."""

    after: timedelta  # since its launch
    fact: Fact


Script = tuple[Step, ...]  # in order; the last one ends the run
ScriptFor = Callable[[str, RunLaunched], Script]  # by run id, and how it was launched


class Given(NamedTuple):
    """A fact that is told at its time whatever happens in the simulation."""

    at: datetime
    fact: Fact
    backfill_id: str | None


class Course(msgspec.Struct, frozen=True):
    """One backfill as it is to be simulated."""

    backfill_id: str
    given: tuple[Given, ...]  # by time; among them the request
    decides_from: datetime  # when there is a daemon
    script_for: ScriptFor
    runs_max: int | None = None  # of the daemon; None: as its leaders say
    lag: timedelta = timedelta()  # until the daemon knows what a run told, and has decided on it


class Policy(msgspec.Struct, frozen=True):
    """What is to be other than it was; what is None stays, ``"none"`` lifts a limit."""

    max_concurrent_runs: int | Literal["none"] | None = None
    order: RunOrder | None = None
    retries_max: int | Literal["none"] | None = None
    only_between: str | None = None
    pool_slots: dict[str, int | None] = {}  # by pool; None lifts the limit
    runs_max: int | None = None  # of the daemon

    def request(self, was: BackfillRequested) -> BackfillRequested:
        """The request as it would have been."""
        return msgspec.structs.replace(
            was,
            max_concurrent_runs=_other(self.max_concurrent_runs, was.max_concurrent_runs),
            order=self.order or was.order,
            only_between=_other(self.only_between, was.only_between),
        )

    def amendment(self, was: BackfillAmended) -> BackfillAmended:
        """An amendment as it would have been: what the policy says is not amended any more."""
        fixed = {
            "max_concurrent_runs": self.max_concurrent_runs is not None,
            "order": self.order is not None,
            "retries_max": self.retries_max is not None,
            "only_between": self.only_between is not None,
        }
        nothing = {name: None for name, is_fixed in fixed.items() if is_fixed}
        lifted = tuple(name for name in was.lifted if not fixed[name])
        return msgspec.structs.replace(was, **nothing, lifted=lifted)


def _other(wanted: Value | Literal["none"] | None, was: Value | None) -> Value | None:
    return was if wanted is None else None if wanted == "none" else wanted


def succeeding(launch: RunLaunched, took: Took) -> Script:
    """What a run tells that fills all its partitions in so much time."""
    ended = took.to_start + took.to_end
    return (
        Step(took.to_start, RunStarted(NOBODY, NOWHERE)),
        *(Step(ended, PartitionMaterialized(asset, launch.partitions)) for asset in launch.assets),
        Step(ended, RunSucceeded(took.to_end.total_seconds())),
    )
