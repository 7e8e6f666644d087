"""The graph of all assets, to look at and to choose from."""

from collections.abc import Mapping

import msgspec
from litestar import Response, get

from daemon.definition_text import kind_text
from daemon.planning.selection import select
from daemon.refusal import Refused
from daemon.web.asking import Asking
from daemon.web.pages.bars import Bar, bar_of
from daemon.web.pages.graph import NODE_HEIGHT, NODE_WIDTH, Placed, laid_out
from daemon.web.pages.looking import AnyRequest, Look, look
from daemon.web.pages.rendering import rendered
from projections.asset_status import AssetStatus
from projections.catalog import AssetNode, partitions_at


class Card(msgspec.Struct, frozen=True):
    """An asset in the graph."""

    place: Placed
    node: AssetNode
    kind: str
    policy: str
    bar: Bar
    is_selected: bool


@get("/", name="lineage")
async def lineage(request: AnyRequest, asking: Asking) -> Response[str]:
    """The graph, or the part of it that a group or a search leaves."""
    seen = await look(request, asking)
    query = seen.query
    group, text, typed = (
        query.get("group", ""),
        query.get("q", "").strip(),
        query.get("selection", "").strip(),
    )
    catalog = seen.world.catalog
    selected = select(catalog, [typed]) if typed else None
    chosen = () if selected is None or isinstance(selected, Refused) else selected.assets
    shown = {
        key: node
        for key, node in catalog.assets.items()
        if (not group or node.group == group) and text.lower() in key.lower()
    }
    graph = laid_out({key: [dep.asset for dep in node.deps] for key, node in shown.items()})
    return rendered(
        seen,
        "lineage.html",
        {
            "graph": graph,
            "cards": cards(seen, shown, graph.nodes, frozenset(chosen)),
            "card_width": NODE_WIDTH,
            "card_height": NODE_HEIGHT,
            "groups": sorted({node.group for node in catalog.assets.values()}),
            "group": group,
            "text": text,
            "typed": typed,
            "refusal": selected.reason if isinstance(selected, Refused) else None,
            "total": len(catalog.assets),
            "external": sorted(catalog.external),
            "not_loaded": seen.world.known.not_loaded,
        },
    )


def cards(
    seen: Look, shown: Mapping[str, AssetNode], places: tuple[Placed, ...], chosen: frozenset[str]
) -> list[Card]:
    """The assets as they stand."""
    now = seen.records.now()
    statuses = seen.world.statuses(now)
    made = []
    for place in places:
        node = shown[place.asset]
        existing = partitions_at(node.definition, now)
        bits = statuses.get(place.asset, AssetStatus()).bits_by_status(existing.all())
        made.append(
            Card(
                place=place,
                node=node,
                kind=kind_text(node.definition),
                policy=node.policy_text if node.definition is not None else "one run",
                bar=bar_of(bits, 0, len(existing), columns=60),
                is_selected=place.asset in chosen,
            )
        )
    return made
