"""The manifest: plain JSON that says all, and definitions that come back from it as they went."""

import json
import platform
from datetime import UTC, datetime
from pathlib import PurePosixPath

import pytest

from backfilld import (
    AssetDep,
    BackfillPolicy,
    Backoff,
    DailyPartitionsDefinition,
    Definitions,
    InvalidDefinitionError,
    Jitter,
    MonthlyPartitionsDefinition,
    RetryPolicy,
    StaticPartitionsDefinition,
    TimeWindowPartitionMapping,
    asset,
)
from backfilld.manifest import (
    manifest_of,
    mapping_from_plain,
    partitions_definition_from_plain,
    to_plain,
)
from backfilld.version import VERSION

DAILY = DailyPartitionsDefinition(
    start_date="2024-01-01",
    end_date=datetime(2024, 3, 1, tzinfo=UTC),
    hour_offset=2,
    exclusions=["0 2 * * 0"],
)


WHOLE = {
    "version": 2,
    "code_location": "demo",
    "sdk_version": VERSION,
    "python_version": platform.python_version(),
    "assets": [
        {
            "key": "a",
            "group": "g",
            "description": "Doc.",
            "partitions_def": {
                "class": "DailyPartitionsDefinition",
                "kwargs": {
                    "start_date": "2024-01-01",
                    "end_date": {"datetime": "2024-03-01T00:00:00+00:00"},
                    "hour_offset": 2,
                    "exclusions": ["0 2 * * 0"],
                },
            },
            "deps": [
                {"asset": "lake/b_c", "mapping": None},
                {
                    "asset": "a",
                    "mapping": {
                        "class": "TimeWindowPartitionMapping",
                        "kwargs": {"start_offset": -2, "end_offset": -1},
                    },
                },
            ],
            "backfill_policy": {"max_partitions_per_run": None},
            "retry_policy": {
                "max_retries": 3,
                "delay_s": 1.5,
                "backoff": "linear",
                "jitter": "plus_minus",
            },
            "timeout_s": 90.0,
            "pool": "p",
            "code_version": "1",
            "tags": {"k": "v"},
            "metadata": {"path": "x/y", "rows": [1, 2.5, None, True], "at": {"1": "x"}},
        },
        {
            "key": "lake/b_c",
            "group": "default",
            "description": None,
            "partitions_def": None,
            "deps": [{"asset": "raw", "mapping": None}],
            "backfill_policy": None,
            "retry_policy": None,
            "timeout_s": None,
            "pool": None,
            "code_version": None,
            "tags": {},
            "metadata": {},
        },
    ],
    "jobs": [],
}


def test_the_whole_shape() -> None:
    @asset(name="b/c".replace("/", "_"), key_prefix="lake", deps=["raw"])
    def plain() -> None: ...

    @asset(
        partitions_def=DAILY,
        deps=[AssetDep("lake/b_c"), AssetDep("a", partition_mapping=TimeWindowPartitionMapping(-2, -1))],
        backfill_policy=BackfillPolicy.single_run(),
        retry_policy=RetryPolicy(max_retries=3, delay=1.5, backoff=Backoff.LINEAR, jitter=Jitter.PLUS_MINUS),
        group_name="g",
        timeout_s=90,
        pool="p",
        code_version="1",
        tags={"k": "v"},
        metadata={"path": PurePosixPath("x/y"), "rows": [1, 2.5, None, True], "at": {1: "x"}},
    )
    def a() -> None:
        """Doc."""

    manifest = manifest_of(Definitions(assets=[plain, a]), code_location="demo")
    assert json.loads(json.dumps(manifest)) == manifest
    assert manifest == WHOLE
    assert partitions_definition_from_plain(manifest["assets"][0]["partitions_def"]) == DAILY


def test_only_valid_definitions_have_a_manifest() -> None:
    @asset(deps=["two"])
    def one() -> None: ...

    @asset(deps=["one"])
    def two() -> None: ...

    with pytest.raises(InvalidDefinitionError, match="circle"):
        manifest_of(Definitions(assets=[one, two]), code_location="demo")


@pytest.mark.parametrize(
    "definition",
    [
        DAILY,
        MonthlyPartitionsDefinition(start_date="Jan 2024", fmt="%b %Y", day_offset=31),
        MonthlyPartitionsDefinition(start_date="2024-01-01", end_offset=-1, timezone="Asia/Kolkata"),
        StaticPartitionsDefinition(["b", "a", ""]),
    ],
    ids=repr,
)
def test_definitions_come_back(definition: DailyPartitionsDefinition) -> None:
    again = partitions_definition_from_plain(json.loads(json.dumps(to_plain(definition))))
    assert again == definition
    assert type(again) is type(definition)


def test_no_definition_stays_none() -> None:
    assert partitions_definition_from_plain(None) is None


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(InvalidDefinitionError, match="another version of the SDK"):
        mapping_from_plain({"class": "MagicMapping", "kwargs": {}})
    with pytest.raises(InvalidDefinitionError, match="expected a partition mapping"):
        mapping_from_plain(to_plain(DAILY))
    with pytest.raises(InvalidDefinitionError, match="expected a partitions definition"):
        partitions_definition_from_plain(to_plain(TimeWindowPartitionMapping()))
