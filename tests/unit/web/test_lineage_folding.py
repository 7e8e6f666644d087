"""Which groups of the lineage are folded, and what their cards say."""

from collections.abc import Sequence

from backfilld.assets import asset
from backfilld.partitions import StaticPartitionsDefinition
from daemon.web.pages.lineage.asked import asked_of, shown_of
from daemon.web.pages.lineage.cards import shares_of
from daemon.web.pages.lineage.folding import EXTERNAL, FOLDED_FROM, Drawn, drawn_of
from projections.catalog import Catalog
from tests.story import Story

GROUPS = ("raw", "core", "mart")


def catalog_of(each: int) -> Catalog:
    """Three groups of so many assets, one after the other; the first ones need an external asset."""

    def made(group: str, number: int) -> object:
        before = {"raw": "elsewhere", "core": f"raw_{number}", "mart": f"core_{number}"}[group]

        @asset(
            name=f"{group}_{number}",
            group_name=group,
            deps=[before],
            partitions_def=StaticPartitionsDefinition(["a", "b"]),
        )
        def filled() -> None: ...

        return filled

    story = Story(*(made(group, number) for group in GROUPS for number in range(each)))
    return story.world.catalog


def drawn(catalog: Catalog, opened: Sequence[str] = (), **query: str) -> Drawn:
    asked = asked_of(catalog, query, opened=opened)
    return drawn_of(catalog, shown_of(catalog, asked), asked)


def test_few_assets_stand_for_themselves() -> None:
    catalog = catalog_of(FOLDED_FROM // 3 - 1)
    found = drawn(catalog)
    assert not found.folded
    assert set(found.needs) == {*catalog.assets, "elsewhere"}
    assert found.block_of["elsewhere"] == EXTERNAL
    assert found.needs["raw_0"] == ["elsewhere"], "an external asset is a node like others"


def test_many_assets_stand_in_a_card_for_each_group() -> None:
    found = drawn(catalog_of(FOLDED_FROM))
    assert found.needs == {
        "group:external": [],
        "group:raw": ["group:external"],
        "group:core": ["group:raw"],
        "group:mart": ["group:core"],
    }
    assert not found.assets


def test_a_group_that_is_opened_shows_its_assets_and_folds_again() -> None:
    catalog = catalog_of(FOLDED_FROM)
    found = drawn(catalog, ["core"])
    assert found.folded.keys() == {"external", "raw", "mart"}
    assert found.needs["core_7"] == ["group:raw"]
    assert len(found.assets) == FOLDED_FROM
    assert drawn(catalog, ["core", "raw"], fold="core").folded.keys() == {"external", "core", "mart"}
    assert not drawn(catalog, unfolded="on").folded


def test_a_group_that_is_asked_for_is_open_among_its_neighbours() -> None:
    found = drawn(catalog_of(FOLDED_FROM), group="core", around="near")
    assert found.folded.keys() == {"raw", "mart"}
    assert len(found.assets) == FOLDED_FROM


def test_a_search_that_leaves_few_shows_them() -> None:
    found = drawn(catalog_of(FOLDED_FROM), q="CORE_7", around="near")
    assert found.needs == {"raw_7": [], "core_7": ["raw_7"], "mart_7": ["core_7"]}


def test_what_is_external_is_found_and_leads_to_what_needs_it() -> None:
    catalog = catalog_of(3)
    assert drawn(catalog, q="elsew").needs == {"elsewhere": []}
    near = drawn(catalog, q="elsew", around="near").needs
    assert set(near) == {"elsewhere", "raw_0", "raw_1", "raw_2"}
    assert "elsewhere" in drawn(catalog, q="mart_1", around="all").needs
    assert "elsewhere" not in drawn(catalog, group="raw").needs


def test_a_box_of_a_group_selects_all_of_it() -> None:
    catalog = catalog_of(3)
    asked = asked_of(catalog, {"selection": "mart_1"}, ["group:raw", "core_2", "group:gone", "no such"])
    assert asked.chosen == {"raw_0", "raw_1", "raw_2", "core_2", "mart_1"}


def test_the_bar_of_a_group_has_its_shares_side_by_side() -> None:
    bar = shares_of({"materialized": 5, "in_progress": 0, "failed": 1, "skipped": 0, "missing": 4})
    assert [(piece.status, piece.x, piece.width) for piece in bar.pieces] == [
        ("materialized", 0, 50),
        ("failed", 50, 10),
    ]
    assert bar.label == "5 materialized, 1 failed, 4 missing of 10"
    assert shares_of(dict.fromkeys(bar.counts, 0)).pieces == ()
