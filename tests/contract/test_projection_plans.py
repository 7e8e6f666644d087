"""Reads of the listed tables stay along their indexes when those are large."""

import json

import pytest
from sqlalchemy import Select, text
from sqlalchemy.dialects import postgresql

from events.driver import database_url, make_engine
from projections.tables.attempts import selecting_filled, selecting_others
from tests.databases import administer

ROWS = 100_000
FAILED_EVERY = 1_000
KEYS = ("2024-01-05",)
FILLED = f"""
INSERT INTO runs
    (id, backfill_id, status, number, attempt, assets, partitions, code_location, launched_at, position)
SELECT 'b-' || n || '-1', 'b', CASE WHEN n % {FAILED_EVERY} = 0 THEN 'failed' ELSE 'succeeded' END, n, 1,
       '["raw"]', '{{"count": 1, "ranges": [["k", "k"]]}}', 'code', now(), 2 * n
FROM generate_series(1, {ROWS}) AS n
"""
MADE = f"""
INSERT INTO materializations (position, asset, partitions, backfill_id, run_id, at, metadata)
SELECT 2 * n + 1, 'raw', '{{"count": 1, "ranges": [["k", "k"]]}}', 'b', 'b-' || n || '-1', now(), '{{}}'
FROM generate_series(1, {ROWS}) AS n
"""
READS = {
    "filled": (
        selecting_filled("raw", KEYS, limit=2_001),
        "runs_key on runs",
        "Seq Scan on materializations",
    ),
    "filled, all": (selecting_filled("raw", None, limit=2_001), "materializations", "Sort"),
    "others": (selecting_others("raw", KEYS, limit=2_001), "runs_unfilled_by_key", "Seq Scan"),
    "others, all": (selecting_others("raw", None, limit=2_001), "runs_by_status", "Seq Scan"),
}


def as_text(statement: Select[tuple[object]]) -> str:
    """The statement with its values in it; those of JSON SQLAlchemy cannot write itself."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # it has no types
    compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    return str(compiled) % {name: in_sql(value) for name, value in compiled.params.items()}


def in_sql(value: object) -> str:
    plain = value if isinstance(value, str | int) else json.dumps(value)
    return str(plain) if isinstance(plain, int) else f"'{plain}'"


@pytest.mark.parametrize("name", READS)
async def test_attempts_are_found_by_indexes(migrated_url: str, name: str) -> None:
    statement, index, never = READS[name]
    for each in (FILLED, MADE, "ANALYZE runs", "ANALYZE materializations"):
        await administer(migrated_url, each)
    engine = make_engine(database_url(migrated_url), pooled=False)
    async with engine.connect() as connection:
        plan = "\n".join((await connection.execute(text(f"EXPLAIN {as_text(statement)}"))).scalars())
    assert index in plan, plan
    assert never not in plan, plan
