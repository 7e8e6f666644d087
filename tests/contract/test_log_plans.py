"""What a filter sends to PostgreSQL goes along an index, and reads little, of a log of a million facts."""

import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import pytest
from sqlalchemy import Select, text

from events import reading
from events.log import Filter
from events.narrowing import ALONG_TIME, STRAGGLERS_SINCE, STRAGGLERS_UNTIL
from events.postgres import PostgresLog
from events.reading import as_text
from tests.databases import administer

FACTS: Final = 1_000_000
PER_BACKFILL: Final = 4_000
BEGAN: Final = datetime(2024, 1, 1, tzinfo=UTC)
WANTED: Final = 101  # facts: the command line's hundred, and whether there is one more
PAGES_MAX: Final = 2_000  # of 8 kB that one statement may look at; the log has twenty times as many

# Backfills one after another, each of runs with four facts; one backfill in a hundred fills another asset.
MANY_FACTS: Final = f"""
INSERT INTO log
SELECT position, gen_random_uuid(), '2024-01-01Z'::timestamptz + position * interval '1 second', type, 1,
       CASE type WHEN 'BackfillRequested' THEN 'ada@office' WHEN 'RunLaunched' THEN 'daemon'
                 WHEN 'BackfillCompleted' THEN 'daemon' ELSE 'run ' || run_id END,
       backfill_id, CASE WHEN type NOT LIKE 'Backfill%' THEN run_id END, NULL, NULL,
       CASE type
       WHEN 'BackfillRequested' THEN jsonb_build_object(
           'selection', '[]'::jsonb, 'partitions_text', '--all', 'manifests', '{{}}'::jsonb,
           'partitions_as_of', '2024-01-01T00:00:00Z', 'runs_total', 1000, 'plan_digest', '',
           'groups', jsonb_build_array(jsonb_build_object(
               'assets', jsonb_build_array(CASE WHEN number % 100 = 7 THEN 'rare' ELSE 'orders' END),
               'code_location', 'shop', 'partitions', NULL, 'partitions_per_run_max', 1, 'runs_total', 1000)))
       WHEN 'BackfillCompleted' THEN '{{"outcome": "succeeded"}}'
       WHEN 'RunLaunched' THEN jsonb_build_object(
           'number', nth / 4 + 1, 'attempt', 1, 'assets', '["orders"]'::jsonb, 'partitions', NULL,
           'code_location', 'shop', 'manifest_digest', '')
       WHEN 'RunStarted' THEN '{{"pid": 1, "host": "vm"}}'
       WHEN 'PartitionMaterialized' THEN jsonb_build_object(
           'asset', CASE WHEN number % 100 = 7 THEN 'rare' ELSE 'orders' END, 'partitions', NULL)
       ELSE '{{"duration_s": 1.5}}' END,
       sha256(position::text::bytea)
FROM (
    SELECT position, number, nth, 'b' || number AS backfill_id,
           'b' || number || '-' || nth / 4 + 1 || '-1' AS run_id,
           CASE WHEN nth = 0 THEN 'BackfillRequested' WHEN nth = {PER_BACKFILL - 1} THEN 'BackfillCompleted'
                ELSE (ARRAY['RunLaunched', 'RunStarted', 'PartitionMaterialized', 'RunSucceeded'])
                     [1 + nth % 4] END AS type
    FROM (
        SELECT position, (position - 1) / {PER_BACKFILL} AS number, (position - 1) % {PER_BACKFILL} AS nth
        FROM generate_series(1::bigint, {FACTS}) AS position
    ) AS counted
) AS told
"""
HEAD: Final = f"UPDATE log_head SET position = {FACTS}, hash = sha256('{FACTS}')"
# What autovacuum does within a minute of that many new rows.
TIDIED: Final = ("VACUUM (ANALYZE) log", "SELECT brin_summarize_new_values('log_by_time')")

MIDDLE: Final = BEGAN + timedelta(seconds=FACTS / 2)
B = "b120"
FREQUENT = frozenset({"RunStarted"})
RARE = frozenset({"BackfillCompleted"})
OF_ASSET = {"log_by_backfill", "log_by_rare_type"}  # by its requests, each of a backfill
FILTERS: Final = {
    "all": (Filter(), {"log_position_key"}),
    "backfill": (Filter(backfill_id=B), {"log_by_backfill"}),
    "backfill and type": (Filter(backfill_id=B, types=FREQUENT), {"log_by_backfill"}),
    "backfill and rare type": (
        Filter(backfill_id=B, types=frozenset({"RunFailed"})),
        {"log_by_rare_type", "log_by_backfill"},
    ),
    "backfill and person": (
        Filter(backfill_id=B, actor="ada@office"),
        {"log_by_backfill", "log_by_actor"},
    ),
    "backfill and time": (Filter(backfill_id=B, since=BEGAN), {"log_by_backfill"}),
    "run": (Filter(run_id=f"{B}-77-1"), {"log_by_run"}),
    "run and actor": (Filter(run_id=f"{B}-77-1", actor=f"run {B}-77-1"), {"log_by_run"}),
    "runs": (Filter(run_ids=frozenset(f"b{number}-77-1" for number in range(200))), {"log_by_run"}),
    "positions": (Filter(positions=frozenset(range(1_000, FACTS, 5_000))), {"log_position_key"}),
    "asset of nearly all": (Filter(asset="orders"), OF_ASSET),
    "asset of few": (Filter(asset="rare"), OF_ASSET),
    "asset of none": (Filter(asset="none"), OF_ASSET),
    "asset and type": (Filter(asset="rare", types=FREQUENT), OF_ASSET),
    "asset and rare type": (Filter(asset="orders", types=RARE), OF_ASSET),
    "asset and person": (Filter(asset="orders", actor="ada@office"), {"log_by_actor", *OF_ASSET}),
    "asset and backfill": (Filter(asset="orders", backfill_id=B), OF_ASSET),
    "asset and time": (Filter(asset="orders", since=MIDDLE), OF_ASSET),
    "rare type": (Filter(types=RARE), {"log_by_rare_type"}),
    "type of which there is none": (Filter(types=frozenset({"RunFailed"})), {"log_by_rare_type"}),
    "frequent type": (Filter(types=FREQUENT), {"log_position_key"}),
    "both kinds of types": (Filter(types=FREQUENT | RARE), {"log_position_key"}),
    "person": (Filter(actor="ada@office"), {"log_by_actor"}),
    "nobody": (Filter(actor="bob@office"), {"log_by_actor"}),
    "daemon": (Filter(actor="daemon"), {"log_position_key"}),
    "since": (Filter(since=MIDDLE), {"log_position_key"}),
    "until": (Filter(until=MIDDLE), {"log_position_key"}),
    "between": (Filter(since=MIDDLE, until=MIDDLE + timedelta(seconds=5)), {"log_position_key"}),
    "since, of a person": (Filter(since=MIDDLE, actor="ada@office"), {"log_by_actor"}),
    "since, of a rare type": (Filter(since=MIDDLE, types=RARE), {"log_by_rare_type"}),
    "since, of a frequent type": (Filter(since=MIDDLE, types=FREQUENT), {"log_position_key"}),
    "cause, in a backfill": (
        Filter(backfill_id=B, causation_id="01a21392-88e2-76ec-873f-bd2f8eb2de30"),
        {"log_by_backfill"},
    ),
    "id": (Filter(id="01a21392-88e2-76ec-873f-bd2f8eb2de30"), {"log_id_key"}),
    "text, in a backfill": (Filter(backfill_id=B, text="nowhere"), {"log_by_backfill"}),
    "text, in a stretch of time": (
        Filter(since=MIDDLE, until=MIDDLE + timedelta(hours=1), text="nowhere"),
        {"log_position_key"},
    ),
}


class Plan(msgspec.Struct):
    """What PostgreSQL did for a statement."""

    pages: int
    indexes: set[str]
    nodes: set[str]

    def is_quick(self, indexes: set[str]) -> bool:
        """Whether it went along one of these indexes, and looked at little."""
        is_along = bool(self.indexes) and self.indexes <= indexes
        return is_along and "Seq Scan" not in self.nodes and self.pages <= PAGES_MAX


@pytest.fixture
async def long_log(migrated_url: str) -> AsyncIterator[PostgresLog]:
    await administer(migrated_url, MANY_FACTS.replace(":", r"\:"), HEAD, *TIDIED)
    async with PostgresLog(migrated_url) as log:
        yield log


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that the log reads facts with, as it is sent."""
    statements: list[str] = []
    copied = reading.copied

    async def noted(driver: Any, statement: Select[Any]) -> list[bytes]:  # noqa: ANN401 -- asyncpg's
        statements.append(as_text(statement))
        return await copied(driver, statement)

    monkeypatch.setattr(reading, "copied", noted)
    return statements


@pytest.mark.timeout(600)
async def test_what_a_filter_finds_in_a_million_facts_is_found_by_an_index(
    long_log: PostgresLog, sent: list[str]
) -> None:
    wrong = []
    for name, (matching, indexes) in FILTERS.items():
        for newest_first in (False, True):
            sent.clear()
            await first_of(long_log, matching, newest_first=newest_first)
            plans = [await plan_of(long_log, statement) for statement in sent]
            if not all(plan.is_quick(indexes) for plan in plans):
                wrong.append(f"{name}, {'newest' if newest_first else 'oldest'} first: {plans}")
    assert not wrong, "\n".join(wrong)
    for statement in (STRAGGLERS_SINCE, STRAGGLERS_UNTIL):
        at = f"'{MIDDLE.isoformat()}'::timestamptz"
        plan = await plan_of(
            long_log, statement.format(position=FACTS // 2).replace("$1", at), settings=ALONG_TIME
        )
        assert plan.is_quick({"log_by_time"}), plan


async def first_of(log: PostgresLog, matching: Filter, *, newest_first: bool) -> None:
    """Reads what the command line would."""
    count = 0
    async with aclosing(log.read(matching=matching, newest_first=newest_first)) as batches:
        async for batch in batches:
            count += len(batch)
            if count >= WANTED:
                return


async def plan_of(log: PostgresLog, statement: str, *, settings: tuple[str, ...] = ()) -> Plan:
    """What the statement costs, on a connection like those that read."""
    async with log._engine.connect() as connection:
        for setting in settings:
            await connection.execute(text(setting))
        explained = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
        ((found,),) = (await connection.exec_driver_sql(explained)).all()
    top = (found if isinstance(found, list) else msgspec.json.decode(found))[0]["Plan"]
    plan = Plan(top["Shared Hit Blocks"] + top["Shared Read Blocks"], set(), set())
    gather(top, plan)
    return plan


def gather(node: dict[str, Any], plan: Plan) -> None:
    """Adds what a node and those below it say."""
    plan.nodes.add(re.sub("^(Incremental|Parallel) ", "", node["Node Type"]))
    plan.indexes |= {node["Index Name"]} if "Index Name" in node else set()
    for below in node.get("Plans", ()):
        gather(below, plan)
