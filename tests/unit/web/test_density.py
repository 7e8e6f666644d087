"""How many attempts were under way when: columns that add up, and few nodes however many there are."""

from datetime import UTC, datetime, timedelta

from daemon.web.pages.timeline.density import (
    COLUMNS_MAX,
    HEIGHT,
    LANES_MAX,
    LEAST,
    WIDTH,
    ZOOMS,
    Lanes,
    density_of,
    shift_for,
)
from projections.backfill.tally import UNITS_PER_S, Counts, bucket_at

T0 = datetime(2024, 6, 1, tzinfo=UTC)
SECOND = UNITS_PER_S.bit_length() - 1  # the shift of buckets of a second


def at(second: int) -> int:
    return bucket_at(T0 + timedelta(seconds=second), SECOND)


def end(seconds: int) -> datetime:
    return T0 + timedelta(seconds=seconds)


def test_a_column_is_as_high_as_attempts_were_under_way_in_it() -> None:
    lanes: Lanes = {("raw",): {at(0): Counts(4), at(1): Counts(0, 1, 1), at(3): Counts(2, 3, 0, 0, 1)}}
    found = density_of(lanes, SECOND, T0, end(4))
    (lane,) = found.lanes
    assert lane.name == "raw"
    assert lane.told == "6 attempts: 4 succeeded, 1 failed, 1 lost; at most 4 within 1.0 s"
    assert (found.attempts, found.column) == (6, "1.0 s")
    paths = {shape.state: shape.path for shape in lane.shapes}
    # Four go on; one fails, two go on and one is done; two go on; one is lost, three are done.
    assert paths["in-progress"] == "M0 0h250v100h-250zM250 25h250v50h-250zM500 50h250v50h-250z"
    assert paths["failed"] == "M250 75h250v25h-250zM750 75h250v25h-250z"
    assert paths["materialized"] == "M250 0h250v25h-250zM750 0h250v75h-250z"


def test_what_began_before_and_has_not_ended_is_under_way_from_the_start() -> None:
    lanes: Lanes = {("raw",): {at(-5): Counts(3, 1), at(1): Counts(0, 1)}}
    (lane,) = density_of(lanes, SECOND, T0, end(2)).lanes
    assert lane.told == "2 attempts: 1 succeeded, 1 in progress; at most 2 within 1.0 s"


def test_parts_of_the_time_lead_nearer_and_say_what_happened_in_them() -> None:
    counts = {at(second): Counts(2, 2) for second in range(24) if second not in {12, 13}}
    found = density_of({("raw",): counts}, SECOND, T0, end(24))
    assert len(found.zooms) == ZOOMS - 1  # Nothing was launched in one of them.
    first = found.zooms[0]
    assert (first.x, first.since, first.until) == (0, "2024-06-01T00:00:00", "2024-06-01T00:00:02")
    assert first.told == "00:00:00.0 to 00:00:02.0: 4 launched, 4 succeeded"
    assert density_of({("raw",): {at(0): Counts(700)}}, SECOND, T0, end(1)).zooms == ()


def test_however_long_and_wide_it_is_the_picture_has_few_nodes() -> None:
    shift = shift_for(T0, end(10**8))
    columns = bucket_at(end(10**8), shift) - bucket_at(T0, shift)
    assert COLUMNS_MAX / 2 <= columns < COLUMNS_MAX
    start = bucket_at(T0, shift)
    lanes: Lanes = {
        (f"asset {number}",): {start + column: Counts(number, 1, 1, 1) for column in range(columns)}
        for number in range(3, 503)
    }
    found = density_of(lanes, shift, T0, end(10**8))
    assert len(found.lanes) == LANES_MAX
    assert found.lanes[-1].name == "489 other groups of assets, together"
    assert "asset 502" in found.lanes[-2].name  # Those with the most attempts are kept.
    assert found.attempts == sum(range(3, 503)) * columns
    assert sum(len(lane.shapes) for lane in found.lanes) <= 4 * LANES_MAX


def test_one_attempt_among_thousands_is_seen_and_nothing_sticks_out() -> None:
    (lane,) = density_of({("raw",): {at(0): Counts(9_999, 9_998, 1)}}, SECOND, T0, end(1)).lanes
    paths = {shape.state: shape.path for shape in lane.shapes}
    assert paths["failed"] == f"M0 {HEIGHT - LEAST:g}h{WIDTH}v{LEAST:g}h-{WIDTH}z"
    assert paths["materialized"].startswith("M0 0h")
