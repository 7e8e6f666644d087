"""The database itself keeps the log append-only, and its chain of hashes tells who got round that."""

import pytest
from msgspec.structs import replace
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from events import schema
from events.anchor import Anchor
from events.driver import database_url, make_engine
from events.errors import LogUnreadableError
from events.extracting import Part
from events.facts import PartitionKeys, PartitionMaterialized
from events.files.chained import Chained
from events.postgres import PostgresLog
from events.verifying import Broken, Verified
from tests.contract.test_log import ODD_VALUES
from tests.contract.told import T0, event, events, everything
from tests.databases import administer
from tests.unit.events.exported import rehashed

REFUSED = [
    "UPDATE log SET actor = 'somebody else' WHERE position = 1",
    "DELETE FROM log WHERE position = 1",
    "TRUNCATE log",
    "INSERT INTO log_head SELECT * FROM log_head",
    "UPDATE log_head SET position = position - 1",
    "UPDATE log_head SET hash = hash",
    "DELETE FROM log_head",
    "TRUNCATE log_head",
]


@pytest.mark.parametrize("mode", ["origin", "replica"])
@pytest.mark.parametrize("statement", REFUSED)
async def test_the_database_refuses_the_owner_any_change_but_an_append(
    migrated_url: str, statement: str, mode: str
) -> None:
    async with PostgresLog(migrated_url) as log:
        await log.append(events("a", 2))
        with pytest.raises(DBAPIError, match="the log is append-only"):
            await administer(migrated_url, f"SET session_replication_role = {mode}", statement)
        assert len(await everything(log)) == 2
        assert isinstance(await log.verify(), Verified)


async def test_an_untouched_log_is_verified_and_its_digest_follows_from_what_it_holds(
    postgres_log: PostgresLog,
) -> None:
    empty = await postgres_log.verify()
    assert empty == Verified(0, "0" * 64)
    for name, (told, _) in ODD_VALUES.items():
        await postgres_log.append([event(name, PartitionMaterialized("a", None, metadata={"v": told}))])
    await postgres_log.append(events("one by copy ", 6_000))
    verified = await postgres_log.verify()
    assert isinstance(verified, Verified)
    assert verified.head == len(ODD_VALUES) + 6_000
    assert verified.digest != empty.digest


TAMPERED = {
    "id": "id = gen_random_uuid()",
    "at": "at = at + interval '1 microsecond'",
    "type": "type = 'PartitionSkipped'",
    "schema": "schema = 0",
    "actor": "actor = 'somebody else'",
    "backfill_id": "backfill_id = 'other'",
    "backfill_id null": "backfill_id = NULL",
    "run_id": "run_id = ''",
    "run_id null": "run_id = NULL",
    "causation_id": "causation_id = gen_random_uuid()",
    "correlation_id": "correlation_id = gen_random_uuid()",
    "data": """data = jsonb_set(data, '{metadata,rows}', '3')""",
    "data, a key": """data = data || '{"more": null}'""",
    "hash": "hash = sha256(hash)",
    "position": "position = 1000",
}


async def tamper(url: str, *statements: str) -> None:
    """What a superuser can do, who takes the triggers away."""
    await administer(
        url,
        "ALTER TABLE log DISABLE TRIGGER USER",
        "ALTER TABLE log_head DISABLE TRIGGER USER",
        *statements,
    )


def test_every_column_is_changed_by_one_of_them() -> None:
    assert {change.split(" = ")[0] for change in TAMPERED.values()} == {
        column.name for column in schema.log.c
    }


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
async def test_a_change_of_any_column_is_found_at_its_row(migrated_url: str, change: str) -> None:
    fact = PartitionMaterialized("a", PartitionKeys((("d", "d"),), 1), metadata={"rows": 2})
    async with PostgresLog(migrated_url) as log:
        await log.append([event(str(n), fact, backfill_id="b", run_id="b-1-1") for n in range(1, 8)])
        await tamper(migrated_url, f"UPDATE log SET {change} WHERE position = 4")
        broken = await log.verify()
        assert isinstance(broken, Broken)
        assert broken.position == 4


PUT_IN = """
INSERT INTO log
SELECT 8, gen_random_uuid(), at, type, schema, actor, backfill_id, run_id, causation_id, correlation_id, data,
       sha256(hash)
FROM log WHERE position = 7
"""
REARRANGED = {
    "first removed": (1, ["DELETE FROM log WHERE position = 1"]),
    "middle removed": (4, ["DELETE FROM log WHERE position = 4"]),
    "last removed": (7, ["DELETE FROM log WHERE position = 7"]),
    "two swapped": (
        3,
        [
            "UPDATE log SET position = position + 100 WHERE position IN (3, 4)",
            "UPDATE log SET position = 107 - position WHERE position IN (103, 104)",
        ],
    ),
    "one put in": (8, [PUT_IN]),
    "one put in, and the head moved": (8, [PUT_IN, "UPDATE log_head SET position = 8"]),
    "head moved on": (8, ["UPDATE log_head SET position = 8"]),
    "head with another hash": (7, ["UPDATE log_head SET hash = sha256(hash)"]),
}


@pytest.mark.parametrize(("position", "changes"), REARRANGED.values(), ids=REARRANGED.keys())
async def test_a_row_removed_moved_or_put_in_is_found(
    migrated_url: str, position: int, changes: list[str]
) -> None:
    async with PostgresLog(migrated_url) as log:
        await log.append(events("a", 7))
        await tamper(migrated_url, *changes)
        broken = await log.verify()
        assert isinstance(broken, Broken)
        assert broken.position == position


async def rewritten(url: str, log: PostgresLog, *, first: int) -> None:
    """From a position on all is somebody else's, under the hashes that it should have; the head fits."""
    before = await gathered_rows(log)
    changed = rehashed([replace(row, actor="somebody else") for row in before[first - 1 :]])
    await tamper(
        url,
        *(
            f"UPDATE log SET actor = 'somebody else', hash = decode('{row.hash}', 'hex') "
            f"WHERE position = {row.position}"
            for row in changed
        ),
        f"UPDATE log_head SET hash = decode('{changed[-1].hash}', 'hex')",
    )


async def gathered_rows(log: PostgresLog) -> list[Chained]:
    """All rows with their hashes."""
    header = await log.extract(Part(), T0)
    return [row async for page in log.rows_of(header) for row in page]


async def anchor_of(log: PostgresLog) -> Anchor:
    """Where the log ends, as it is kept elsewhere."""
    found = await log.verify()
    assert isinstance(found, Verified)
    return Anchor(found.head, found.digest, T0)


async def test_an_end_rewritten_with_a_consistent_chain_is_found_by_an_anchor(migrated_url: str) -> None:
    async with PostgresLog(migrated_url) as log:
        await log.append(events("a", 4))
        early = await anchor_of(log)
        await log.append(events("b", 4))
        late = await anchor_of(log)
        await rewritten(migrated_url, log, first=6)
        alone = await log.verify()
        assert isinstance(alone, Verified)
        assert alone.digest != late.digest
        found = await log.verify(since=late)
        assert isinstance(found, Broken)
        assert found.position == 8
        assert "when the anchor was saved" in found.reason
        assert await log.verify(since=early) == alone  # What was rewritten came after it.


async def test_from_an_anchor_on_a_change_is_found_and_what_was_before_is_not_read_again(
    migrated_url: str,
) -> None:
    async with PostgresLog(migrated_url) as log:
        await log.append(events("a", 4))
        anchor = await anchor_of(log)
        await log.append(events("b", 4))
        assert isinstance(await log.verify(since=anchor), Verified)
        await tamper(migrated_url, "UPDATE log SET actor = 'x' WHERE position = 6")
        after = await log.verify(since=anchor)
        assert isinstance(after, Broken)
        assert after.position == 6
        await tamper(migrated_url, "UPDATE log SET actor = 'tester' WHERE position = 6")
        await tamper(migrated_url, "UPDATE log SET actor = 'x' WHERE position = 2")
        assert isinstance(await log.verify(since=anchor), Verified)
        assert isinstance(await log.verify(), Broken)
        await tamper(migrated_url, "UPDATE log SET actor = 'x' WHERE position = 4")
        at_it = await log.verify(since=anchor)
        assert isinstance(at_it, Broken)
        assert at_it.position == 4


async def test_a_forged_row_under_its_right_hash_is_told_by_the_digest(migrated_url: str) -> None:
    async with PostgresLog(migrated_url) as log:
        await log.append(events("a", 7))
        kept = await anchor_of(log)
        told = await gathered_rows(log)
        (forged,) = rehashed([replace(told[-1], position=8, id=event("forged").id, previous=told[-1].hash)])
        put_in = PUT_IN.replace("gen_random_uuid()", f"'{forged.id}'").replace(
            "sha256(hash)", f"decode('{forged.hash}', 'hex')"
        )
        await tamper(migrated_url, put_in)
        found = await log.verify()
        assert found == Broken(8, "it was not appended: the log's head is at 7")
        head = f"UPDATE log_head SET position = 8, hash = decode('{forged.hash}', 'hex')"
        await tamper(migrated_url, head)
        after = await log.verify()
        assert isinstance(after, Verified)
        assert (after.head, after.digest) != (kept.position, kept.digest)


async def test_a_row_twice_is_refused_by_the_database_and_found_where_that_was_taken_away(
    migrated_url: str,
) -> None:
    async with PostgresLog(migrated_url) as log:
        await log.append(events("a", 7))
        twice = "INSERT INTO log SELECT * FROM log WHERE position = 4"
        with pytest.raises(IntegrityError):
            await tamper(migrated_url, twice)
        await tamper(
            migrated_url,
            *(f'ALTER TABLE log DROP CONSTRAINT "{name}"' for name in await keys_of(migrated_url)),
            twice,
        )
        found = await log.verify()
        assert isinstance(found, Broken)
        assert found.position == 5


async def keys_of(url: str) -> list[str]:
    """The constraints that let no row be there twice."""
    engine = make_engine(database_url(url), pooled=False)
    try:
        async with engine.connect() as connection:
            found = await connection.execute(
                text(
                    "SELECT conname FROM pg_constraint "
                    "WHERE conrelid = 'log'::regclass AND contype IN ('p', 'u')"
                )
            )
            return sorted(found.scalars())
    finally:
        await engine.dispose()


async def test_the_end_cut_off_with_its_head_shows_in_the_digest(migrated_url: str) -> None:
    async with PostgresLog(migrated_url) as log:
        await log.append(events("a", 7))
        before = await log.verify()
        await tamper(
            migrated_url,
            "DELETE FROM log WHERE position = 7",
            "UPDATE log_head SET position = 6, hash = (SELECT hash FROM log WHERE position = 6)",
        )
        after = await log.verify()
        assert isinstance(before, Verified)
        assert isinstance(after, Verified)
        assert (after.head, after.digest == before.digest) == (6, False)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("type = 'FromTheFuture'", "a newer backfilld"),
        ("schema = 99", "a newer backfilld"),
        ("data = '{}'", "log verify"),
    ],
)
async def test_a_fact_this_version_does_not_know_is_said_to_be_so(
    migrated_url: str, change: str, reason: str
) -> None:
    async with PostgresLog(migrated_url) as log:
        await log.append(events("a", 3))
        await tamper(migrated_url, f"UPDATE log SET {change} WHERE position = 2")
        with pytest.raises(LogUnreadableError, match=reason) as raised:
            await everything(log)
        assert raised.value.position == 2
