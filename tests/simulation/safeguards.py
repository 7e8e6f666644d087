"""Taking safeguards out: each by putting another part in its place, here and nowhere in the product."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from pyroaring import BitMap

from daemon.deciding.decide import Decision
from daemon.deciding.room import Room
from daemon.launching.port import RunSpec
from daemon.service.reactor import Reactor
from daemon.service.recording import append_surely, catch_up
from events.envelope import Event
from events.facts import RunLaunched
from events.log import Appended
from projections.backfill import readiness
from tests.simulation.stage import Safeguard, Stage

NO_LIMIT = 1_000_000


class Unfenced(Reactor):
    """A reactor that does not mind that another daemon has taken over."""

    async def catch_up(self) -> None:
        """See `Reactor.catch_up`."""
        await catch_up(self._log, self.world)

    async def _append(self, events: Sequence[Event]) -> Appended:
        answer = await append_surely(self._log, events)
        assert isinstance(answer, Appended), "an append without an expected head is never turned away"
        return answer


class LaunchingFirst(Reactor):
    """A reactor that launches what it has decided and records it afterwards."""

    async def _enact(self, decisions: Sequence[Decision]) -> None:
        specs = [
            self._undecided(decision, decision.fact)
            for decision in decisions
            if isinstance(decision.fact, RunLaunched)
        ]
        await self._launcher.launch(specs)
        await super()._enact(decisions)

    def _undecided(self, decision: Decision, fact: RunLaunched) -> RunSpec:
        backfill = self.world.known.active[decision.backfill_id]
        return RunSpec(
            run_id=decision.run_id or "",
            backfill_id=decision.backfill_id,
            number=fact.number,
            attempt=fact.attempt,
            code_location=fact.code_location,
            assets=fact.assets,
            partitions=fact.partitions,
            partitions_as_of=backfill.request.partitions_as_of,
        )


def reactor_of(stage: Stage) -> type[Reactor]:
    """The reactor that daemons have."""
    match stage.without:
        case Safeguard.LAUNCH_INTENT:
            return LaunchingFirst
        case Safeguard.FENCE:
            return Unfenced
        case _:
            return Reactor


def limit_of(stage: Stage, limit: int) -> int:
    """The limit that a daemon keeps to."""
    return NO_LIMIT if stage.without is Safeguard.LIMIT_CHECK else limit


@contextmanager
def core_of(stage: Stage) -> Iterator[None]:
    """The pure core that is run, for as long as the block."""
    with ExitStack() as parts:
        match stage.without:
            case Safeguard.READINESS_CHECK:
                parts.enter_context(patch.object(readiness, "_blocked", lambda *_: BitMap()))
            case Safeguard.POOL_CHECK:
                parts.enter_context(patch.object(Room, "_pool_hold", lambda *_: None))
            case Safeguard.OVERLAP_CHECK:
                parts.enter_context(patch.object(Room, "overlapped", lambda *_: None))
        yield
