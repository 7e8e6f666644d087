"""A long and ordinary history for the log: backfills of the demo's days, eight runs at a time.

Every fact fits those before it, so that folding it does all the work that folding a daemon's own log does.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from backfilld.definitions import Definitions
from backfilld.manifest import manifest_of
from backfilld.ranges import Ranges
from daemon.demo import pipeline
from daemon.launching.code_location import manifest_digest
from daemon.planning.choice import RangeText
from daemon.planning.planned import Ask, PlannedBackfill, plan_backfill
from events.envelope import Event
from events.facts import (
    BackfillCompleted,
    DefinitionsLoaded,
    Fact,
    PartitionMaterialized,
    RunLaunched,
    RunStarted,
    RunSucceeded,
)
from events.ids import new_id
from projections.catalog import Catalog
from projections.sets import keys_of

CODE_LOCATION = "pipeline"
BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
BETWEEN_FACTS = timedelta(milliseconds=2)
AT_A_TIME = 8  # runs
DAYS = RangeText(("[2012-01-01...2014-09-26]",))
RUNS_PER_BACKFILL = 1_000


FACTS_PER_BACKFILL = 4 * RUNS_PER_BACKFILL + 2


class History:
    """Tells facts one after another; endless. Between two backfills nothing is under way."""

    def __init__(self) -> None:
        self._manifest = manifest_of(Definitions.of_module(pipeline), code_location=CODE_LOCATION)
        self._digest = manifest_digest(self._manifest)
        self._at = BEGAN

    @staticmethod
    def whole(count: int) -> int:
        """The least number of facts, no less than this, after which no backfill is under way."""
        return 1 + -(-(count - 1) // FACTS_PER_BACKFILL) * FACTS_PER_BACKFILL

    def events(self) -> Iterator[Event]:
        """The definitions, then backfill after backfill."""
        yield self._event(DefinitionsLoaded(CODE_LOCATION, self._digest, self._manifest))
        catalog = Catalog.of({CODE_LOCATION: self._manifest})
        found = plan_backfill(catalog, {}, Ask(("raw_weather",), DAYS), BEGAN)
        assert isinstance(found, PlannedBackfill)
        assert found.runs_total == RUNS_PER_BACKFILL
        number = 0
        while True:
            number += 1
            yield from self._backfill(f"b{number:07}", found)

    def _backfill(self, backfill_id: str, found: PlannedBackfill) -> Iterator[Event]:
        asked = self._event(
            found.request({CODE_LOCATION: self._digest}), backfill_id=backfill_id, actor="ada@host"
        )
        yield asked
        for first in range(1, RUNS_PER_BACKFILL + 1, AT_A_TIME):
            launches = [
                self._launch(number, asked, found)
                for number in range(first, min(first + AT_A_TIME, RUNS_PER_BACKFILL + 1))
            ]
            yield from launches
            yield from (self._told(RunStarted(4_711, "host"), launch) for launch in launches)
            for launch in launches:
                assert isinstance(launch.fact, RunLaunched)
                metadata = {"rows": 2, "precipitation_mm": 10.9}
                day = launch.fact.partitions
                yield self._told(PartitionMaterialized("raw_weather", day, metadata=metadata), launch)
                yield self._told(RunSucceeded(duration_s=0.012345), launch)
        end = BackfillCompleted("succeeded", {"raw_weather": RUNS_PER_BACKFILL}, {}, {}, {})
        yield self._event(end, backfill_id=backfill_id, correlation_id=asked.id)

    def _launch(self, number: int, asked: Event, found: PlannedBackfill) -> Event:
        run = found.plan.run(number)
        day = keys_of(Ranges.single(run.ordinals.first), run.group.partitions)
        return self._event(
            RunLaunched(number, 1, run.group.assets, day, CODE_LOCATION, self._digest),
            backfill_id=asked.backfill_id,
            run_id=f"{asked.backfill_id}-{number}-1",
            causation_id=asked.id,
            correlation_id=asked.id,
        )

    def _told(self, fact: Fact, launch: Event) -> Event:
        return self._event(
            fact,
            actor=f"run {launch.run_id}",
            backfill_id=launch.backfill_id,
            run_id=launch.run_id,
            causation_id=launch.id,
            correlation_id=launch.correlation_id,
        )

    def _event(self, fact: Fact, *, actor: str = "daemon", **about: str | None) -> Event:
        self._at += BETWEEN_FACTS
        return Event(new_id(self._at), self._at, actor, fact, **about)
