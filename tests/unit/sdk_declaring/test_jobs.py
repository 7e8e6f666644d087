"""Jobs and selections: which assets are meant, and what the manifest says of it."""

import json

import pytest

from backfilld import (
    AssetDefinition,
    AssetKey,
    AssetSelection,
    DailyPartitionsDefinition,
    Definitions,
    InvalidDefinitionError,
    JobDefinition,
    PartitionsDefinition,
    StaticPartitionsDefinition,
    asset,
    define_asset_job,
)
from backfilld.asset_graph import DefinedAssets
from backfilld.manifest import manifest_of, selection_from_plain, to_plain

DAILY = DailyPartitionsDefinition(start_date="2024-01-01")
COLOURS = StaticPartitionsDefinition(["red", "blue"])


def made(
    name: str,
    *deps: str,
    group: str | None = None,
    partitions_def: PartitionsDefinition | None = None,
    **tags: str,
) -> AssetDefinition:
    return asset(name=name, deps=deps, group_name=group, tags=tags, partitions_def=partitions_def)(
        lambda: None
    )


#  a -> b -> c -> d, and b -> e; x is external.
ASSETS = [
    made("a", "x", group="raw", tier="gold"),
    made("b", "a", group="raw"),
    made("c", "b", tier="silver", partitions_def=DAILY),
    made("d", "c", tier="gold", partitions_def=DAILY),
    made("e", "b", partitions_def=COLOURS),
]
GRAPH = DefinedAssets(ASSETS)
NAMED = AssetSelection.assets


@pytest.mark.parametrize(
    ("selection", "keys"),
    [
        (AssetSelection.all(), "abcde"),
        (NAMED("d", AssetKey("a"), ASSETS[1]), "abd"),
        (AssetSelection.groups("raw"), "ab"),
        (AssetSelection.groups("raw", "default"), "abcde"),
        (AssetSelection.groups("none"), ""),
        (AssetSelection.tag("tier", "gold"), "ad"),
        (AssetSelection.tag("tier"), "acd"),
        (NAMED("c").upstream(), "abc"),
        (NAMED("d").upstream(1), "cd"),
        (NAMED("d").upstream(2, include_self=False), "bc"),
        (NAMED("b").downstream(), "bcde"),
        (NAMED("b").downstream(1), "bce"),
        (NAMED("b").downstream(0), "b"),
        (NAMED("a") | AssetSelection.tag("tier", "silver"), "ac"),
        (AssetSelection.groups("raw") & AssetSelection.tag("tier"), "a"),
        (AssetSelection.all() - NAMED("b").downstream(), "a"),
        (AssetSelection.from_string("*"), "abcde"),
        (AssetSelection.from_string("+c"), "bc"),
        (AssetSelection.from_string("2+c"), "abc"),
        (AssetSelection.from_string("*d"), "abcd"),
        (AssetSelection.from_string("b+"), "bce"),
        (AssetSelection.from_string("b+2"), "bcde"),
        (AssetSelection.from_string("+b*"), "abcde"),
        (AssetSelection.from_string("group:raw, tag:tier=silver"), "abc"),
        (AssetSelection.from_string("tag:tier"), "acd"),
    ],
)
def test_selections_choose(selection: AssetSelection, keys: str) -> None:
    assert selection.select(GRAPH) == set(keys)
    plain = to_plain(selection)
    assert selection_from_plain(json.loads(json.dumps(plain))) == selection


@pytest.mark.parametrize("text", ["", "a,,b", "+", "a b+*", "a++b"])
def test_text_that_is_no_selection_is_refused(text: str) -> None:
    with pytest.raises(InvalidDefinitionError, match="expected"):
        AssetSelection.from_string(text)


def test_what_is_no_selection_in_a_manifest_is_refused() -> None:
    with pytest.raises(InvalidDefinitionError, match="expected an asset selection"):
        selection_from_plain(to_plain(DAILY))


@pytest.mark.parametrize(
    ("selection", "keys"),
    [
        (None, "abcde"),
        ("a+", "ab"),
        (["+c", ASSETS[4], AssetKey("a")], "abce"),
        (NAMED("a"), "a"),
        (["a"], "a"),
    ],
)
def test_jobs_take_selections_as_people_write_them(selection: object, keys: str) -> None:
    job = define_asset_job("nightly", selection)  # type: ignore[arg-type]  # each is one of its kinds
    assert job.selection.select(GRAPH) == set(keys)


def test_the_manifest_has_the_jobs_by_name() -> None:
    jobs = [
        define_asset_job("weekly", ["c", "d"], partitions_def=DAILY, tags={"team": "core"}),
        define_asset_job("all.of-it"),
    ]
    assert manifest_of(Definitions(ASSETS, jobs), code_location="here")["jobs"] == [
        {
            "name": "all.of-it",
            "selection": {"class": "AllAssets", "kwargs": {}},
            "partitions_def": None,
            "tags": {},
        },
        {
            "name": "weekly",
            "selection": {
                "class": "UnionOf",
                "kwargs": {
                    "left": {"class": "NamedAssets", "kwargs": {"keys": ["c"]}},
                    "right": {"class": "NamedAssets", "kwargs": {"keys": ["d"]}},
                },
            },
            "partitions_def": to_plain(DAILY),
            "tags": {"team": "core"},
        },
    ]


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        (define_asset_job("j", "aa"), "job 'j': expected a selection to name assets there are, found 'aa'"),
        (define_asset_job("j", "x"), "found 'x'"),
        (define_asset_job("j", "group:none"), "job 'j': expected its selection to have assets, found none"),
        (define_asset_job("j", []), "found none"),
        (define_asset_job("j", "*", partitions_def=DAILY), "found 'e' with StaticPartitionsDefinition"),
    ],
)
def test_jobs_that_can_not_be_are_refused_when_definitions_load(job: JobDefinition, reason: str) -> None:
    with pytest.raises(InvalidDefinitionError, match=reason):
        Definitions(ASSETS, [job]).validate()


def test_a_job_may_have_unpartitioned_assets_beside_those_of_its_partitions() -> None:
    Definitions(ASSETS, [define_asset_job("j", "*d", partitions_def=DAILY)]).validate()


def test_a_name_near_to_a_wrong_one_is_told() -> None:
    assets = [made("orders"), made("customers")]
    with pytest.raises(InvalidDefinitionError, match="did you mean 'orders'"):
        Definitions(assets, [define_asset_job("j", "order")]).validate()


def test_jobs_are_distinct_and_named() -> None:
    one = define_asset_job("one", "a")
    assert list(Definitions(ASSETS, [one, one]).jobs) == ["one"]
    with pytest.raises(InvalidDefinitionError, match="two jobs 'one'"):
        Definitions(ASSETS, [one, define_asset_job("one", "a")])
    with pytest.raises(InvalidDefinitionError, match="expected jobs, found 'one'"):
        Definitions(ASSETS, ["one"])  # type: ignore[list-item]  # wrong on purpose
    with pytest.raises(InvalidDefinitionError, match="a job's name of letters"):
        define_asset_job("one two")
