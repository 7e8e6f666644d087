"""What the launch form's fields mean, and what a plan looks like beside them."""

from backfilld.assets import asset
from backfilld.partitions import (
    DailyPartitionsDefinition,
    MultiPartitionsDefinition,
    StaticPartitionsDefinition,
)
from daemon.planning.planned import PlannedBackfill
from daemon.web.pages.launch.asked import Meant, meant_alone
from daemon.web.pages.launch.pictures import picture_of
from daemon.web.pages.launch.preview import preview_of
from daemon.web.pages.launch.typed import Typed, TypedText, typed_of
from projections.asset_status import AssetStatus
from tests.story import Story

DAYS = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-04-10")
ODD = StaticPartitionsDefinition(["a=1", "b"])


@asset(partitions_def=DAYS)
def raw() -> None: ...


@asset(partitions_def=DAYS)
def other() -> None: ...


@asset(partitions_def=StaticPartitionsDefinition(["x", "y"]), deps=[])
def letters() -> None: ...


@asset(partitions_def=MultiPartitionsDefinition({"odd": ODD, "date": DAYS}))
def pairs() -> None: ...


STORY = Story(raw, other, letters, pairs)


def of(**fields: object) -> Meant:
    world = STORY.world
    return meant_alone(world.catalog, world.statuses(STORY.now), Typed(**fields), STORY.now)  # type: ignore[arg-type]  # each test gives what fits


def texts(found: Meant) -> tuple[str, ...]:
    assert found.wanted is not None, found.errors
    return found.wanted.partitions


def test_fields_are_read_in_their_order_and_unknown_ones_are_left() -> None:
    typed = typed_of(
        [
            ("asset", "raw"),
            ("asset", "raw"),
            ("of", "raw"),
            ("along", ""),
            ("text", " 2024-* "),
            ("which", "nonsense"),
            ("strange", "x"),
            ("strict", "1"),
        ]
    )
    assert typed == Typed(assets=("raw",), texts=(TypedText("raw", "", "2024-*"),), strict=True)
    assert typed_of([("partitions", "2024-*")]).which == "text"


def test_roots_that_are_alike_share_a_text_and_others_have_their_own() -> None:
    two = (TypedText("raw", "", "2024-01-02"),)
    assert texts(of(assets=("raw", "other"), which="text", texts=two)) == ("2024-01-02",)
    three = (*two, TypedText("letters", "", "x"))
    assert set(texts(of(assets=("raw", "other", "letters"), which="text", texts=three))) == {
        "raw=2024-01-02",
        "other=2024-01-02",
        "letters=x",
    }


def test_the_text_of_an_address_fills_the_fields_of_each_dimension() -> None:
    found = of(assets=("pairs",), which="text", partitions=("date=2024-01-0*, odd=b",))
    assert [(field.dimension, field.text) for field in found.roots[0].fields] == [
        ("date", "[2024-01-01...2024-01-09]"),
        ("odd", "b"),
    ]
    assert texts(found) == ("date=[2024-01-01...2024-01-09], odd=b",)
    mixed = '2024-01-01|b; 2024-01-02|"a=1"'
    found = of(assets=("pairs",), which="text", partitions=(mixed,))
    assert [(field.dimension, field.text) for field in found.roots[0].fields] == [("", mixed)]
    assert texts(found) == (mixed,)


def test_a_dimension_left_empty_is_meant_whole_and_odd_keys_are_quoted_in_what_is_offered() -> None:
    found = of(assets=("pairs",), which="text", texts=(TypedText("pairs", "date", "2024-01-02"),))
    assert texts(found) == ("date=2024-01-02",)
    assert found.roots[0].fields[1].example == '["a=1"...b]'
    nothing = of(assets=("pairs",), which="text")
    assert nothing.has_bad_texts
    assert nothing.found is None


def test_a_plan_is_shown_by_the_first_runs_of_each_group() -> None:
    found = of(assets=("raw", "letters"), which="all").found
    assert isinstance(found, PlannedBackfill)
    preview = preview_of(found)
    shown = [(run.number, run.assets, run.more) for run in preview.runs]
    assert shown[-1] == (8, ("raw",), 94)
    assert [number for number, _, _ in shown] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert len(preview_of(found, listed=500).runs) == preview.runs_total == 102


def test_pictures_say_which_keys_their_columns_hold() -> None:
    picture = picture_of(of(assets=("letters",)).roots[0], AssetStatus())
    assert picture is not None
    assert (picture.columns, picture.rows) == ('[["x","x"],["y","y"]]', "")
    grid = picture_of(of(assets=("pairs",)).roots[0], AssetStatus())
    assert grid is not None
    assert grid.is_grid
    assert grid.columns.startswith('[["2024-01-01",')
    assert (grid.into, grid.into_rows) == (0, 1)
