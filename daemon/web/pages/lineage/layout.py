"""Where the assets of a graph stand: in layers from left to right, a group in a block of its own."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from daemon.web.pages.lineage.edges import GAP_X, GAP_Y, NODE_HEIGHT, NODE_WIDTH, Edge, Place, edges_of

SWEEPS = 4  # over all layers, forwards and back

MARGIN = 16
ROWS_MAX = 12  # of a column; what is more stands in another beside it
BLOCK_HEAD = 30  # for the name of a group
BLOCK_PAD = 14
BLOCK_GAP_X = 80
BLOCK_GAP_Y = 28
LAYER_HEIGHT_MAX = ROWS_MAX * (NODE_HEIGHT + BLOCK_GAP_Y)

Needs = Mapping[str, Sequence[str]]


class Block(msgspec.Struct, frozen=True):
    """A group of assets, and the part of the picture that is its own."""

    name: str
    x: int
    y: int
    width: int
    height: int


class Graph(msgspec.Struct, frozen=True):
    """A graph that is laid out."""

    places: dict[str, Place]  # of each asset
    edges: tuple[Edge, ...]
    blocks: tuple[Block, ...]  # none where there is one group only, nor of bare ones
    width: int
    height: int


def laid_out(
    upstream: Needs, group_of: Mapping[str, str] | None = None, *, bare: frozenset[str] = frozenset()
) -> Graph:
    """The graph of assets by what they need; ``upstream`` names those of each group in topological order.

    What is needed and not named itself is left out. Groups stand in layers too: one is right of those that
    it needs assets of, unless these need some of its own. ``bare`` groups have no block around them.
    """
    needs = {
        asset: [each for each in dict.fromkeys(needed) if each in upstream and each != asset]
        for asset, needed in upstream.items()
    }
    groups = dict.fromkeys(needs, "") if group_of is None else group_of
    within = {name: _columns(name, needs, groups) for name in dict.fromkeys(groups[asset] for asset in needs)}
    frames = {
        name: (0, 0) if name in bare or len(within) == 1 else (BLOCK_HEAD, BLOCK_PAD) for name in within
    }
    sizes = {name: _size(columns, *frames[name]) for name, columns in within.items()}
    layers = [part for layer in _group_layers(needs, groups) for part in _parted(layer, sizes)]
    heights = [sum(sizes[name][1] + BLOCK_GAP_Y for name in layer) - BLOCK_GAP_Y for layer in layers]
    places: dict[str, Place] = {}
    blocks: list[Block] = []
    x = MARGIN
    for layer, height in zip(layers, heights, strict=True):
        y = MARGIN + (max(heights) - height) // 2
        for name in sorted(layer, key=lambda name: _middle(within[name], needs, places)):
            (width, tall), (head, pad) = sizes[name], frames[name]
            if head:
                blocks.append(Block(name, x, y, width, tall))
            _place(within[name], (x + pad, y + head, tall - head - pad), places)
            y += tall + BLOCK_GAP_Y
        x += max(sizes[name][0] for name in layer) + BLOCK_GAP_X
    width, height = x - BLOCK_GAP_X + MARGIN, max(heights, default=0) + 2 * MARGIN
    return Graph(places, tuple(edges_of(places, needs)), tuple(blocks), width, height)


def _columns(name: str, needs: Needs, group_of: Mapping[str, str]) -> list[list[str]]:
    """The assets of a group in columns from left to right."""
    own = {
        asset: [each for each in needed if group_of[each] == name]
        for asset, needed in needs.items()
        if group_of[asset] == name
    }
    needed_by = _needed_by(own)
    return [
        layer[start : start + ROWS_MAX]
        for layer in _ordered(_layers(own, needed_by), own, needed_by)
        for start in range(0, len(layer), ROWS_MAX)
    ]


def _group_layers(needs: Needs, group_of: Mapping[str, str]) -> list[list[str]]:
    """The groups in layers: of two that need each other, the one comes first whose assets come early."""
    depth: dict[str, int] = {}
    depths = defaultdict[str, list[int]](list)
    for asset, needed in needs.items():
        depth[asset] = max((depth[each] + 1 for each in needed if each in depth), default=0)
        depths[group_of[asset]].append(depth[asset])
    in_order = sorted(depths, key=lambda name: (sum(depths[name]) / len(depths[name]), name))
    rank = {name: index for index, name in enumerate(in_order)}
    before: dict[str, set[str]] = {name: set() for name in in_order}
    for asset, needed in needs.items():
        own = group_of[asset]
        before[own] |= {group_of[each] for each in needed if rank[group_of[each]] < rank[own]}
    layer_of: dict[str, int] = {}
    for name in in_order:
        layer_of[name] = max((layer_of[each] + 1 for each in before[name]), default=0)
    layers: list[list[str]] = [[] for _ in range(max(layer_of.values(), default=-1) + 1)]
    for name, layer in layer_of.items():
        layers[layer].append(name)
    return layers


def _parted(layer: Sequence[str], sizes: Mapping[str, tuple[int, int]]) -> Iterator[list[str]]:
    """A layer of groups, or several beside each other where it would be too high."""
    part: list[str] = []
    height = 0
    for name in layer:
        if part and height + sizes[name][1] > LAYER_HEIGHT_MAX:
            yield part
            part, height = [], 0
        part.append(name)
        height += sizes[name][1] + BLOCK_GAP_Y
    yield part


def _size(columns: Sequence[Sequence[str]], head: int, pad: int) -> tuple[int, int]:
    rows = max(map(len, columns))
    width = len(columns) * (NODE_WIDTH + GAP_X) - GAP_X
    return width + 2 * pad, rows * (NODE_HEIGHT + GAP_Y) - GAP_Y + head + pad


def _middle(columns: Sequence[Sequence[str]], needs: Needs, places: Mapping[str, Place]) -> float:
    """How far down the assets lie that a group needs; what needs nothing stands first."""
    near = [
        places[each].y for column in columns for asset in column for each in needs[asset] if each in places
    ]
    return sum(near) / len(near) if near else 0.0


def _place(columns: Sequence[Sequence[str]], area: tuple[int, int, int], places: dict[str, Place]) -> None:
    """Give the assets of a group their places, in an area from a corner on and so high."""
    left, top, height = area
    row = NODE_HEIGHT + GAP_Y
    for column, assets in enumerate(columns):
        above = (height - len(assets) * row + GAP_Y) // 2
        for index, asset in enumerate(assets):
            places[asset] = Place(left + column * (NODE_WIDTH + GAP_X), top + above + index * row)


def _needed_by(needs: Needs) -> dict[str, list[str]]:
    needed_by: dict[str, list[str]] = {asset: [] for asset in needs}
    for asset, needed in needs.items():
        for each in needed:
            needed_by[each].append(asset)
    return needed_by


def _layers(needs: Needs, needed_by: Needs) -> list[list[str]]:
    """Each asset right of all that it needs, and as far right as what needs it allows."""
    depth: dict[str, int] = {}
    for asset, needed in needs.items():
        depth[asset] = max((depth[each] + 1 for each in needed), default=0)
    for asset in reversed(tuple(needs)):
        if not needs[asset] and needed_by[asset]:
            depth[asset] = min(depth[each] for each in needed_by[asset]) - 1
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for asset, layer in depth.items():
        layers[layer].append(asset)
    return layers


def _ordered(layers: list[list[str]], needs: Needs, needed_by: Needs) -> list[list[str]]:
    """The layers with each asset near the middle of its neighbours."""
    place = {asset: index / len(layer) for layer in layers for index, asset in enumerate(layer)}

    def sort(layer: list[str], neighbours: Needs) -> None:
        middle = {
            asset: sum(place[each] for each in near) / len(near)
            if (near := neighbours[asset])
            else place[asset]
            for asset in layer
        }
        layer.sort(key=middle.__getitem__)
        place.update((asset, index / len(layer)) for index, asset in enumerate(layer))

    for _ in range(SWEEPS):
        for layer in layers[1:]:
            sort(layer, needs)
        for layer in reversed(layers[:-1]):
            sort(layer, needed_by)
    return layers
