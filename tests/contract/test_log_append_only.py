"""The database itself keeps the log append-only, and its chain of hashes tells who got round that."""

import pytest
from sqlalchemy.exc import DBAPIError

from events.errors import LogUnreadableError
from events.facts import PartitionKeys, PartitionMaterialized
from events.postgres import PostgresLog
from events.verifying import Broken, Verified
from tests.contract.test_log import ODD_VALUES
from tests.contract.told import event, events, everything
from tests.databases import administer

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


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
async def test_a_change_of_any_column_is_found_at_its_row(migrated_url: str, change: str) -> None:
    fact = PartitionMaterialized("a", PartitionKeys((("d", "d"),), 1), metadata={"rows": 2})
    async with PostgresLog(migrated_url) as log:
        await log.append([event(str(n), fact, backfill_id="b") for n in range(1, 8)])
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
