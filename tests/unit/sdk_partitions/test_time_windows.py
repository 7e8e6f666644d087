"""Time windows beyond the table: odd zones, odd schedules, the ends of time, a growing clock."""

from datetime import UTC, datetime, timedelta

import pytest

from backfilld.errors import InvalidDefinitionError, UnknownPartitionKeyError
from backfilld.partitions import (
    DailyPartitionsDefinition,
    HourlyPartitionsDefinition,
    MonthlyPartitionsDefinition,
    ScheduleType,
    TimeWindowPartitionsDefinition,
    WeeklyPartitionsDefinition,
)
from backfilld.ranges import Ranges

NOW = datetime(2024, 6, 1, tzinfo=UTC)


def local(*fields: int) -> datetime:
    """A datetime of whatever zone the definition has."""
    return datetime(*fields)  # type: ignore[arg-type]  # noqa: DTZ001 - naive on purpose; year, month, ...


def cron(
    schedule: str, start: str, end: str, *, timezone: str = "UTC", fmt: str = "%Y-%m-%d-%H:%M"
) -> list[str]:
    definition = TimeWindowPartitionsDefinition(
        start=start, end=end, fmt=fmt, cron_schedule=schedule, timezone=timezone
    )
    return definition.get_partition_keys(current_time=NOW)


@pytest.mark.parametrize(
    ("schedule", "days"),
    [
        # Day of month or day of week, whichever matches, where both are given.
        ("0 0 10 * 1", [1, 8, 10, 15, 22, 29]),
        ("0 0 */10 * 1", [1, 8, 11, 15, 21, 22, 29, 31]),
        # All days spelt out are one of two alternatives too.
        ("0 0 1-31 * 1", list(range(1, 32))),
        ("0 0 * * 1", [1, 8, 15, 22, 29]),
        ("0 0 ? * MON", [1, 8, 15, 22, 29]),
        ("0 0 * * 7", [7, 14, 21, 28]),
        ("0 0 * * 0-7", list(range(1, 32))),
        ("0 0 L * *", [31]),
        ("0 0 LW * *", [31]),
        ("0 0 * * 5#2", [12]),
        ("0 0 * * 5L", [26]),
        ("@weekly", [7, 14, 21, 28]),
        ("@monthly", [1]),
        ("0 0 29 2 *", []),
    ],
)
def test_cron_days_of_january_2024(schedule: str, days: list[int]) -> None:
    definition = TimeWindowPartitionsDefinition(start="2024-01-01", fmt="%Y-%m-%d", cron_schedule=schedule)
    keys = definition.get_partition_keys(current_time=datetime(2032, 3, 1, tzinfo=UTC))
    assert [int(key[-2:]) for key in keys if key.startswith("2024-01")] == days


def test_leap_days() -> None:
    definition = TimeWindowPartitionsDefinition(
        start="1996-01-01", fmt="%Y-%m-%d", cron_schedule="0 0 29 2 *"
    )
    assert definition.get_partition_keys(current_time=datetime(2009, 1, 1, tzinfo=UTC)) == [
        "1996-02-29",
        "2000-02-29",
        "2004-02-29",
    ]


@pytest.mark.parametrize(
    "schedule", ["0 0 30 2 *", "0 0 31 4,6 *", "* * * *", "", "0 24 * * *", "0 0 * * mond"]
)
def test_a_schedule_without_a_time_is_refused(schedule: str) -> None:
    with pytest.raises(InvalidDefinitionError, match="cron schedule"):
        TimeWindowPartitionsDefinition(start="2024-01-01", fmt="%Y-%m-%d", cron_schedule=schedule)


def test_a_midnight_that_clocks_skip_starts_at_one_and_keeps_its_name() -> None:
    definition = TimeWindowPartitionsDefinition(
        start="2017-10-14-00:00",
        end="2017-10-17-00:00",
        fmt="%Y-%m-%d-%H:%M",
        cron_schedule="0 0 * * *",
        timezone="America/Sao_Paulo",
    )
    partitions = definition.partitions(NOW)
    assert list(partitions) == ["2017-10-14-00:00", "2017-10-15-00:00", "2017-10-16-00:00"]
    assert [partitions.window(at).start.isoformat() for at in range(3)] == [
        "2017-10-14T00:00:00-03:00",
        "2017-10-15T01:00:00-02:00",
        "2017-10-16T00:00:00-02:00",
    ]
    assert partitions.ordinal("2017-10-15-00:00") == 1


def test_a_skipped_half_hour_after_midnight_is_made_up_after_the_gap() -> None:
    keys = cron("30 0 * * *", "2017-10-14-00:00", "2017-10-17-12:00", timezone="America/Sao_Paulo")
    assert keys == ["2017-10-14-00:30", "2017-10-15-00:30", "2017-10-16-00:30"]


def test_a_time_made_up_after_a_gap_counts_for_a_start_between_the_two() -> None:
    keys = cron("30 0 * * *", "2017-10-15-01:15", "2017-10-17-12:00", timezone="America/Sao_Paulo")
    assert keys == ["2017-10-15-00:30", "2017-10-16-00:30"]


def test_a_skipped_time_of_the_small_hours_starts_where_the_gap_ends() -> None:
    assert cron("*/20 1-3 * * *", "2024-03-10-01:30", "2024-03-10-03:40", timezone="America/New_York") == [
        "2024-03-10-01:40",
        "2024-03-10-03:00",
        "2024-03-10-03:20",
    ]


def test_of_a_midnight_that_comes_twice_the_first_begins_the_day() -> None:
    definition = DailyPartitionsDefinition(
        start_date="2023-11-04", end_date="2023-11-07", timezone="America/Havana"
    )
    starts = [definition.partitions(NOW).window(at).start.isoformat() for at in range(3)]
    assert starts == ["2023-11-04T00:00:00-04:00", "2023-11-05T00:00:00-04:00", "2023-11-06T00:00:00-05:00"]


def test_of_a_time_that_comes_twice_the_second_counts_for_several_times_a_day() -> None:
    definition = TimeWindowPartitionsDefinition(
        start="2023-11-04-12:00",
        end="2023-11-05-12:00",
        fmt="%Y-%m-%d-%H:%M",
        cron_schedule="0 */12 * * *",
        timezone="America/Havana",
    )
    starts = [definition.partitions(NOW).window(at).start.isoformat() for at in range(2)]
    assert starts == ["2023-11-04T12:00:00-04:00", "2023-11-05T00:00:00-05:00"]


def test_a_bare_key_of_a_time_that_comes_twice_is_found_though_it_is_the_second() -> None:
    definition = TimeWindowPartitionsDefinition(
        start="2023-10-29-02:00",
        end="2023-10-29-03:00",
        fmt="%Y-%m-%d-%H:%M",
        cron_schedule="*/20 1-4 * * *",
        timezone="Europe/Berlin",
    )
    partitions = definition.partitions(NOW)
    assert list(partitions) == ["2023-10-29-02:00", "2023-10-29-02:20", "2023-10-29-02:40"]
    assert [partitions.ordinal(key) for key in partitions] == [0, 1, 2]
    assert partitions.window(1).start.isoformat() == "2023-10-29T02:20:00+01:00"


def test_a_day_that_a_zone_skips_has_no_windows_at_all() -> None:
    keys = cron("0 */12 * * *", "2011-12-29-00:00", "2012-01-01-00:00", timezone="Pacific/Apia")
    assert keys == ["2011-12-29-00:00", "2011-12-29-12:00", "2011-12-31-00:00", "2011-12-31-12:00"]


def test_a_day_that_a_zone_skips_keeps_the_windows_that_the_next_day_lacks() -> None:
    definition = TimeWindowPartitionsDefinition(
        start="2011-12-29",
        end="2012-01-04",
        fmt="%Y-%m-%d",
        cron_schedule="0 9 * * 1-5",
        timezone="Pacific/Apia",
    )
    partitions = definition.partitions(NOW)
    assert list(partitions) == ["2011-12-29", "2011-12-30", "2012-01-02"]
    assert partitions.window(1).start.isoformat() == "2011-12-31T09:00:00+14:00"
    assert partitions.ordinal("2011-12-30") == 1


def test_parts_of_a_second_count() -> None:
    definition = DailyPartitionsDefinition(
        start_date=local(2024, 1, 1, 0, 0, 0, 1),
        end_date=local(2024, 1, 3, 23, 59, 59, 999_999),
        exclusions=[local(2024, 1, 2, 0, 0, 0, 1)],
    )
    assert list(definition.partitions(NOW)) == ["2024-01-02"]


def test_quarter_hour_zones_keep_the_schedule_of_their_own_clocks() -> None:
    keys = cron("5,35 * * * *", "2024-01-01-00:00", "2024-01-01-02:00", timezone="Asia/Kathmandu")
    assert keys == ["2024-01-01-00:05", "2024-01-01-00:35", "2024-01-01-01:05"]


def test_exclusions_take_out_windows_and_stretch_no_others() -> None:
    definition = DailyPartitionsDefinition(
        start_date="2024-01-01",
        end_date="2024-01-10",
        exclusions=["0 0 * * 6,0", local(2024, 1, 3), local(2024, 1, 4, 12)],
    )
    partitions = definition.partitions(NOW)
    assert list(partitions) == [
        "2024-01-01",
        "2024-01-02",
        "2024-01-04",
        "2024-01-05",
        "2024-01-08",
        "2024-01-09",
    ]
    assert partitions.window(1).end == datetime(2024, 1, 3, tzinfo=UTC)
    assert list(partitions.unbroken(Ranges.span(1, 6))) == [(1, 1), (2, 3), (4, 5)]


@pytest.mark.parametrize(
    ("end_offset", "now", "count"),
    [
        (0, "2024-01-03T00:00:00+00:00", 2),
        (-1, "2024-01-03T00:00:00+00:00", 1),
        (2, "2024-01-03T00:00:00+00:00", 4),
        (1, "2023-12-31T23:59:59+00:00", 1),  # Dagster's: one window sooner than the rule for all others
        (1, "2023-12-31T00:00:00+00:00", 0),
        (2, "2023-12-31T12:00:00+00:00", 1),
        (2, "2023-12-30T12:00:00+00:00", 1),
        (2, "2023-12-30T00:00:00+00:00", 0),
    ],
)
def test_end_offset_adds_windows_or_takes_some_away(end_offset: int, now: str, count: int) -> None:
    definition = DailyPartitionsDefinition(start_date="2024-01-01", end_offset=end_offset)
    assert len(definition.partitions(datetime.fromisoformat(now))) == count


def test_windows_reach_from_the_first_year_to_the_last() -> None:
    definition = DailyPartitionsDefinition(start_date="0001-01-01", end_offset=10)
    partitions = definition.partitions(datetime(9999, 12, 31, 12, tzinfo=UTC))
    assert (partitions.key(0), partitions.key(len(partitions) - 1)) == ("0001-01-01", "9999-12-30")
    assert partitions.ordinal("0099-12-31") == 36158
    assert partitions.window(len(partitions) - 1).end == datetime(9999, 12, 31, tzinfo=UTC)
    assert partitions.find("9999-12-31") is None


def test_a_million_hours_are_laid_out_in_two_arrays_of_eight_bytes_each() -> None:
    definition = HourlyPartitionsDefinition(start_date="1900-01-01-00:00", timezone="America/New_York")
    partitions = definition.partitions(datetime(2014, 2, 1, tzinfo=UTC))
    assert len(partitions) > 1_000_000
    assert partitions.starts.itemsize == partitions.ends.itemsize == 8
    assert len(partitions.starts) < 1.1 * len(partitions)


def test_later_times_only_append() -> None:
    definition = HourlyPartitionsDefinition(start_date="2024-01-01-00:00", timezone="Europe/Berlin")
    early = definition.partitions(datetime(2024, 3, 30, tzinfo=UTC))
    keys = list(early)
    late = definition.partitions(datetime(2025, 11, 1, tzinfo=UTC))
    assert list(late)[: len(keys)] == keys == list(early)
    assert definition.partitions(datetime(2024, 3, 30, tzinfo=UTC)) == early


def test_asking_again_costs_nothing_until_a_window_ends() -> None:
    definition = DailyPartitionsDefinition(start_date="2024-01-01")
    asked = [definition.partitions(NOW + timedelta(minutes=minute)) for minute in range(24 * 60)]
    assert all(partitions is asked[0] for partitions in asked)
    assert definition.partitions(NOW + timedelta(days=1)) is not asked[0]


def test_definitions_are_values() -> None:
    daily = DailyPartitionsDefinition(start_date="2024-01-01", hour_offset=2)
    same = DailyPartitionsDefinition("2024-01-01", hour_offset=2, timezone="UTC", fmt="%Y-%m-%d")
    assert daily == same
    assert len({daily, same}) == 1
    assert daily.partitions(NOW) == same.partitions(NOW)
    assert daily != DailyPartitionsDefinition(start_date="2024-01-01")
    assert daily != WeeklyPartitionsDefinition(start_date="2024-01-01", hour_offset=2)
    generic = TimeWindowPartitionsDefinition(start="2024-01-01", fmt="%Y-%m-%d", cron_schedule="0 2 * * *")
    assert daily != generic
    assert generic == TimeWindowPartitionsDefinition(
        start="2024-01-01", fmt="%Y-%m-%d", schedule_type=ScheduleType.DAILY, hour_offset=2
    )


def test_an_aware_start_is_that_instant() -> None:
    definition = DailyPartitionsDefinition(
        start_date=datetime(2024, 1, 1, 4, tzinfo=UTC), timezone="America/New_York"
    )
    assert definition.start.isoformat() == "2023-12-31T23:00:00-05:00"
    assert definition.get_first_partition_key(current_time=NOW) == "2024-01-01"


def test_the_public_questions() -> None:
    definition = MonthlyPartitionsDefinition(start_date="2024-01-15", end_date="2024-05-01")
    assert definition.get_partition_keys() == ["2024-02-01", "2024-03-01", "2024-04-01"]
    assert definition.get_num_partitions() == 3
    assert definition.get_first_partition_key(current_time=datetime(2024, 2, 1, tzinfo=UTC)) is None
    assert definition.get_last_partition_key(current_time=NOW) == "2024-04-01"
    assert definition.has_partition_key("2024-03-01", current_time=NOW)
    assert not definition.has_partition_key("2024-03-02", current_time=NOW)
    assert definition.end is not None
    assert definition.end.isoformat() == "2024-05-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("fmt", "schedule"),
    [("%Y-%m-%d", "0 * * * *"), ("%Y-%m", "0 0 * * 1"), ("%m-%d", "0 0 * * *"), ("%H", "@hourly")],
)
def test_a_format_that_names_two_windows_alike_is_refused_on_loading(fmt: str, schedule: str) -> None:
    definition = TimeWindowPartitionsDefinition(
        start=local(2024, 1, 1),
        fmt=fmt,
        cron_schedule=schedule,
    )
    with pytest.raises(InvalidDefinitionError, match="put more of the time into the format"):
        definition.validate()


def test_a_format_that_strptime_can_not_read_back_still_finds_its_keys() -> None:
    definition = TimeWindowPartitionsDefinition(
        start=local(2024, 1, 1),
        fmt="%G-W%V",
        cron_schedule="0 0 * * 1",
    )
    partitions = definition.partitions(NOW)
    assert partitions.ordinal("2024-W05") == 4
    assert partitions.find("2024-W60") is None


def test_an_unknown_key_comes_with_its_neighbours_in_time() -> None:
    partitions = WeeklyPartitionsDefinition(start_date="2024-01-07").partitions(NOW)
    with pytest.raises(UnknownPartitionKeyError) as raised:
        partitions.ordinal("2024-02-05")
    assert raised.value.near == ("2024-02-04", "2024-02-11")
    assert "2024-02-04" in str(raised.value)
    with pytest.raises(UnknownPartitionKeyError) as raised:
        partitions.ordinal("2024-2-4")
    assert raised.value.near == ("2024-02-04",)
    with pytest.raises(UnknownPartitionKeyError) as raised:
        partitions.ordinal("2024-02-4x")
    assert "2024-02-04" in raised.value.near


@pytest.mark.parametrize("ordinal", [-1, 21])
def test_ordinals_outside_are_refused(ordinal: int) -> None:
    partitions = WeeklyPartitionsDefinition(start_date="2024-01-07").partitions(NOW)
    assert len(partitions) == 20
    for ask in (partitions.key, partitions.window):
        with pytest.raises(IndexError):
            ask(ordinal)


@pytest.mark.parametrize(
    "prefix", ["", "2024", "2024-02", "2024-02-1", "2024-02-11-05", "2024-02-11-05:00-", "x"]
)
@pytest.mark.parametrize("fmt", ["%Y-%m-%d-%H:%M", "%d.%m.%Y %H:%M"])
def test_prefixes_pick_what_a_look_at_every_key_picks(prefix: str, fmt: str) -> None:
    definition = HourlyPartitionsDefinition(
        start_date=local(2024, 2, 1),
        end_date=local(2024, 3, 1),
        fmt=fmt,
    )
    partitions = definition.partitions(NOW)
    expected = [ordinal for ordinal, key in enumerate(partitions) if key.startswith(prefix)]
    assert list(partitions.with_prefix(prefix)) == expected


@pytest.mark.parametrize(
    "arguments",
    [
        {"timezone": "Mars/Olympus"},
        {"timezone": "../etc"},
        {"start": "01/02/2024"},
        {"end": "tomorrow"},
        {"cron_schedule": None},
        {"schedule_type": ScheduleType.DAILY},
        {"exclusions": ["never"]},
    ],
)
def test_what_can_not_be_meant_is_refused_at_once(arguments: dict[str, object]) -> None:
    given = {"start": "2024-01-01", "fmt": "%Y-%m-%d", "cron_schedule": "0 0 * * *", **arguments}
    with pytest.raises(InvalidDefinitionError, match="expected"):
        TimeWindowPartitionsDefinition(**given)  # type: ignore[arg-type]  # wrong on purpose
