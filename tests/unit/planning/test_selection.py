"""Which assets a person means."""

import pytest

from backfilld.asset_key import AssetKey
from backfilld.assets import asset
from daemon.planning.selection import Selected, select
from daemon.refusal import Refused
from tests.story import Story


@asset(deps=[AssetKey("raw_events")], group_name="ingest", tags={"tier": "1"})
def a() -> None: ...


@asset(deps=[a], group_name="ingest", tags={"tier": "2"})
def b() -> None: ...


@asset(deps=[b], group_name="marts")
def c() -> None: ...


@asset(deps=[c], group_name="marts")
def d() -> None: ...


CATALOG = Story(a, b, c, d).world.catalog


@pytest.mark.parametrize(
    ("terms", "selected"),
    [
        (["c"], "c"),
        (["*"], "abcd"),
        (["+c"], "bc"),
        (["2+c"], "abc"),
        (["*c"], "abc"),
        (["b+"], "bc"),
        (["b+2"], "bcd"),
        (["b*"], "bcd"),
        (["+b+"], "abc"),
        (["a", "d"], "ad"),
        (["d", "a"], "ad"),
        (["group:marts"], "cd"),
        (["tag:tier=1"], "a"),
        (["tag:tier"], "ab"),
    ],
)
def test_terms_select_in_topological_order(terms: list[str], selected: str) -> None:
    assert select(CATALOG, terms) == Selected(tuple(selected))


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ([], "no asset was named; name at least one, or '*' for all"),
        (
            ["raw_events"],
            "'raw_events' is an external asset: no code location defines it, so it cannot be run",
        ),
        (["group:mart"], "there is no group 'mart'; did you mean 'marts'?"),
        (["tag:teir"], "there is no tag 'teir'; did you mean 'tier'?"),
        (["zzz"], "there is no asset 'zzz'; `backfilld assets` lists what there is"),
        (["+"], "expected a selection such as an asset's name"),
    ],
)
def test_what_selects_nothing_is_refused_with_a_way_on(terms: list[str], said: str) -> None:
    refused = select(CATALOG, terms)
    assert isinstance(refused, Refused)
    assert said in refused.reason


def test_without_any_code_it_says_so() -> None:
    refused = select(Story().world.catalog, ["*"])
    assert isinstance(refused, Refused)
    assert "load a code location" in refused.reason


def test_thousands_of_names_in_one_term_and_numbers_of_thousands_of_digits_are_read() -> None:
    assert select(CATALOG, [",".join(["a", "c"] * 2_500)]) == Selected(("a", "c"))
    refused = select(CATALOG, ["9" * 5_000 + "+a"])
    assert isinstance(refused, Refused)
    assert "expected a selection such as an asset's name" in refused.reason
