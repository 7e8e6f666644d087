"""The graph of all assets, to look at and to choose from."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal

import msgspec
from litestar import Response, get

from backfilld.partitions import UNPARTITIONED
from daemon.definition_text import kind_text
from daemon.operations.errors import UsageError
from daemon.planning.selection import select
from daemon.refusal import Refused
from daemon.web.asking import Asking
from daemon.web.pages.bars import Bar, bar_of
from daemon.web.pages.graph import NODE_HEIGHT, NODE_WIDTH, laid_out
from daemon.web.pages.looking import AnyRequest, Look, look
from daemon.web.pages.rendering import rendered
from projections.asset_status import AssetStatus, PartitionStatus
from projections.catalog import AssetNode, Catalog, partitions_at

CARDS_MAX = 600  # in one picture
COLUMNS = 40  # of the bar on a card
JOBS_SHOWN = 12

Around = Literal["", "near", "all"]
AROUND: Final[Mapping[Around, str]] = {
    "": "these alone",
    "near": "with their neighbours",
    "all": "with all upstream and downstream",
}
TOLD: Final[tuple[tuple[PartitionStatus, str], ...]] = (
    ("in_progress", "running"),
    ("failed", "failed"),
    ("skipped", "skipped"),
)


class Asked(msgspec.Struct, frozen=True):
    """What the address asks to see, and what is selected in it."""

    text: str
    group: str
    around: Around
    is_list: bool
    selection: str  # as typed
    chosen: frozenset[str]  # assets, by their boxes and by the selection
    refusal: str | None  # of the selection

    @property
    def is_narrowed(self) -> bool:
        """Whether not all assets are asked for."""
        return bool(self.text or self.group)


class Card(msgspec.Struct, frozen=True):
    """An asset as it stands."""

    node: AssetNode
    kind: str
    policy: str
    bar: Bar
    filled: str  # how much of it, in short
    counts: tuple[tuple[PartitionStatus, str], ...]  # what else there is to tell, in short
    is_selected: bool


@get("/", name="lineage")
async def lineage(request: AnyRequest, asking: Asking) -> Response[str]:
    """The graph, or the part of it that a group or a search leaves.

    :raises UsageError: the address asks for a kind of neighbours that there is not.
    """
    seen = await look(request, asking)
    catalog = seen.world.catalog
    asked = asked_of(catalog, seen.query, request.query_params.getall("asset", []))
    shown = shown_of(catalog, asked)
    is_too_much = len(shown) > CARDS_MAX
    drawn = [] if is_too_much else shown
    graph = laid_out(
        {key: [dep.asset for dep in catalog.assets[key].deps] for key in drawn},
        {key: catalog.assets[key].group for key in drawn},
    )
    groups: dict[str, int] = {}
    for node in catalog.assets.values():
        groups[node.group] = groups.get(node.group, 0) + 1
    return rendered(
        seen,
        "lineage.html",
        {
            "asked": asked,
            "graph": graph,
            "cards": cards(seen, drawn, asked.chosen),
            "card_size": (NODE_WIDTH, NODE_HEIGHT),
            "groups": dict(sorted(groups.items())),
            "around": AROUND,
            "jobs": sorted(catalog.jobs)[:JOBS_SHOWN],
            "hints": hints_of(catalog),
            "count": len(shown),
            "most": CARDS_MAX,
            "is_too_much": is_too_much,
            "total": len(catalog.assets),
            "external": sorted(catalog.external),
            "not_loaded": seen.world.known.not_loaded,
        },
    )


def asked_of(catalog: Catalog, query: Mapping[str, str], boxes: Iterable[str]) -> Asked:
    """What the address asks for.

    :raises UsageError: a part of it makes no sense.
    """
    around = query.get("around", "")
    known = next((each for each in AROUND if each == around), None)
    if known is None:
        raise UsageError(f"around: {around!r} is neither 'near' nor 'all'.")
    typed = query.get("selection", "").strip()
    selected = select(catalog, [typed]) if typed else None
    refusal = selected.reason if isinstance(selected, Refused) else None
    by_text = () if selected is None or isinstance(selected, Refused) else selected.assets
    return Asked(
        text=query.get("q", "").strip(),
        group=query.get("group", ""),
        around=known,
        is_list=query.get("view") == "list",
        selection=typed,
        chosen=frozenset(by_text) | {key for key in boxes if key in catalog.assets},
        refusal=refusal,
    )


def shown_of(catalog: Catalog, asked: Asked) -> list[str]:
    """The assets that are asked for, and those around them, upstream first."""
    found = {
        key
        for key, node in catalog.assets.items()
        if (not asked.group or node.group == asked.group) and asked.text.lower() in key.lower()
    }
    if asked.is_narrowed and asked.around:
        ups, downs = catalog.upstream, catalog.downstream
        is_once = asked.around == "near"
        found = _reached(found, ups, is_once=is_once) | _reached(found, downs, is_once=is_once)
    return [key for key in catalog.assets if key in found]


def _reached(start: set[str], neighbours: Callable[[str], tuple[str, ...]], *, is_once: bool) -> set[str]:
    found, left = set(start), list(start)
    while left:
        following = {other for key in left for other in neighbours(key)} - found
        found |= following
        left = [] if is_once else list(following)
    return found


def hints_of(catalog: Catalog) -> list[str]:
    """What a selection may name beside assets."""
    groups = {f"group:{node.group}" for node in catalog.assets.values()}
    tags = {f"tag:{name}={value}" for node in catalog.assets.values() for name, value in node.tags.items()}
    return [*(f"job:{name}" for name in sorted(catalog.jobs)), *sorted(groups), *sorted(tags)][:100]


def cards(seen: Look, keys: Iterable[str], chosen: frozenset[str]) -> dict[str, Card]:
    """The assets as they stand."""
    now = seen.records.now()
    statuses, catalog = seen.world.statuses(now), seen.world.catalog
    made = {}
    for key in keys:
        node = catalog.assets[key]
        existing = partitions_at(node.definition, now)
        bits = statuses.get(key, AssetStatus()).bits_by_status(existing.all())
        bar = bar_of(bits, 0, len(existing), columns=COLUMNS)
        made[key] = Card(
            node=node,
            kind=kind_text(node.definition),
            policy=node.policy_text if node.definition is not None else "one run",
            bar=bar,
            filled=filled_text(bar, is_partitioned=existing is not UNPARTITIONED),
            counts=tuple(
                (status, f"{short(bar.counts[status])} {words}" if bar.count > 1 else words)
                for status, words in TOLD
                if bar.counts[status]
            ),
            is_selected=key in chosen,
        )
    return made


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
