"""What a run is to fill, where the code is not what it was when the run was planned."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from backfilld.assets import asset
from backfilld.definitions import Definitions
from backfilld.errors import BackfilldError
from backfilld.partitions import DailyPartitionsDefinition, PartitionsDefinition, StaticPartitionsDefinition
from backfilld.worker.target import RANGES_PER_LINE_MAX, Target, in_lines

AS_OF = datetime(2024, 6, 1, tzinfo=UTC).isoformat()
NOW_ONLY = StaticPartitionsDefinition(["a", "c", "new", "d"])


def code(partitions_def: PartitionsDefinition | None, *, name: str = "sales") -> Definitions:
    @asset(name=name, partitions_def=partitions_def)
    def sales() -> None: ...

    return Definitions(assets=[sales])


def spec(*ranges: tuple[str, str], count: int) -> dict[str, Any]:
    return {"partitions": {"ranges": ranges, "count": count}, "partitions_as_of": AS_OF}


def singly(*keys: str) -> dict[str, Any]:
    return spec(*((key, key) for key in keys), count=len(keys))


def filled(target: Target) -> list[str]:
    return list(target.partitions.keys(target.ranges))


def told(target: Target) -> Sequence[tuple[str, str]]:
    return [pair for part in target.keys(target.ranges) if part is not None for pair in part["ranges"]]


def test_of_keys_named_singly_those_that_exist_are_filled_and_told_one_by_one() -> None:
    target = Target.of(code(NOW_ONLY), "sales", singly("a", "b", "c", "d"))
    assert filled(target) == ["a", "c", "d"]
    assert told(target) == [("a", "a"), ("c", "c"), ("d", "d")]
    assert target.vanished == (("b", "b"),)
    assert "found no 'b' among the 4 partitions from 'a' to 'd'" in str(target.why_vanished())


def test_what_was_left_out_upstream_is_neither_filled_nor_told_to_have_vanished() -> None:
    target = Target.of(code(NOW_ONLY), "sales", singly("a", "b", "c"), without={("b", "b"), ("c", "c")})
    assert filled(target) == ["a"]
    assert target.vanished == ()


def test_keys_that_changed_places_are_filled_once_each() -> None:
    target = Target.of(code(StaticPartitionsDefinition(["c", "b", "a"])), "sales", singly("a", "b", "c"))
    assert sorted(filled(target)) == ["a", "b", "c"]
    assert sorted(told(target)) == [("a", "a"), ("b", "b"), ("c", "c")]


def test_many_that_vanished_are_named_by_the_first_few() -> None:
    target = Target.of(code(NOW_ONLY), "sales", singly(*"abcdefgh"))
    assert "found no 'b', 'e', 'f' and 2 more among" in str(target.why_vanished())


@pytest.mark.parametrize(
    ("now", "planned", "reason"),
    [
        (DailyPartitionsDefinition("2024-01-02"), ("2024-01-01", "2024-01-03"), "found '2024-01-01'"),
        (StaticPartitionsDefinition(["a", "new", "b", "c"]), ("a", "c"), "the 3 partitions that this run"),
        (StaticPartitionsDefinition(["a", "c"]), ("a", "c"), "'a' to 'c', found 2 there"),
        (StaticPartitionsDefinition(["c", "b", "a"]), ("a", "c"), "from an earlier to a later key"),
    ],
)
def test_a_range_that_means_others_now_is_refused(
    now: PartitionsDefinition, planned: tuple[str, str], reason: str
) -> None:
    with pytest.raises(BackfilldError, match=reason):
        Target.of(code(now), "sales", spec(planned, count=3))


def test_a_range_is_taken_and_told_as_it_was_planned() -> None:
    target = Target.of(
        code(DailyPartitionsDefinition("2024-01-01")), "sales", spec(("2024-01-02", "2024-01-04"), count=3)
    )
    assert filled(target) == ["2024-01-02", "2024-01-03", "2024-01-04"]
    assert told(target) == [("2024-01-02", "2024-01-04")]


@pytest.mark.parametrize(
    ("definitions", "planned", "reason"),
    [
        (code(None, name="other"), None, "expected the asset 'sales'"),
        (
            code(None),
            {"ranges": [("a", "a")], "count": 1},
            r"as when this run was planned \(some\), found none",
        ),
        (code(NOW_ONLY), None, r"as when this run was planned \(none\), found some"),
    ],
)
def test_an_asset_that_is_gone_or_got_or_lost_its_partitions_is_refused(
    definitions: Definitions, planned: dict[str, Any] | None, reason: str
) -> None:
    with pytest.raises(BackfilldError, match=reason):
        Target.of(definitions, "sales", {"partitions": planned, "partitions_as_of": AS_OF})


def test_single_keys_take_as_many_lines_as_they_need() -> None:
    keys = [str(number) for number in range(2 * RANGES_PER_LINE_MAX + 1)]
    target = Target.of(code(StaticPartitionsDefinition(keys)), "sales", planned := singly(*keys))
    counts = [RANGES_PER_LINE_MAX, RANGES_PER_LINE_MAX, 1]
    assert [part and part["count"] for part in target.keys(target.ranges)] == counts
    assert [part and part["count"] for part in in_lines(planned["partitions"])] == counts
    assert list(in_lines(None)) == [None]
    whole = spec(("a", "c"), count=3)["partitions"]
    assert list(in_lines(whole)) == [whole]
