"""Which groups stand in the graph as one card: where there are many assets, all that were not opened."""

from collections.abc import Sequence
from typing import Final

import msgspec

from daemon.web.pages.lineage.asked import Asked, needed_by_asset
from projections.catalog import Catalog

FOLDED_FROM: Final = 60  # assets: so many are no picture any more, but a wall
EXTERNAL: Final = "external"  # the block of assets that no code declares


class Drawn(msgspec.Struct, frozen=True):
    """The nodes of the graph, in an order in which few need one that comes later.

    A node is an asset by its key, or a group by `node_of`.
    """

    needs: dict[str, list[str]]  # the nodes that each node needs something of
    block_of: dict[str, str]  # the group of each node
    folded: dict[str, tuple[str, ...]]  # by group: its assets that are shown

    @property
    def assets(self) -> list[str]:
        """The nodes that are assets."""
        groups = set(map(node_of, self.folded))
        return [node for node in self.needs if node not in groups]


def node_of(group: str) -> str:
    """The node of a folded group, which is the term that selects it too; no asset has a colon in its key."""
    return f"group:{group}"


def group_of(catalog: Catalog, key: str) -> str:
    """The block that an asset stands in."""
    return EXTERNAL if key in catalog.external else catalog.assets[key].group


def is_foldable(catalog: Catalog, shown: Sequence[str]) -> bool:
    """Whether there are so many assets that their groups are folded."""
    return len(shown) > FOLDED_FROM and len({group_of(catalog, key) for key in shown}) > 1


def drawn_of(catalog: Catalog, shown: Sequence[str], asked: Asked) -> Drawn:
    """What stands in the picture of the assets that are shown."""
    members: dict[str, list[str]] = {}
    for key in shown:
        members.setdefault(group_of(catalog, key), []).append(key)
    is_folded = is_foldable(catalog, shown) and not asked.is_unfolded
    open_groups = {*asked.opened, asked.group} if is_folded else members.keys()
    folded = {name: tuple(keys) for name, keys in members.items() if name not in open_groups}
    node_by_asset = {key: node_of(name) for name, keys in folded.items() for key in keys}
    node_by_asset |= {key: key for key in shown if key not in node_by_asset}
    needed = needed_by_asset(catalog)
    needs: dict[str, list[str]] = {node: [] for node in _in_order(shown, node_by_asset)}
    block_of = {node_by_asset[key]: name for name, keys in members.items() for key in keys}
    for key in shown:
        own = node_by_asset[key]
        for each in needed(key):
            other = node_by_asset.get(each)
            if other is not None and other != own and other not in needs[own]:
                needs[own].append(other)
    return Drawn(needs, block_of, folded)


def _in_order(shown: Sequence[str], node_by_asset: dict[str, str]) -> list[str]:
    """The nodes by where their assets stand on the average, which go from upstream to downstream."""
    places: dict[str, list[int]] = {}
    for place, key in enumerate(shown):
        places.setdefault(node_by_asset[key], []).append(place)
    return sorted(places, key=lambda node: sum(places[node]) / len(places[node]))
