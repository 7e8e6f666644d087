"""How far the assets of a backfill have come, as bars."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from projections.progress import AssetCounts

ASSETS_SHOWN_MAX: Final = 200
STATES: Final = ("materialized", "in_progress", "failed", "skipped", "canceled", "waiting")


class Part(msgspec.Struct, frozen=True):
    """A piece of a bar, in per cent of it."""

    state: str
    x: float
    width: float


class Row(msgspec.Struct, frozen=True):
    """An asset, or all of them together."""

    name: str
    counts: AssetCounts
    parts: tuple[Part, ...]

    @property
    def percent(self) -> int:
        """How much of it is settled, rounded down: 100 only at the end."""
        return 100 * self.counts.settled // self.counts.targeted if self.counts.targeted else 100

    @property
    def label(self) -> str:
        """The counts in words, for whoever does not see the bar."""
        told = [f"{count:,} {state.replace('_', ' ')}" for state, count in self.states.items() if count]
        return f"{', '.join(told)} of {self.counts.targeted:,}"

    @property
    def states(self) -> dict[str, int]:
        """The counts that add up to what is targeted."""
        return {state: getattr(self.counts, state) for state in STATES}


def row_of(name: str, counts: AssetCounts) -> Row:
    """The bar of these counts."""
    return Row(name, counts, tuple(_parts(counts)))


def rows_of(progress: Mapping[str, AssetCounts]) -> tuple[Row, ...]:
    """A bar for each of the first assets."""
    return tuple(row_of(asset, counts) for asset, counts in [*progress.items()][:ASSETS_SHOWN_MAX])


def total_of(progress: Mapping[str, AssetCounts]) -> AssetCounts:
    """The counts of all assets together."""
    names = [field.name for field in msgspec.structs.fields(AssetCounts)]
    return AssetCounts(*(sum(getattr(counts, name) for counts in progress.values()) for name in names))


def _parts(counts: AssetCounts) -> Iterator[Part]:
    """What is settled or under way, from the left; what waits is the bar's ground."""
    x = 0.0
    for state in STATES[:-1]:
        width = 100 * getattr(counts, state) / counts.targeted if counts.targeted else 0
        if width:
            yield Part(state, round(x, 3), round(width, 3))
        x += width
