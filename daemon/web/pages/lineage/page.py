"""The page `/`: the graph of all assets or the list, or of the part that a search or a group leaves."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import msgspec
from litestar import Response, get

from daemon.web.asking import Asking
from daemon.web.pages.lineage.asked import AROUND, asked_of, hints_of, shown_of
from daemon.web.pages.lineage.cards import GroupCard, cards, group_cards
from daemon.web.pages.lineage.edges import NODE_HEIGHT, NODE_WIDTH
from daemon.web.pages.lineage.folding import Drawn, drawn_of, is_foldable, node_of
from daemon.web.pages.lineage.layout import laid_out
from daemon.web.pages.looking import AnyRequest, look
from daemon.web.pages.rendering import rendered

CARDS_MAX: Final = 600  # in one picture
JOBS_SHOWN: Final = 12


class Section(msgspec.Struct, frozen=True):
    """A group in the list."""

    name: str
    nodes: list[str]  # its assets
    folded: GroupCard | None  # that stands for them


@get("/", name="lineage")
async def lineage(request: AnyRequest, asking: Asking) -> Response[str]:
    """The graph, or the part of it that a group or a search leaves.

    :raises UsageError: the address asks for a kind of neighbours that there is not.
    """
    seen = await look(request, asking)
    catalog, params = seen.world.catalog, request.query_params
    asked = asked_of(catalog, seen.query, params.getall("asset", []), params.getall("open", []))
    shown = shown_of(catalog, asked)
    drawn = drawn_of(catalog, shown, asked)
    is_too_much = len(drawn.needs) > CARDS_MAX
    if is_too_much:
        drawn = Drawn({}, {}, {})
    folded = group_cards(seen, drawn, asked.chosen)
    groups = Counter(node.group for node in catalog.assets.values())
    return rendered(
        seen,
        "lineage.html",
        {
            "asked": asked,
            "graph": laid_out(drawn.needs, drawn.block_of, bare=frozenset(drawn.folded)),
            "cards": cards(seen, drawn.assets, asked.chosen),
            "group_cards": folded,
            "sections": sections_of(drawn, folded),
            "is_foldable": is_foldable(catalog, shown),
            "is_folded": bool(folded),
            "card_size": (NODE_WIDTH, NODE_HEIGHT),
            "groups": dict(sorted(groups.items())),
            "around": AROUND,
            "jobs": sorted(catalog.jobs)[:JOBS_SHOWN],
            "hints": hints_of(catalog),
            "count": sum(key in catalog.assets for key in shown),
            "is_empty": not shown,
            "most": CARDS_MAX,
            "is_too_much": is_too_much,
            "total": len(catalog.assets),
            "external_total": len(catalog.external),
            "not_loaded": seen.world.known.not_loaded,
        },
    )


def sections_of(drawn: Drawn, folded: Mapping[str, GroupCard]) -> list[Section]:
    """The groups by name, with what stands of them in the picture."""
    nodes: dict[str, list[str]] = {}
    for node, name in sorted(drawn.block_of.items(), key=lambda each: each[1]):
        nodes.setdefault(name, []).append(node)
    return [Section(name, keys, folded.get(node_of(name))) for name, keys in nodes.items()]
