"""Where the assets of a graph stand: in layers from left to right, with few crossings."""

from collections.abc import Mapping, Sequence

import msgspec

SWEEPS = 4  # over all layers, forwards and back

NODE_WIDTH = 248
NODE_HEIGHT = 112
GAP_X = 72
GAP_Y = 20
MARGIN = 16


class Placed(msgspec.Struct, frozen=True):
    """An asset at its place, in pixels from the upper left corner."""

    asset: str
    x: int
    y: int


class Edge(msgspec.Struct, frozen=True):
    """A curve from an asset to one that needs it."""

    upstream: str
    downstream: str
    path: str  # an SVG path


class Graph(msgspec.Struct, frozen=True):
    """A graph that is laid out."""

    nodes: tuple[Placed, ...]
    edges: tuple[Edge, ...]
    width: int
    height: int


def laid_out(upstream: Mapping[str, Sequence[str]]) -> Graph:
    """The graph of assets by what they need; ``upstream`` names them in topological order.

    What is needed and not named itself is left out.
    """
    needs = {
        asset: [each for each in dict.fromkeys(needed) if each in upstream and each != asset]
        for asset, needed in upstream.items()
    }
    layers = _ordered(_layers(needs), needs)
    tallest = max((len(layer) for layer in layers), default=0)
    row = NODE_HEIGHT + GAP_Y
    places: dict[str, Placed] = {}
    for column, layer in enumerate(layers):
        above = (tallest - len(layer)) * row // 2
        for index, asset in enumerate(layer):
            x = MARGIN + column * (NODE_WIDTH + GAP_X)
            places[asset] = Placed(asset, x, MARGIN + above + index * row)
    edges = [
        Edge(each, asset, _curve(places[each], places[asset]))
        for asset, needed in needs.items()
        for each in needed
    ]
    width = 2 * MARGIN + max(len(layers) * (NODE_WIDTH + GAP_X) - GAP_X, 0)
    height = 2 * MARGIN + max(tallest * row - GAP_Y, 0)
    return Graph(tuple(places.values()), tuple(edges), width, height)


def _layers(needs: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Each asset right of all that it needs, and as far right as what needs it allows."""
    depth: dict[str, int] = {}
    for asset, needed in needs.items():
        depth[asset] = max((depth[each] + 1 for each in needed), default=0)
    needed_by: dict[str, list[str]] = {asset: [] for asset in needs}
    for asset, needed in needs.items():
        for each in needed:
            needed_by[each].append(asset)
    for asset in reversed(tuple(needs)):
        if not needs[asset] and needed_by[asset]:
            depth[asset] = min(depth[each] for each in needed_by[asset]) - 1
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for asset, layer in depth.items():
        layers[layer].append(asset)
    return layers


def _ordered(layers: list[list[str]], needs: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The layers with each asset near the middle of its neighbours."""
    needed_by: dict[str, list[str]] = {asset: [] for asset in needs}
    for asset, needed in needs.items():
        for each in needed:
            needed_by[each].append(asset)
    place = {asset: index / len(layer) for layer in layers for index, asset in enumerate(layer)}

    def sort(layer: list[str], neighbours: Mapping[str, Sequence[str]]) -> None:
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


def _middle(places: Sequence[float]) -> float:
    return sum(places) / len(places)


def _curve(start: Placed, end: Placed) -> str:
    x1, y1 = start.x + NODE_WIDTH, start.y + NODE_HEIGHT // 2
    x2, y2 = end.x, end.y + NODE_HEIGHT // 2
    bend = max((x2 - x1) // 2, GAP_X // 2)
    return f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
