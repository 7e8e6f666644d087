"""What the cards of the lineage say: of an asset, of an external one, and of a group that is folded."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

import msgspec
from pyroaring import BitMap

from backfilld.partitions import UNPARTITIONED
from daemon.definition_text import kind_text
from daemon.planning.selection import Selected, select
from daemon.web.pages.bars import HEIGHT, STACKED, Bar, Piece, bar_of
from daemon.web.pages.lineage.folding import Drawn, node_of
from daemon.web.pages.looking import Look
from projections.asset_status import PARTITION_STATUSES, AssetStatus, PartitionStatus
from projections.catalog import AssetNode, Catalog, partitions_at

COLUMNS: Final = 40  # of the bar on a card
TOLD: Final[tuple[tuple[PartitionStatus, str], ...]] = (
    ("in_progress", "running"),
    ("failed", "failed"),
    ("skipped", "skipped"),
)
Counts = tuple[tuple[PartitionStatus, str], ...]


class Card(msgspec.Struct, frozen=True):
    """An asset as it stands."""

    node: AssetNode
    kind: str
    policy: str
    bar: Bar
    filled: str  # how much of it, in short
    counts: Counts  # what else there is to tell, in short
    is_selected: bool


class GroupCard(msgspec.Struct, frozen=True):
    """The assets of a folded group as they stand together."""

    name: str
    term: str | None  # that selects all of them; None: no term does, or not all are shown
    assets: int
    bar: Bar  # the partitions of all of them by status, whichever they are
    filled: str
    counts: Counts
    chosen: tuple[str, ...]  # of its assets, those that are selected

    @property
    def is_selected(self) -> bool:
        """Whether all of it is."""
        return len(self.chosen) == self.assets


def cards(seen: Look, keys: Iterable[str], chosen: frozenset[str]) -> dict[str, Card]:
    """The declared ones of the assets as they stand."""
    now = seen.records.now()
    statuses, declared = seen.world.statuses(now), seen.world.catalog.assets
    found = [declared[key] for key in keys if key in declared]
    return {node.key: _card(node, statuses.get(node.key), now, node.key in chosen) for node in found}


def _card(node: AssetNode, status: AssetStatus | None, now: datetime, is_selected: bool) -> Card:  # noqa: FBT001
    existing = partitions_at(node.definition, now)
    bar = bar_of(_bits(node, status, now), 0, len(existing), columns=COLUMNS)
    return Card(
        node=node,
        kind=kind_text(node.definition),
        policy=node.policy_text if node.definition is not None else "one run",
        bar=bar,
        filled=filled_text(bar, is_partitioned=existing is not UNPARTITIONED),
        counts=_told(bar),
        is_selected=is_selected,
    )


def _bits(node: AssetNode, status: AssetStatus | None, now: datetime) -> dict[PartitionStatus, BitMap]:
    existing = partitions_at(node.definition, now)
    return (status or AssetStatus()).bits_by_status(existing.all())


def group_cards(seen: Look, drawn: Drawn, chosen: frozenset[str]) -> dict[str, GroupCard]:
    """The folded groups as they stand, by their nodes."""
    now = seen.records.now()
    statuses, catalog = seen.world.statuses(now), seen.world.catalog

    def standing(keys: Iterable[str]) -> Bar:
        totals = Counter[PartitionStatus]()
        for node in (catalog.assets[key] for key in keys if key in catalog.assets):
            bits = _bits(node, statuses.get(node.key), now)
            totals.update({status: len(found) for status, found in bits.items()})
        return shares_of({status: totals[status] for status in PARTITION_STATUSES})

    return {
        node_of(name): _group_card(catalog, name, keys, standing(keys), chosen)
        for name, keys in drawn.folded.items()
    }


def _group_card(
    catalog: Catalog, name: str, keys: tuple[str, ...], bar: Bar, chosen: frozenset[str]
) -> GroupCard:
    found = select(catalog, [node_of(name)])
    is_whole = isinstance(found, Selected) and set(found.assets) == set(keys)
    return GroupCard(
        name=name,
        term=node_of(name) if is_whole else None,
        assets=len(keys),
        bar=bar,
        filled=filled_text(bar, is_partitioned=True) if bar.count else "",
        counts=_told(bar),
        chosen=tuple(key for key in keys if key in chosen),
    )


def shares_of(counts: Mapping[PartitionStatus, int]) -> Bar:
    """A bar of what stands how, side by side: of partitions that have no order among them."""
    total = sum(counts.values())

    def pieces() -> Iterator[Piece]:
        x = 0.0
        for status in STACKED:
            width = 100 * counts[status] / total if total else 0.0
            if width:
                yield Piece(status, round(x, 3), 0, round(width, 3), HEIGHT)
            x += width

    return Bar(0, total, tuple(pieces()), dict(counts))


def _told(bar: Bar) -> Counts:
    return tuple(
        (status, f"{short(bar.counts[status])} {words}" if bar.count > 1 else words)
        for status, words in TOLD
        if bar.counts[status]
    )


def filled_text(bar: Bar, *, is_partitioned: bool) -> str:
    """How much of an asset is materialized, in short."""
    if not is_partitioned:
        return {1: "materialized"}.get(bar.counts["materialized"]) or (
            "missing" if bar.counts["missing"] else ""
        )
    if not bar.count:
        return "no partitions yet"
    return f"{short(bar.counts['materialized'])} of {short(bar.count)}"


def short(count: int) -> str:
    """A count with three digits that say something, never rounded up.

    >>> short(9999), short(12345), short(999999), short(1234567)
    ('9,999', '12.3k', '999k', '1.23M')
    """
    if count < 10_000:
        return f"{count:,}"
    for unit, size in (("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000)):
        if count < 1_000 * size or unit == "G":
            whole = count // size
            decimals = max(0, 3 - len(str(whole)))
            tenths = count * 10**decimals // size
            return f"{whole}.{str(tenths)[len(str(whole)) :]}{unit}" if decimals else f"{whole:,}{unit}"
    raise AssertionError("the last unit takes every count")
