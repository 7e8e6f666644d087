"""What must hold after every fact, whatever happens. The checks read the facts, and nothing of the daemon."""

from collections.abc import Callable
from datetime import timedelta

from daemon.launching.port import RUN_OUTCOMES
from events.envelope import Recorded
from events.facts import (
    BackfillAmended,
    BackfillCancelRequested,
    BackfillCompleted,
    BackfillPaused,
    BackfillRequested,
    BackfillResumed,
    DefinitionsFailed,
    DefinitionsLoaded,
    DefinitionsWithdrawn,
    DynamicPartitionsAdded,
    DynamicPartitionsRemoved,
    Fact,
    LeaderElected,
    PartitionFailed,
    PartitionMaterialized,
    PartitionSkipped,
    PoolConfigured,
    RunCanceled,
    RunCancelRequested,
    RunFailed,
    RunLaunched,
    RunLost,
    RunStarted,
    RunTimedOut,
    TokenCreated,
    TokenRevoked,
)
from tests.simulation.launch_rules import check_launch
from tests.simulation.ledger import Asked, Ledger, Run
from tests.simulation.limits import LimitRules
from tests.simulation.machine import Machine, Process
from tests.simulation.pipelines import Code
from tests.simulation.stage import ViolationError, violated

DECISIONS = (RunLaunched, PartitionSkipped, BackfillCompleted)


class Invariants:
    """Takes in the facts one by one, in their order, and finds the first that must not be there."""

    def __init__(self, code_of: Callable[[str], Code]) -> None:
        """``code_of`` gives what was drawn for a manifest's digest."""
        self.ledger = Ledger(code_of)
        self._limits = LimitRules(self.ledger)

    def take(self, recorded: Recorded) -> None:
        """Check a fact against all before it.

        :raises ViolationError: it breaks a promise.
        """
        ledger = self.ledger
        self._check_envelope(recorded)
        ledger.facts.append(recorded)
        ledger.positions[recorded.id] = recorded.position
        match recorded.fact:
            case DefinitionsLoaded(code_location=name):
                ledger.held.discard(name)
            case DefinitionsFailed(code_location=name, runs_held=runs_held):
                (ledger.held.add if runs_held else ledger.held.discard)(name)
            case DefinitionsWithdrawn(code_location=name):
                ledger.held.add(name)
            case DynamicPartitionsAdded(keys=keys):
                ledger.change_tenants(more=keys)
            case DynamicPartitionsRemoved(keys=keys):
                ledger.change_tenants(fewer=keys)
            case TokenCreated() | TokenRevoked():
                pass  # They are nothing to a backfill.
            case PoolConfigured() as pool:
                self._limits.configure(pool)
            case LeaderElected(max_concurrent_runs=runs_max):
                self._limits.runs_max = runs_max
            case BackfillRequested() as request:
                if recorded.backfill_id in ledger.backfills:
                    violated(recorded, "asks for a backfill that there is")
                ledger.backfills[recorded.backfill_id or ""] = ledger.asked(recorded, request)
            case _ if recorded.run_id is None:
                self._take_of_backfill(recorded, ledger.backfills[recorded.backfill_id or ""])
            case _:
                self._take_of_run(recorded)

    def clock_jumped(self) -> None:
        """The clock by which facts are dated was set."""
        self._limits.clock_jumped()

    def check_process(self, process: Process, others: list[Process]) -> None:
        """A process may be started for a run that is on record, over nothing that another is filling.

        :raises ViolationError: it may not.
        """
        run = self.ledger.runs.get(process.spec.run_id)
        if run is None:
            raise ViolationError(f"a process is started for {process.spec.run_id}, which is not on record")
        for other in others:
            beside = self.ledger.runs[other.spec.run_id]
            for asset in run.fact.assets:
                if beside.left.get(asset, set()).intersection(run.keys[asset]):
                    raise ViolationError(f"{run.id} is started while {beside.id} fills the same of {asset}")

    def check_reports(self, machine: Machine) -> None:
        """What a run wrote up to its outcome, and nothing else, is on record, in the order it was written.

        :raises ViolationError: it is not.
        """
        for run in self.ledger.runs.values():
            process = machine.processes.get(run.id)
            written = [line.fact for line in process.report] if process is not None else []
            told = [recorded.fact for recorded in run.facts]
            if told and told[-1] not in written and _is_of_launcher(told[-1]):
                told.pop()
                if run.id in machine.canceled:
                    written = written[: len(told)]
            if told != written:
                named = [[type(fact).__name__ for fact in facts] for facts in (written, told)]
                raise ViolationError(f"{run.id} reported {named[0]}, and on record is {named[1]}")

    def _check_envelope(self, recorded: Recorded) -> None:
        positions = self.ledger.positions
        if recorded.position != len(positions) + 1:
            violated(recorded, "has a position that leaves a gap")
        if recorded.id in positions:
            violated(recorded, "has the id of another")
        if isinstance(recorded.fact, DECISIONS):
            if recorded.causation_id not in positions:
                violated(recorded, "names no fact before it as its cause")
            backfill = self.ledger.backfills.get(recorded.backfill_id or "")
            if backfill is None or recorded.correlation_id != backfill.request.id:
                violated(recorded, "does not name the request it goes back to")

    def _take_of_backfill(self, recorded: Recorded, backfill: Asked) -> None:
        match recorded.fact:
            case BackfillPaused():
                backfill.is_paused = True
            case BackfillResumed():
                backfill.is_paused = False
            case BackfillCancelRequested():
                backfill.is_canceled = True
            case BackfillAmended() as fact:
                self._amended(recorded, fact, backfill)
            case PartitionSkipped() as fact:
                self._skipped(recorded, fact, backfill)
            case BackfillCompleted() as fact:
                self._completed(recorded, fact, backfill)
            case _:
                violated(recorded, "is not about a backfill")

    def _take_of_run(self, recorded: Recorded) -> None:
        ledger, fact = self.ledger, recorded.fact
        if isinstance(fact, RunLaunched):
            run = ledger.launched(recorded, fact)
            check_launch(ledger, recorded, run)
            ledger.runs[run.id] = ledger.live[run.id] = run
            self._limits.check(recorded, run)
            return
        found = ledger.runs.get(recorded.run_id or "")
        if found is None or recorded.backfill_id != found.backfill.id:
            violated(recorded, "is told by a run that was not launched")
        if found.outcome is not None:
            violated(recorded, "is told by a run after its outcome")
        match fact:
            case RunCancelRequested():
                found.is_to_end = True
                return
            case RunTimedOut():
                self._timed_out(recorded, fact, found)
                return
            case PartitionMaterialized() | PartitionFailed():
                ledger.told_of(found, fact)
            case RunStarted():
                found.started_at = recorded.at
        found.facts.append(recorded)
        if isinstance(fact, RUN_OUTCOMES):
            found.outcome = recorded
            found.retries_max = ledger.retries_max(found)
            if isinstance(fact, RunCanceled):
                ledger.canceled(found)
            del ledger.live[found.id]

    def _timed_out(self, recorded: Recorded, fact: RunTimedOut, run: Run) -> None:
        limits = [run.backfill.targets[asset].drawn.timeout_s for asset in run.fact.assets]
        if fact.timeout_s != sum(limit for limit in limits if limit is not None) or None in limits:
            violated(recorded, f"has another time-out than its assets, {limits}")
        taken = recorded.at - run.started_at if run.started_at is not None else timedelta()
        if taken < timedelta(seconds=fact.timeout_s):
            violated(recorded, f"has timed out after {taken}")
        if run.timed_out:
            violated(recorded, "has timed out before")
        run.timed_out = True

    def _amended(self, recorded: Recorded, fact: BackfillAmended, backfill: Asked) -> None:
        for asset, partitions in fact.dropped.items():
            target = backfill.targets[asset]
            keys = set(target.named(partitions))
            own = [run for run in self.ledger.live.values() if run.backfill is backfill]
            if not target.unsettled.issuperset(keys):
                violated(recorded, f"drops partitions of {asset} that are settled")
            if any(keys.intersection(run.keys.get(asset, ())) for run in own):
                violated(recorded, f"drops partitions of {asset} that are being filled")
        self.ledger.amended(backfill, fact)

    def _skipped(self, recorded: Recorded, fact: PartitionSkipped, backfill: Asked) -> None:
        target = backfill.targets[fact.asset]
        keys = set(target.named(fact.partitions))
        if keys & target.materialized:
            violated(recorded, "skips what was filled")
        if keys & target.skipped:
            violated(recorded, "skips what was skipped")
        own = [run for run in self.ledger.live.values() if run.backfill is backfill]
        if any(keys.intersection(run.keys.get(fact.asset, ())) for run in own):
            violated(recorded, "skips what is being filled")
        target.skipped |= keys

    def _check_fates(self, recorded: Recorded, backfill: Asked) -> None:
        """What failed was tried as often as it may be, and what was skipped lacks something upstream."""
        runs = [run for run in self.ledger.runs.values() if run.backfill is backfill]
        for asset, target in backfill.targets.items():
            for key in sorted(target.unsettled):
                last = [run for run in runs if key in run.keys.get(asset, ())][-1:]
                if not last or last[0].fact.attempt <= last[0].retries_max:
                    violated(recorded, f"gives up {key!r} of {asset}, which may be tried again")
            for key in sorted(target.skipped):
                lacking = target.lacking(key, backfill.targets)
                if not lacking and all(need.link.is_whole for need in target.drawn.needs):
                    violated(recorded, f"has skipped {key!r} of {asset}, which lacks nothing upstream")

    def _completed(self, recorded: Recorded, fact: BackfillCompleted, backfill: Asked) -> None:
        if backfill.completed is not None:
            violated(recorded, "ends a backfill that has ended")
        if any(run.backfill is backfill for run in self.ledger.live.values()):
            violated(recorded, "ends a backfill that has runs under way")
        backfill.completed = fact
        fates = (fact.materialized, fact.failed, fact.skipped, fact.canceled)
        for asset, target in backfill.targets.items():
            if fact.materialized.get(asset, 0) != len(target.materialized):
                violated(recorded, f"counts wrong what was filled of {asset}: {len(target.materialized)}")
            if not backfill.is_canceled and fact.canceled.get(asset, 0) != len(target.canceled):
                violated(recorded, f"counts wrong what was canceled of {asset}: {len(target.canceled)}")
            if fact.skipped.get(asset, 0) != len(target.skipped):
                violated(recorded, f"counts wrong what was skipped of {asset}: {len(target.skipped)}")
            if sum(counts.get(asset, 0) for counts in fates) != len(target.wanted):
                violated(recorded, f"leaves partitions of {asset} without a fate, or gives them two")
        if not backfill.is_canceled:
            self._check_fates(recorded, backfill)
        if fact.outcome != backfill.outcome:
            violated(recorded, f"ends {fact.outcome}, where it is {backfill.outcome}")


def _is_of_launcher(outcome: Fact) -> bool:
    """Whether the launcher tells it of a run that did not come to tell an outcome of its own."""
    match outcome:
        case RunLost() | RunCanceled():
            return True
        case RunFailed(failure=failure):
            return failure.type == "TimedOut"
        case _:
            return False
