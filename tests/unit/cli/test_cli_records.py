"""Decisions of the command line, recorded at the head they were made at, on a log that others write to."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from backfilld.assets import asset
from backfilld.definitions import Definitions
from backfilld.manifest import manifest_of
from backfilld.partitions import DailyPartitionsDefinition, DynamicPartitionsDefinition
from daemon.clock import ManualClock
from daemon.commands import cancel
from daemon.launching.code_location import manifest_digest
from daemon.operations.errors import RefusedError
from daemon.operations.launching import request
from daemon.operations.records import DECISIONS_MAX, Place, Records
from daemon.planning.planned import Ask
from events.envelope import Event, Recorded
from events.facts import (
    BackfillCancelRequested,
    BackfillCompleted,
    BackfillRequested,
    DefinitionsLoaded,
    DynamicPartitionsAdded,
    Fact,
    PoolConfigured,
)
from events.ids import new_id
from events.log import Appended, HeadMoved
from events.memory import MemoryLog
from projections.tables.store import ProjectionStore
from projections.world import World
from tests.story import T0

PLACE = Place(Path(), None, "ada@office")
NO_STORE = cast("ProjectionStore", None)  # nothing here reads a table


class BusyLog(MemoryLog):
    """A log to which somebody else appends each of some facts just before our own next append."""

    def __init__(self, *others: Fact) -> None:
        super().__init__()
        self.others = list(others)

    async def append(
        self, events: Sequence[Event], *, expected_head: int | None = None
    ) -> Appended | HeadMoved:
        if self.others and expected_head is not None:
            await super().append([Event(new_id(T0), T0, "other", self.others.pop(0), backfill_id="b")])
        return await super().append(events, expected_head=expected_head)


def declared(days: int) -> DefinitionsLoaded:
    """A code location with one asset of so many days."""

    @asset(
        partitions_def=DailyPartitionsDefinition(start_date="2024-01-01", end_date=f"2024-01-{days + 1:02}")
    )
    def raw() -> None: ...

    manifest = manifest_of(Definitions(assets=[raw]), code_location="code")
    return DefinitionsLoaded("code", manifest_digest(manifest), manifest)


async def opened(log: MemoryLog) -> tuple[Records, World]:
    """Records and the world, once a code location of five days is on record."""
    await log.append([Event(new_id(T0), T0, "daemon", declared(5))])
    records, world = Records(PLACE, log, NO_STORE, ManualClock(T0)), World()
    await records.fold_on(world)
    return records, world


async def told(log: MemoryLog) -> list[Recorded]:
    return [recorded async for batch in log.read() for recorded in batch]


async def test_a_launch_is_recorded_once_on_a_log_that_grows_meanwhile() -> None:
    log = BusyLog(*[PoolConfigured("p")] * 5)
    records, world = await opened(log)
    found = await request(records, world, lambda *_: Ask(("raw",), "all"), "b")
    requests = [each for each in await told(log) if isinstance(each.fact, BackfillRequested)]
    assert [each.position for each in requests] == [7]
    assert requests[0].backfill_id == "b"
    backfill = world.backfill("b")
    assert backfill is not None
    assert found is not None
    assert backfill.request.plan_digest == found.digest


async def test_definitions_that_change_meanwhile_are_planned_with() -> None:
    log = BusyLog(declared(9))
    records, world = await opened(log)
    found = await request(records, world, lambda *_: Ask(("raw",), "all"), "b")
    assert found is not None
    assert found.runs_total == 9
    (requested,) = [each.fact for each in await told(log) if isinstance(each.fact, BackfillRequested)]
    assert requested.manifests == world.known.manifests
    assert requested.runs_total == 9


async def test_keys_that_come_meanwhile_are_planned_with() -> None:
    @asset(partitions_def=DynamicPartitionsDefinition("customers"))
    def profiles() -> None: ...

    log = BusyLog(DynamicPartitionsAdded("others", ("x",)), DynamicPartitionsAdded("customers", ("abe",)))
    manifest = manifest_of(Definitions(assets=[profiles]), code_location="code")
    loaded = DefinitionsLoaded("code", manifest_digest(manifest), manifest)
    for fact in (loaded, DynamicPartitionsAdded("customers", ("zoe",))):
        await log.append([Event(new_id(T0), T0, "daemon", fact)])
    records, world = Records(PLACE, log, NO_STORE, ManualClock(T0)), World()
    await records.fold_on(world)
    found = await request(records, world, lambda *_: Ask(("profiles",), "all"), "b")
    assert found is not None
    assert found.runs_total == world.plans["b"].runs_total == 2


async def test_a_backfill_that_ends_meanwhile_is_not_canceled() -> None:
    log = BusyLog()
    records, world = await opened(log)
    await request(records, world, lambda *_: Ask(("raw",), "all"), "b")
    log.others.append(BackfillCompleted("succeeded"))
    assert await records.record(world, "b", lambda at_head: cancel(at_head, "b", None)) == ()
    assert not any(isinstance(each.fact, BackfillCancelRequested) for each in await told(log))


async def test_a_log_that_never_stands_still_is_given_up_on_with_nothing_done() -> None:
    log = BusyLog(*[PoolConfigured("p")] * DECISIONS_MAX)
    records, world = await opened(log)
    with pytest.raises(RefusedError, match="nothing was done; try again"):
        await request(records, world, lambda *_: Ask(("raw",), "all"), "b")
    assert not any(isinstance(each.fact, BackfillRequested) for each in await told(log))
