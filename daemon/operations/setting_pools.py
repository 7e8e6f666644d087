"""Limits of pools, set while a daemon runs or not."""

import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from daemon.commands import PoolChange, configure_pool
from daemon.operations.errors import UsageError
from daemon.operations.fields import Why, said
from daemon.operations.operation import Question, operation
from daemon.operations.records import Records
from daemon.operations.typed import NONE, hours_typed
from projections.pools import Pool
from projections.world import World

_RATE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(s|sec|min|h)")
_PER_MINUTE: Final = {"s": 60.0, "sec": 60.0, "min": 1.0, "h": 1 / 60}


class SettingPool(Question, frozen=True, kw_only=True):
    """What is to change of which pool; what is not given stays as it is, ``"none"`` lifts a limit."""

    name: Annotated[str, said("A pool, as in asset(pool=NAME).")]
    slots: Annotated[
        int | Literal["none"] | None, said("At most N runs of it at the same time; 'none' lifts the limit.")
    ] = None
    rate: Annotated[
        str | None, said("At most so many launches in a time: 30/min, 2/s, 100/h; 'none' lifts the limit.")
    ] = None
    only_between: Annotated[
        str | None, said("Launch only at these hours: '22:00-06:00 Europe/Berlin'; 'none' lifts the limit.")
    ] = None
    reason: Why = None


class PoolRow(msgspec.Struct, frozen=True):
    """A pool as JSON shows it."""

    pool: str
    slots: int | None
    slots_taken: int
    rate_per_minute: float | None
    only_between: str | None
    run_ids: tuple[str, ...]
    assets: tuple[str, ...]


class PoolSet(PoolRow, frozen=True):
    """A pool after it was set."""

    changed: bool


@operation("PUT", "/pools/{name:path}")
async def set_pool(records: Records, asked: SettingPool) -> PoolSet:
    """Set limits of a pool; what is not given stays as it is. A running daemon follows at once.

    A run takes a slot from its launch to its end, and counts once against the rate. Retries count as well.
    """
    change = pool_change(asked)
    world = await records.world()
    facts = await records.record(
        world, None, lambda at_head: configure_pool(at_head, asked.name, change, asked.reason)
    )
    row = pool_row(world, world.known.pools.get(asked.name, Pool(asked.name)))
    return PoolSet(**msgspec.structs.asdict(row), changed=bool(facts))


def pool_change(asked: SettingPool) -> PoolChange:
    """What is to change.

    :raises UsageError: it makes no sense.
    """
    return PoolChange(
        slots=_slots(asked.slots), rate_per_minute=_rate(asked.rate), only_between=_hours(asked.only_between)
    )


def pool_row(world: World, pool: Pool) -> PoolRow:
    """How a pool stands."""
    return PoolRow(
        pool=pool.name,
        slots=pool.slots,
        slots_taken=len(pool.running),
        rate_per_minute=pool.rate_per_minute,
        only_between=pool.only_between,
        run_ids=tuple(pool.running),
        assets=tuple(key for key, node in world.catalog.assets.items() if node.pool == pool.name),
    )


def _slots(slots: int | Literal["none"] | None) -> int | UnsetType | None:
    if slots is None or slots == "none":
        return UNSET if slots is None else None
    if slots < 1:
        raise UsageError(f"--slots is a number from 1 on, or 'none'; {str(slots)!r} is not.")
    return slots


def _rate(text: str | None) -> float | UnsetType | None:
    if text is None or text == NONE:
        return UNSET if text is None else None
    match = _RATE.fullmatch(text.strip())
    if match is None or float(match[1]) <= 0:
        raise UsageError(
            f"--rate is a number and a time, such as 30/min, 2/s or 100/h, or 'none'; {text!r} is not."
        )
    return float(match[1]) * _PER_MINUTE[match[2]]


def _hours(text: str | None) -> str | UnsetType | None:
    if text is None or text == NONE:
        return UNSET if text is None else None
    return hours_typed(text)
