"""Where the assets of a graph stand."""

import re
from collections.abc import Iterable
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from daemon.web.pages.lineage.edges import NODE_HEIGHT, NODE_WIDTH
from daemon.web.pages.lineage.layout import LAYER_HEIGHT_MAX, MARGIN, ROWS_MAX, Graph, laid_out


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, list[str]], dict[str, str]]:
    """What each asset needs, in topological order, and its group."""
    names = [f"a{at}" for at in range(draw(st.integers(0, 30)))]
    needs = {
        name: draw(st.lists(st.sampled_from([*names[:at], "elsewhere"]), max_size=3))
        for at, name in enumerate(names)
    }
    return needs, {name: draw(st.sampled_from("xyz")) for name in names}


def places(graph: Graph) -> dict[str, tuple[int, int]]:
    return {asset: (place.x, place.y) for asset, place in graph.places.items()}


@given(graphs())
def test_every_asset_has_a_place_of_its_own_within_the_picture(
    graph: tuple[dict[str, list[str]], dict[str, str]],
) -> None:
    needs, group_of = graph
    laid = laid_out(needs, group_of)
    at = places(laid)
    assert at.keys() == needs.keys()
    for x, y in at.values():
        assert 0 <= x <= laid.width - NODE_WIDTH
        assert 0 <= y <= laid.height - NODE_HEIGHT
    for (x1, y1), (x2, y2) in combinations(at.values(), 2):
        assert abs(x1 - x2) >= NODE_WIDTH or abs(y1 - y2) >= NODE_HEIGHT
    assert laid == laid_out(needs, group_of)


@given(graphs())
def test_a_group_stands_within_its_block_and_no_two_blocks_share_a_place(
    graph: tuple[dict[str, list[str]], dict[str, str]],
) -> None:
    needs, group_of = graph
    laid = laid_out(needs, group_of)
    at = places(laid)
    for block in laid.blocks:
        for asset in (each for each in needs if group_of[each] == block.name):
            x, y = at[asset]
            assert block.x <= x <= block.x + block.width - NODE_WIDTH
            assert block.y <= y <= block.y + block.height - NODE_HEIGHT
    for one, other in combinations(laid.blocks, 2):
        beside = one.x + one.width <= other.x or other.x + other.width <= one.x
        assert beside or one.y + one.height <= other.y or other.y + other.height <= one.y


@given(graphs())
def test_of_one_group_each_asset_is_right_of_all_that_it_needs(
    graph: tuple[dict[str, list[str]], dict[str, str]],
) -> None:
    needs, _ = graph
    at = places(laid_out(needs))
    for asset, needed in needs.items():
        assert all(at[each][0] < at[asset][0] for each in needed if each in at)


def test_a_group_is_right_of_those_it_needs_assets_of() -> None:
    needs: dict[str, list[str]] = {"raw": [], "clean": ["raw"], "report": ["clean"]}
    laid = laid_out(needs, {"raw": "ingest", "clean": "core", "report": "sales"})
    assert [block.name for block in sorted(laid.blocks, key=lambda block: block.x)] == [
        "ingest",
        "core",
        "sales",
    ]
    assert {(edge.upstream, edge.downstream) for edge in laid.edges} == {
        ("raw", "clean"),
        ("clean", "report"),
    }


def test_many_assets_of_one_layer_stand_in_several_columns() -> None:
    at = places(laid_out({f"a{number:03}": [] for number in range(100)}))
    rows = {y for _, y in at.values()}
    assert len(rows) <= 2 * ROWS_MAX


def test_groups_that_need_each_other_are_laid_out_all_the_same() -> None:
    needs = {"a": [], "b": ["a"], "c": ["b"]}
    laid = laid_out(needs, {"a": "x", "b": "y", "c": "x"})
    assert len(laid.blocks) == 2
    assert len(laid.edges) == 2


def crossed(path: str, at: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The nodes that the straight parts of a curve lie upon."""
    found = []
    for x1, y, x2 in re.findall(r"(\d+) (\d+)H(\d+)", path):
        found += [
            (x, top)
            for x, top in at
            if x < int(x2) and x + NODE_WIDTH > int(x1) and top < int(y) < top + NODE_HEIGHT
        ]
    return found


@given(graphs())
def test_no_edge_goes_through_what_stands_between_its_ends(
    graph: tuple[dict[str, list[str]], dict[str, str]],
) -> None:
    laid = laid_out(*graph)
    at = places(laid)
    for edge in laid.edges:
        assert not crossed(edge.path, at.values())
        left, right = at[edge.upstream][0] + NODE_WIDTH, at[edge.downstream][0]
        between = {x for x, _ in at.values() if left < x < right - NODE_WIDTH}
        assert edge.path.count("H") == len(between), "it crosses each column between straight"


def test_groups_without_a_block_have_the_room_of_their_nodes_alone() -> None:
    needs: dict[str, list[str]] = {"group:raw": [], "clean": ["group:raw"], "report": ["clean"]}
    group_of = {"group:raw": "raw", "clean": "core", "report": "core"}
    laid = laid_out(needs, group_of, bare=frozenset({"raw"}))
    assert [block.name for block in laid.blocks] == ["core"]
    assert laid.places["group:raw"].x < laid.places["clean"].x


def test_many_groups_of_one_layer_stand_in_several_columns() -> None:
    names = [f"group:{number:03}" for number in range(100)]
    laid = laid_out({name: [] for name in names}, {name: name for name in names}, bare=frozenset(names))
    assert laid.height <= LAYER_HEIGHT_MAX + 2 * MARGIN
    assert len(set(places(laid).values())) == 100
