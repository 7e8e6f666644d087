"""What the tables say of single partitions: the newest rows of each key, found by index."""

import pytest
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT

from backfilld.assets import asset
from backfilld.partitions import DailyPartitionsDefinition
from backfilld.policies import BackfillPolicy
from events.facts import PartitionMaterialized, RunStarted, RunSucceeded
from projections.tables import of_partitions
from tests.contract.kept import Kept
from tests.contract.test_projection_store import write
from tests.story import Story

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-11")


@asset(partitions_def=DAYS)
def raw() -> None: ...


@asset(partitions_def=DAYS, deps=[raw], backfill_policy=BackfillPolicy.multi_run(max_partitions_per_run=5))
def wide() -> None: ...


@pytest.fixture
async def filled(kept: Kept) -> Kept:
    """Days of raw, the third of which failed, then filled once more, and wide in two runs."""
    story = Story(raw, wide)
    story.ask("raw", named="b1")
    for number, run in enumerate(story.launched()):
        if number == 2:
            story.run(run, failing=[("raw", "")])
            continue
        about = {"backfill_id": "b1", "run_id": run}
        story.tell(RunStarted(1, "host"), **about)
        metadata = {"rows": number, "ratio": 0.5, "note": "text", "is_late": True, "none": None}
        story.tell(PartitionMaterialized("raw", story.launch_of(run).partitions, None, metadata), **about)
        story.tell(RunSucceeded(1.0), **about)
    story.ask("raw", partitions="2024-01-01", named="b2")
    for run in story.launched():
        story.run(run)
    story.ask("wide", named="b3", partitions="[2024-01-01...2024-01-10]")
    story.run(story.launched()[0])
    await write(kept.log, story)
    await kept.store.bring_up_to_date(kept.log)
    return kept


async def test_each_key_has_its_newest_rows_and_their_numbers(filled: Kept) -> None:
    head = await filled.log.head()
    keys = ["2024-01-01", "2024-01-02", "2024-01-03", "no such"]
    found = await filled.store.of_partitions("raw", keys, upto=head, each=1, many=10)
    runs = {row["partitions"]["ranges"][0][0]: row["run_id"] for row in found.filled}
    assert runs == {"2024-01-01": "b2-1-1", "2024-01-02": "b1-2-1"}
    assert {row["run_id"]: row["numbers"] for row in found.filled} == {
        "b2-1-1": {},
        "b1-2-1": {"rows": 1, "ratio": 0.5},
    }
    assert [(row["run_id"], row["status"], row["error"]) for row in found.unfilled] == [
        ("b1-3-1", "failed", "ValueError: boom")
    ]
    every = await filled.store.of_partitions("raw", keys[:1], upto=head, each=5, many=10)
    assert [row["run_id"] for row in every.filled] == ["b2-1-1", "b1-1-1"]


async def test_rows_of_the_past_are_those_of_then(filled: Kept) -> None:
    head = await filled.log.head()
    facts = [each async for batch in filled.log.read(upto=head) for each in batch]
    first = next(each.position for each in facts if isinstance(each.fact, PartitionMaterialized))
    found = await filled.store.of_partitions("raw", ["2024-01-01", "2024-01-02"], upto=first, each=5, many=10)
    assert [row["position"] for row in found.filled] == [first]


async def test_rows_about_more_than_one_key_are_among_them_and_bounded(filled: Kept) -> None:
    head = await filled.log.head()
    found = await filled.store.of_partitions("wide", ["2024-01-01"], upto=head, each=1, many=10)
    assert [row["partitions"]["count"] for row in found.filled] == [5]
    assert [row["run_id"] for row in found.unfilled] == ["b3-2-1"]
    none = await filled.store.of_partitions("wide", ["2024-01-01"], upto=head, each=1, many=0)
    assert (none.filled, none.unfilled) == ([], [])


MANY = """
INSERT INTO materializations
SELECT 1000000 + n, 'raw', jsonb_build_object('count', 1 + (n % 100) / 99,
       'ranges', jsonb_build_array(jsonb_build_array('k' || n, 'k' || n))),
       'b', 'r' || n, now(), NULL, '{}' FROM generate_series(1, 20000) AS n
"""
MANY_RUNS = """
INSERT INTO runs
SELECT 'r' || n, 'b', CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'succeeded' END, n, 1, '["raw"]',
       jsonb_build_object('count', 1 + (n % 100) / 99,
       'ranges', jsonb_build_array(jsonb_build_array('k' || n, 'k' || n))),
       'code', now(), now(), now(), NULL, 1000000 + n FROM generate_series(1, 20000) AS n
"""
PLANS = {
    of_partitions.FILLED_BY_KEY: "materializations_by_key",
    of_partitions.FILLED_OF_MANY: "materializations_of_many",
    of_partitions.UNFILLED_BY_KEY: "runs_unfilled_by_key",
    of_partitions.UNFILLED_OF_MANY: "runs_unfilled_of_many",
}


@pytest.mark.parametrize("statement", PLANS)
async def test_they_are_found_by_their_indexes(kept: Kept, statement: str) -> None:
    for prepared in (MANY, MANY_RUNS, "ANALYZE materializations", "ANALYZE runs"):
        await kept.execute(prepared)
    given = {"asset": "raw", "upto": 10**9, "keys": ["k7", "k8"], "each": 3, "most": 6}
    explained = text(f"EXPLAIN {statement}")
    if ":keys" in statement:
        explained = explained.bindparams(bindparam("keys", type_=ARRAY(TEXT)))
    used = {name: value for name, value in given.items() if f":{name}" in statement}
    async with kept.session() as connection:
        plan = "\n".join((await connection.execute(explained, used)).scalars())
    assert PLANS[statement] in plan
    assert "Seq Scan" not in plan
