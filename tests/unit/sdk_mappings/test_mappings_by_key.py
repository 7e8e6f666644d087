"""Mappings that name keys, or the last one: what they find, and what they refuse."""

from datetime import UTC, datetime

import pytest

from backfilld.errors import InvalidDefinitionError
from backfilld.mappings import (
    LastPartitionMapping,
    PartitionMapping,
    SpecificPartitionsPartitionMapping,
    StaticPartitionMapping,
)
from backfilld.partitions import (
    UNPARTITIONED,
    DailyPartitionsDefinition,
    PartitionsDefinition,
    StaticPartitionsDefinition,
)
from backfilld.ranges import Ranges

NOW = datetime(2024, 1, 11, tzinfo=UTC)
DAYS = DailyPartitionsDefinition(start_date="2024-01-01")
NOT_BEGUN = DailyPartitionsDefinition(start_date="2025-01-01")
COLOURS = StaticPartitionsDefinition(["red", "green", "blue"])
SHADES = StaticPartitionsDefinition(["light", "dark"])
TABLE = StaticPartitionMapping({"red": "dark", "green": ["light", "dark"]})


def upstream(
    mapping: PartitionMapping,
    keys: list[str],
    of: PartitionsDefinition = SHADES,
    among: PartitionsDefinition = COLOURS,
) -> tuple[list[str], tuple[str, ...]]:
    """The keys upstream of some keys, and those lacking."""
    below, above = of.partitions(NOW), among.partitions(NOW)
    some = Ranges.from_ordinals(map(below.ordinal, keys))
    found = mapping.upstream_of(some, downstream_partitions=below, upstream_partitions=above)
    return [*above.keys(found.existing)], found.nonexistent


def downstream(
    mapping: PartitionMapping,
    keys: list[str],
    of: PartitionsDefinition = COLOURS,
    among: PartitionsDefinition = SHADES,
) -> list[str]:
    """The keys downstream of some keys."""
    above, below = of.partitions(NOW), among.partitions(NOW)
    some = Ranges.from_ordinals(map(above.ordinal, keys))
    return [*below.keys(mapping.downstream_of(some, upstream_partitions=above, downstream_partitions=below))]


def test_the_last_partition_is_the_last_there_is() -> None:
    last = LastPartitionMapping()
    assert upstream(last, ["dark"], among=DAYS) == (["2024-01-10"], ())
    assert upstream(last, [], among=DAYS) == ([], ())
    assert upstream(last, ["dark"], among=NOT_BEGUN) == ([], ())
    assert downstream(last, ["2024-01-09"], of=DAYS) == []
    assert downstream(last, ["2024-01-01", "2024-01-10"], of=DAYS) == ["light", "dark"]
    last.validate(DAYS, None)


@pytest.mark.parametrize(
    "mapping", [LastPartitionMapping(), SpecificPartitionsPartitionMapping(["2024-01-02"])]
)
def test_an_asset_without_partitions_is_told_of_any(mapping: PartitionMapping) -> None:
    above = DAYS.partitions(NOW)
    for some, told in ((Ranges.single(0), UNPARTITIONED.all()), (Ranges(), Ranges())):
        found = mapping.downstream_of(some, upstream_partitions=above, downstream_partitions=UNPARTITIONED)
        assert found == told


def test_specific_partitions_that_are_not_there_are_told() -> None:
    named = SpecificPartitionsPartitionMapping(["2024-01-10", "2024-01-02", "2024-02-01"])
    assert upstream(named, ["dark"], among=DAYS) == (["2024-01-02", "2024-01-10"], ("2024-02-01",))
    assert upstream(named, [], among=DAYS) == ([], ())
    assert downstream(named, ["2024-01-03"], of=DAYS) == []
    assert downstream(named, ["2024-01-02", "2024-01-03"], of=DAYS) == ["light", "dark"]
    named.validate(DAYS, None)
    with pytest.raises(InvalidDefinitionError, match=r"write \['red'\]"):
        SpecificPartitionsPartitionMapping("red")


def test_a_table_is_read_both_ways() -> None:
    TABLE.validate(COLOURS, SHADES)
    assert upstream(TABLE, ["light"]) == (["green"], ())
    assert upstream(TABLE, ["light", "dark"]) == (["red", "green"], ())
    assert downstream(TABLE, ["red", "blue"]) == ["dark"]
    assert downstream(TABLE, ["green"]) == ["light", "dark"]
    assert downstream(TABLE, ["blue"]) == []
    assert StaticPartitionMapping({"green": {"dark", "light"}, "red": ["dark"]}) == TABLE
    assert hash(StaticPartitionMapping({"green": ["dark", "light"], "red": "dark"})) == hash(TABLE)


@pytest.mark.parametrize(
    ("mapping", "above", "below", "reason"),
    [
        (TABLE, DAYS, SHADES, "expected static upstream partitions .* found DailyPartitionsDefinition"),
        (TABLE, COLOURS, None, "expected static downstream partitions .* found none"),
        (TABLE, SHADES, SHADES, "name upstream partition keys there are, found 'green'; add it"),
        (TABLE, COLOURS, COLOURS, "name downstream partition keys there are, found '(dark|light)'"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(
    mapping: PartitionMapping,
    above: PartitionsDefinition | None,
    below: PartitionsDefinition | None,
    reason: str,
) -> None:
    with pytest.raises(InvalidDefinitionError, match=reason):
        mapping.validate(above, below)
