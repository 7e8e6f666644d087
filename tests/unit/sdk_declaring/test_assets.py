"""What `asset` makes of a function, and what it refuses."""

import pytest

from backfilld import (
    AssetDefinition,
    AssetDep,
    AssetExecutionContext,
    AssetKey,
    BackfillPolicy,
    DailyPartitionsDefinition,
    InvalidDefinitionError,
    MaterializeResult,
    RetryPolicy,
    TimeWindowPartitionMapping,
    asset,
)

DAILY = DailyPartitionsDefinition(start_date="2024-01-01")


def test_without_parentheses_the_function_says_it_all() -> None:
    @asset
    def raw_events() -> None:
        """Events as they came."""

    assert isinstance(raw_events, AssetDefinition)
    assert raw_events.key == AssetKey("raw_events")
    assert raw_events.description == "Events as they came."
    assert raw_events.group_name == "default"
    assert raw_events.partitions_def is None
    assert raw_events.deps == ()
    assert not raw_events.takes_context


def test_every_option_is_kept() -> None:
    mapping = TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)

    @asset
    def upstream() -> None: ...

    @asset(
        partitions_def=DAILY,
        deps=["a/b", AssetKey("c"), upstream, AssetDep("lake/clean", partition_mapping=mapping)],
        backfill_policy=BackfillPolicy.multi_run(7),
        name="clean",
        key_prefix=["lake"],
        group_name="bronze",
        description="Clean events.",
        metadata={"rows": 3},
        tags={"team": "core"},
        retry_policy=RetryPolicy(max_retries=2, delay=1.5),
        timeout_s=90,
        pool="warehouse",
        code_version="7",
    )
    def events(context: AssetExecutionContext) -> MaterializeResult:
        return MaterializeResult(metadata={"run": context.run_id})

    assert str(events.key) == "lake/clean"
    assert [str(dep.asset_key) for dep in events.deps] == ["a/b", "c", "upstream", "lake/clean"]
    assert [dep.partition_mapping for dep in events.deps] == [None, None, None, mapping]
    assert (events.group_name, events.description) == ("bronze", "Clean events.")
    assert (events.metadata, events.tags) == ({"rows": 3}, {"team": "core"})
    assert (events.pool, events.code_version) == ("warehouse", "7")
    assert events.backfill_policy == BackfillPolicy(max_partitions_per_run=7)
    assert events.retry_policy == RetryPolicy(max_retries=2, delay=1.5)
    assert events.timeout_s == 90.0
    assert events.takes_context


def test_calling_an_asset_calls_its_function() -> None:
    @asset
    def answer(context: object) -> MaterializeResult:
        return MaterializeResult(metadata={"of": context})

    assert answer("anything").metadata == {"of": "anything"}


def test_a_coroutine_function_may_be_an_asset() -> None:
    @asset
    async def fetched(context: AssetExecutionContext) -> None: ...

    assert fetched.takes_context


@pytest.mark.parametrize(
    ("path", "text"), [("a", "a"), ("a/b-c/d.e", "a/b-c/d.e"), (["a", "b"], "a/b"), (("été",), "été")]
)
def test_a_key_is_its_parts_joined(path: str | list[str], text: str) -> None:
    assert str(AssetKey(path)) == text
    assert AssetKey(text) == AssetKey(path)
    assert repr(AssetKey(path)) == f"AssetKey({text!r})"


@pytest.mark.parametrize("path", ["", "a//b", "a b", "a+b", "tag:x", [], ["a/b"], [3], "*"])
def test_a_key_that_can_not_be_written_is_refused(path: object) -> None:
    with pytest.raises(InvalidDefinitionError, match="expected an asset key"):
        AssetKey(path)  # type: ignore[arg-type]  # wrong on purpose


def test_inputs_are_refused_with_the_way_out() -> None:
    with pytest.raises(InvalidDefinitionError, match=r"'report'.*context, raw.*deps"):

        @asset
        def report(context: object, raw: object) -> None: ...


@pytest.mark.parametrize("wrong", [0, -1, 0.0, float("inf"), float("nan"), True, "90"])
def test_a_time_out_is_a_number_of_seconds(wrong: float) -> None:
    with pytest.raises(InvalidDefinitionError, match="'a': expected timeout_s in seconds, more than 0"):
        asset(timeout_s=wrong)(_named_a)


@pytest.mark.parametrize("wrong", [{"partitions_def": "daily"}, {"backfill_policy": 3}, {"retry_policy": 3}])
def test_arguments_of_another_kind_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidDefinitionError, match="asset 'a': expected a"):
        asset(**wrong)(_named_a)  # type: ignore[call-overload]  # wrong on purpose


def test_a_bound_on_partitions_wants_some() -> None:
    with pytest.raises(InvalidDefinitionError, match=r"'a': expected partitions .*multi_run\(3\)"):
        asset(backfill_policy=BackfillPolicy.multi_run(3))(_named_a)
    asset(backfill_policy=BackfillPolicy.single_run())(_named_a)


def test_a_dependency_is_named_once() -> None:
    with pytest.raises(InvalidDefinitionError, match="'x' twice"):
        asset(deps=["x", AssetKey("x")])(_named_a)


@pytest.mark.parametrize("dep", [3, None, object()])
def test_a_dependency_is_an_asset(dep: object) -> None:
    with pytest.raises(InvalidDefinitionError, match="expected an asset, an AssetKey or its text"):
        asset(deps=[dep])(_named_a)  # type: ignore[list-item]  # wrong on purpose


def test_a_mapping_is_a_mapping() -> None:
    with pytest.raises(InvalidDefinitionError, match="PartitionMapping"):
        AssetDep("x", partition_mapping="all")  # type: ignore[arg-type]  # wrong on purpose


def _named_a() -> None: ...


_named_a.__name__ = "a"
