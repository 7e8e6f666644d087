"""What the tables say of single partitions of an asset: read by index, and no more than is asked for.

A row is about one key, or about more: those of one key are looked up by it, and of the others the newest are
read, of which only a partitions definition can say whose they are.
"""

from collections.abc import Sequence
from hashlib import md5
from typing import Any, Final

import msgspec
from sqlalchemy import Boolean, ColumnElement, Table, and_, bindparam, func, literal_column, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlalchemy.ext.asyncio import AsyncConnection

NUMBERS_MAX: Final = 12  # names of numbers that are read of one fact's metadata

_NUMBERS: Final = f"""
(SELECT coalesce(jsonb_object_agg(name, value), '{{}}') FROM (
    SELECT key AS name, value FROM jsonb_each(metadata) WHERE jsonb_typeof(value) = 'number'
    ORDER BY key LIMIT {NUMBERS_MAX}) AS numbers) AS numbers
"""  # noqa: S608 -- of constants alone

# The conditions on `partitions` are those of the indexes, word by word.
_ONE: Final = "partitions ->> 'count' = '1'"
_MANY: Final = "(partitions IS NULL OR partitions ->> 'count' <> '1')"
_SAME_KEY: Final = f"""
{_ONE} AND md5(partitions #>> '{{ranges,0,0}}') = md5(asked.key)
AND partitions #>> '{{ranges,0,0}}' = asked.key
"""
_FILLED: Final = f"position, partitions, at, run_id, backfill_id, code_version, {_NUMBERS}"
_UNFILLED: Final = "position, partitions, id AS run_id, backfill_id, status, launched_at, ended_at, error"

FILLED_BY_KEY: Final = f"""
SELECT found.* FROM unnest(:keys) AS asked (key) CROSS JOIN LATERAL (
    SELECT {_FILLED} FROM materializations
    WHERE asset = :asset AND {_SAME_KEY} AND position <= :upto
    ORDER BY position DESC LIMIT :each) AS found
ORDER BY found.position DESC LIMIT :most
"""  # noqa: S608 -- of constants alone
FILLED_OF_MANY: Final = f"""
SELECT {_FILLED} FROM materializations
WHERE asset = :asset AND {_MANY} AND position <= :upto
ORDER BY position DESC LIMIT :most
"""  # noqa: S608 -- of constants alone
UNFILLED_BY_KEY: Final = f"""
SELECT found.* FROM unnest(:keys) AS asked (key) CROSS JOIN LATERAL (
    SELECT {_UNFILLED} FROM runs
    WHERE status <> 'succeeded' AND {_SAME_KEY} AND position <= :upto
    AND assets @> jsonb_build_array(CAST(:asset AS text))
    ORDER BY position DESC LIMIT :each) AS found
ORDER BY found.position DESC LIMIT :most
"""  # noqa: S608 -- of constants alone
UNFILLED_OF_MANY: Final = f"""
SELECT {_UNFILLED} FROM runs
WHERE status <> 'succeeded' AND {_MANY} AND position <= :upto
AND assets @> jsonb_build_array(CAST(:asset AS text))
ORDER BY position DESC LIMIT :most
"""  # noqa: S608 -- of constants alone


_JSON: Final = {"partitions": JSONB(), "numbers": JSONB()}


class OfPartitions(msgspec.Struct, frozen=True):
    """Rows of the tables, the newest first; those about more than one key may be about others altogether."""

    filled: list[dict[str, Any]]  # of materializations, with the ``numbers`` of their metadata
    unfilled: list[dict[str, Any]]  # of runs that did not succeed, or not yet


async def of_partitions(
    connection: AsyncConnection,
    asset: str,
    keys: Sequence[str],
    *,
    upto: int,
    each: int,
    many: int,
) -> OfPartitions:
    """What is known of these partitions: ``each`` rows of every key, and ``many`` about more than one."""
    given = {"asset": asset, "upto": upto, "keys": list(keys), "each": each, "most": each * len(keys)}

    async def rows(by_key: str, of_many: str) -> list[dict[str, Any]]:
        single = text(by_key).bindparams(bindparam("keys", type_=ARRAY(TEXT))).columns(**_JSON)
        found = list((await connection.execute(single, given)).mappings()) if keys else []
        wide = {"asset": asset, "upto": upto, "most": many}
        found += (await connection.execute(text(of_many).columns(**_JSON), wide)).mappings()
        return sorted(map(dict, found), key=lambda row: -row["position"])

    filled = await rows(FILLED_BY_KEY, FILLED_OF_MANY)
    unfilled = await rows(UNFILLED_BY_KEY, UNFILLED_OF_MANY)
    return OfPartitions(filled, unfilled)


UNFILLED: Final = literal_column("runs.status <> 'succeeded'", Boolean)


def of_one(table: Table, keys: Sequence[str]) -> ColumnElement[bool]:
    """Whether a row of a table is about one of these keys alone."""
    key = literal_column(f"{table.name}.partitions #>> '{{ranges,0,0}}'", TEXT)
    digests = [md5(each.encode(), usedforsecurity=False).hexdigest() for each in keys]
    is_one = literal_column(f"{table.name}.partitions ->> 'count' = '1'", Boolean)
    return and_(is_one, func.md5(key).in_(digests), key.in_(keys))


def of_many(table: Table) -> ColumnElement[bool]:
    """Whether a row of a table is about more than one key, or about an asset that has none."""
    name = table.name
    return literal_column(f"({name}.partitions IS NULL OR {name}.partitions ->> 'count' <> '1')", Boolean)
