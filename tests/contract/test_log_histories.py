"""Histories recorded by older versions are read as today's facts, and their chain is whole."""

import hashlib
import json
from pathlib import Path
from typing import get_args

import anyio
import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from events.facts import (
    Fact,
    LeaderElected,
    PartitionKeys,
    PartitionMaterialized,
    RunLaunched,
    RunStarted,
    RunSucceeded,
)
from events.postgres import PostgresLog
from events.verifying import Verified
from projections import snapshot
from projections.tables import changes
from projections.tables.store import ProjectionStore
from projections.tables.writing import LIVE
from tests.contract.told import event, everything, positions

HISTORIES = sorted((Path(__file__).parents[1] / "histories").glob("*.jsonl"))
# What each history was folded to. A figure may change only with the version that it stands beside, or, where
# a history is new, be added.
FOLDED = {
    "before_0_1": {"tables 2": "70358128d34b8050", "state 10": "90a578a3f4a2308c"},
    "of_0_1": {"tables 2": "5fef33ef3c3d3264", "state 10": "9c22ba817afea926"},
    "tokens_of_0_1": {"tables 2": "5ae1625b488b3935", "state 10": "28ebae6618d9aa0f"},
}
RESTORE = """
INSERT INTO log
SELECT position, id, at, type, schema, actor, backfill_id, run_id, causation_id, correlation_id, data,
       decode(hash, 'hex')
FROM json_to_record(CAST(:row AS json)) AS given(
    position bigint, id uuid, at timestamptz, type text, schema int, actor text, backfill_id text,
    run_id text, causation_id uuid, correlation_id uuid, data jsonb, hash text
)
"""
RESTORE_HEAD = (
    "UPDATE log_head SET (position, hash) = (SELECT position, hash FROM log ORDER BY position DESC LIMIT 1)"
)


async def restore(url: str, history: Path) -> int:
    """Puts the rows where they were recorded; how many there are."""
    lines = (await anyio.Path(history).read_text()).splitlines()
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        for line in lines:
            await connection.execute(text(RESTORE), {"row": line})
        await connection.execute(text(RESTORE_HEAD))
    await engine.dispose()
    return len(lines)


@pytest.mark.parametrize("history", HISTORIES, ids=lambda path: path.stem)
async def test_a_recorded_history_is_read_verified_and_continued(migrated_url: str, history: Path) -> None:
    count = await restore(migrated_url, history)
    async with PostgresLog(migrated_url) as log:
        await log.append([event("today")])
        assert positions(await everything(log)) == list(range(1, count + 2))
        verified = await log.verify()
        assert isinstance(verified, Verified)
        assert verified.head == count + 1


async def test_the_shapes_before_the_first_release_become_todays(migrated_url: str) -> None:
    await restore(migrated_url, HISTORIES[0].with_name("before_0_1.jsonl"))
    leap = PartitionKeys((("2024-02-28", "2024-02-28"), ("2024-02-29", "2024-02-29")), 2)
    async with PostgresLog(migrated_url) as log:
        assert [each.fact for each in await everything(log)] == [
            LeaderElected("d1", "localhost", 7, "0.0.9"),
            RunLaunched(1, 1, ("raw_weather",), leap, "weather", "ab" * 32),
            RunStarted(4242, "localhost"),
            PartitionMaterialized("raw_weather", PartitionKeys(leap.ranges[:1], 1), metadata={"rows": 2}),
            PartitionMaterialized("raw_weather", PartitionKeys(leap.ranges[1:], 1)),
            RunSucceeded(1.65),
            RunLaunched(2, 1, ("wettest_days",), None, "weather", "ab" * 32),
            PartitionMaterialized("wettest_days", None),
        ]


@pytest.mark.parametrize("history", HISTORIES, ids=lambda path: path.stem)
async def test_a_recorded_history_folds_to_what_it_always_did(migrated_url: str, history: Path) -> None:
    await restore(migrated_url, history)
    async with PostgresLog(migrated_url) as log, ProjectionStore(migrated_url) as store:
        await store.bring_up_to_date(log)
        rows = [await store.rows(table, where={}, limit=0) for table in LIVE]
        world = await store.load_world(log)
        assert (await store.check(log)).differences == ()
    assert {
        f"tables {changes.VERSION}": hashlib.sha256(msgspec.json.encode(rows)).hexdigest()[:16],
        f"state {snapshot.VERSION}": hashlib.sha256(snapshot.encode(world)).hexdigest()[:16],
    } == FOLDED[history.stem]


def test_every_fact_of_today_is_in_a_recorded_history() -> None:
    rows = [json.loads(line) for history in HISTORIES for line in history.read_text().splitlines()]
    recorded = {(row["type"], row["schema"]) for row in rows}
    assert {(fact.__name__, fact.schema) for fact in get_args(Fact)} <= recorded
