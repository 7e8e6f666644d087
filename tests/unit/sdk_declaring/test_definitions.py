"""Definitions: what a module declares, and what is only wrong as a whole."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from backfilld import (
    AllPartitionMapping,
    AssetDefinition,
    AssetDep,
    DailyPartitionsDefinition,
    Definitions,
    DimensionPartitionMapping,
    HourlyPartitionsDefinition,
    IdentityPartitionMapping,
    InvalidDefinitionError,
    MultiPartitionMapping,
    MultiPartitionsDefinition,
    PartitionMapping,
    PartitionsDefinition,
    StaticPartitionsDefinition,
    TimeWindowPartitionMapping,
    asset,
    define_asset_job,
)

DAILY = DailyPartitionsDefinition(start_date="2024-01-01")


def made(
    name: str, *deps: str | AssetDep, partitions_def: PartitionsDefinition | None = None
) -> AssetDefinition:
    return asset(name=name, deps=deps, partitions_def=partitions_def)(lambda: None)


def module(**values: object) -> ModuleType:
    made = ModuleType("pipeline")
    vars(made).update(values)
    return made


def test_all_assets_of_a_module_count() -> None:
    one, two, three = made("one"), made("two"), made("three")
    found = Definitions.of_module(module(a=one, b=[two, three], again=one, other=3))
    assert [str(key) for key in found.assets] == ["one", "two", "three"]


def test_a_definitions_object_says_which() -> None:
    definitions = Definitions(assets=[made("one"), [made("two")]])
    assert Definitions.of_module(module(defs=definitions, left_out=made("three"))) is definitions
    assert [str(key) for key in definitions.assets] == ["one", "two"]


def test_jobs_of_a_module_count_too() -> None:
    one, job = made("one"), define_asset_job("nightly")
    found = Definitions.of_module(module(a=one, job=job, more=[job, define_asset_job("hourly", "one")]))
    assert list(found.jobs) == ["nightly", "hourly"]
    assert not Definitions.of_module(module(defs=Definitions([one]), job=job)).jobs


ASSET_FILE = "from backfilld import asset\n\n@asset\ndef {name}() -> None: ...\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package ``lake`` with assets in its modules and their modules; `import_module` finds it."""
    folder = tmp_path / "lake"
    (folder / "deeper").mkdir(parents=True)
    for path, name in (
        ("__init__", "top"),
        ("raw", "raw"),
        ("deeper/__init__", "deep"),
        ("deeper/est", "deepest"),
    ):
        (folder / f"{path}.py").write_text(ASSET_FILE.format(name=name))
    (folder / "__main__.py").write_text("raise SystemExit(1)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "lake"]:
        del sys.modules[name]


def test_a_package_counts_with_all_modules_in_it(package: Path) -> None:
    found = Definitions.of_module(import_module("lake"))
    assert sorted(map(str, found.assets)) == ["deep", "deepest", "raw", "top"]


def test_a_definitions_in_some_module_of_a_package_says_which(package: Path) -> None:
    (package / "defs.py").write_text(
        "from backfilld import Definitions\nfrom lake.raw import raw\ndefs = Definitions([raw])\n"
    )
    assert [*map(str, Definitions.of_module(import_module("lake")).assets)] == ["raw"]


def test_a_package_that_says_which_itself_imports_nothing_more(package: Path) -> None:
    (package / "__init__.py").write_text(
        "from backfilld import Definitions\nfrom lake.raw import raw\ndefs = Definitions([raw])\n"
    )
    (package / "broken.py").write_text("import lake.nowhere\n")
    assert [*map(str, Definitions.of_module(import_module("lake")).assets)] == ["raw"]
    assert "lake.broken" not in sys.modules


def test_a_module_of_a_package_that_does_not_import_fails_it(package: Path) -> None:
    (package / "broken.py").write_text("import lake.nowhere\n")
    with pytest.raises(ModuleNotFoundError, match=r"lake\.nowhere"):
        Definitions.of_module(import_module("lake"))


def test_a_module_with_nothing_or_with_two_definitions_is_refused() -> None:
    with pytest.raises(InvalidDefinitionError, match="decorate a function with @asset"):
        Definitions.of_module(module(x=3))
    with pytest.raises(InvalidDefinitionError, match="found 2; merge them"):
        Definitions.of_module(module(a=Definitions(), b=Definitions()))


def test_keys_are_distinct() -> None:
    with pytest.raises(InvalidDefinitionError, match="two assets 'one'"):
        Definitions(assets=[made("one"), made("one")])
    same = made("one")
    assert len(Definitions(assets=[same, same]).assets) == 1


def test_what_is_no_asset_is_refused() -> None:
    with pytest.raises(InvalidDefinitionError, match="expected assets, found"):
        Definitions(assets=[len])  # type: ignore[list-item]  # wrong on purpose


def test_external_assets_are_nobodys_business() -> None:
    Definitions(assets=[made("one", "outside", partitions_def=DAILY)]).validate()


@pytest.mark.parametrize(
    ("upstream", "mapping", "downstream"),
    [
        (DAILY, IdentityPartitionMapping(), HourlyPartitionsDefinition(start_date="2024-01-01-00:00")),
        (DAILY, None, StaticPartitionsDefinition(["a"])),
        (DAILY, None, DailyPartitionsDefinition(start_date="2024-01-01", timezone="Asia/Tokyo")),
        (DAILY, TimeWindowPartitionMapping(), None),
        (None, IdentityPartitionMapping(), DAILY),
    ],
)
def test_mappings_fit_their_sides(
    upstream: PartitionsDefinition | None,
    mapping: PartitionMapping | None,
    downstream: PartitionsDefinition | None,
) -> None:
    up = made("up", partitions_def=upstream)
    down = made("down", AssetDep("up", partition_mapping=mapping), partitions_def=downstream)
    with pytest.raises(InvalidDefinitionError, match="asset 'down' can not depend on 'up': expected"):
        Definitions(assets=[up, down]).validate()
    down = made("down", AssetDep("up", partition_mapping=AllPartitionMapping()), partitions_def=downstream)
    Definitions(assets=[up, down]).validate()


def test_key_formats_are_looked_at() -> None:
    vague = HourlyPartitionsDefinition(start_date="2024-01-01", fmt="%Y-%m-%d")
    with pytest.raises(InvalidDefinitionError, match="put more of the time"):
        Definitions(assets=[made("one", partitions_def=vague)]).validate()


def test_circles_are_refused() -> None:
    assets = [made("a", "c"), made("b", "a"), made("c", "b"), made("d", "a", "b"), made("e")]
    with pytest.raises(InvalidDefinitionError, match=r"in a circle, found (?:[abc] <- ){3}[abc];"):
        Definitions(assets=assets).validate()


def test_a_long_chain_and_a_diamond_are_no_circles() -> None:
    chain = [made("n0"), *(made(f"n{at}", f"n{at - 1}", f"n{at // 2}") for at in range(3, 3000))]
    Definitions(assets=[*chain, made("n1", "n0"), made("n2", "n1")]).validate()


def test_pairs_may_need_their_own_past_along_one_dimension() -> None:
    grid = MultiPartitionsDefinition({"date": DAILY, "colour": StaticPartitionsDefinition(["red", "blue"])})

    def looking(start_offset: int, end_offset: int) -> Definitions:
        back = TimeWindowPartitionMapping(start_offset, end_offset)
        mapping = MultiPartitionMapping(
            {
                "date": DimensionPartitionMapping("date", back),
                "colour": DimensionPartitionMapping("colour", IdentityPartitionMapping()),
            }
        )
        return Definitions([made("a", AssetDep("a", partition_mapping=mapping), partitions_def=grid)])

    looking(-1, -1).validate()
    with pytest.raises(InvalidDefinitionError, match="own earlier partitions only"):
        looking(-1, 0).validate()


def test_the_past_of_one_dimension_is_not_that_of_another() -> None:
    grid = MultiPartitionsDefinition({"date": DAILY, "for": DAILY})
    back = TimeWindowPartitionMapping(-1, -1)
    crossed = MultiPartitionMapping(
        {"date": DimensionPartitionMapping("for", back), "for": DimensionPartitionMapping("date", back)}
    )
    with pytest.raises(InvalidDefinitionError, match="own earlier partitions only"):
        Definitions([made("a", AssetDep("a", partition_mapping=crossed), partitions_def=grid)]).validate()


def test_an_asset_may_need_its_own_past_only() -> None:
    def looking(start_offset: int, end_offset: int) -> Definitions:
        mapping = TimeWindowPartitionMapping(start_offset, end_offset)
        return Definitions([made("a", AssetDep("a", partition_mapping=mapping), partitions_def=DAILY)])

    looking(-1, -1).validate()
    looking(-7, -1).validate()
    for offsets in ((-1, 0), (0, 0), (1, 1)):
        with pytest.raises(InvalidDefinitionError, match="own earlier partitions only"):
            looking(*offsets).validate()
    with pytest.raises(InvalidDefinitionError, match="own earlier partitions only"):
        Definitions(assets=[made("a", "a")]).validate()
