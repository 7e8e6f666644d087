"""What filled an asset, as pages tell it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from daemon.fact_text import ranges_text
from daemon.operations.records import Records
from events.facts import PartitionKeys
from projections.world import World

ROWS_MAX = 50  # of a table in metadata
COLUMNS_MAX = 12

Shape = Literal["number", "text", "truth", "none", "table", "json"]


class Value(msgspec.Struct, frozen=True):
    """A value of metadata, in the shape that suits it."""

    name: str
    shape: Shape
    text: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    rows_total: int = 0


class Materialization(msgspec.Struct, frozen=True):
    """What one fact says of partitions that were filled."""

    position: int
    at: datetime
    partitions: str | None  # in words; None: the asset has none
    run_id: str | None
    backfill_id: str | None
    requested_by: str | None
    code_version: str | None
    values: tuple[Value, ...]


async def latest_of(records: Records, asset: str) -> Materialization | None:
    """The newest materialization of an asset."""
    rows = await records.materializations(asset, limit=1)
    world = await records.world()
    return materialization(rows[0], world) if rows else None


def materialization(row: Mapping[str, Any], world: World) -> Materialization:
    """What a row of the table says."""
    backfill = world.backfill(row["backfill_id"] or "")
    keys = row["partitions"]
    return Materialization(
        position=row["position"],
        at=row["at"],
        partitions=None if keys is None else ranges_text(msgspec.convert(keys, PartitionKeys)),
        run_id=row["run_id"],
        backfill_id=row["backfill_id"],
        requested_by=None if backfill is None else backfill.requested_by,
        code_version=row["code_version"],
        values=values_of(row["metadata"]),
    )


def values_of(metadata: Mapping[str, Any]) -> tuple[Value, ...]:
    """The values of metadata, each in its shape, in the order they were given."""
    return tuple(value_of(name, value) for name, value in metadata.items())


def value_of(name: str, value: Any) -> Value:  # noqa: ANN401 -- any JSON
    """A value in the shape that suits it."""
    match value:
        case None:
            return Value(name, "none", "none")
        case bool():
            return Value(name, "truth", "yes" if value else "no")
        case int() | float():
            return Value(name, "number", number_text(value))
        case str():
            return Value(name, "text", value)
        case [{}, *_] if all(isinstance(each, dict) for each in value):
            return _table(name, value)
        case _:
            return Value(name, "json", _json(value))


def number_text(value: float) -> str:
    """A number with thousands apart and no more digits than say something.

    >>> number_text(1461), number_text(0.1 + 0.2), number_text(2.5e-9)
    ('1,461', '0.3', '2.5e-09')
    """
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.10g}"


def _table(name: str, rows: list[dict[str, Any]]) -> Value:
    columns = tuple(dict.fromkeys(column for row in rows[:ROWS_MAX] for column in row))[:COLUMNS_MAX]
    cells = tuple(tuple(_cell(row.get(column)) for column in columns) for row in rows[:ROWS_MAX])
    return Value(name, "table", "", columns, cells, len(rows))


def _cell(value: Any) -> str:  # noqa: ANN401 -- any JSON
    match value:
        case None:
            return ""
        case str():
            return value
        case int() | float() if not isinstance(value, bool):
            return number_text(value)
        case _:
            return msgspec.json.encode(value).decode()


def _json(value: Any) -> str:  # noqa: ANN401 -- any JSON
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
