"""How long the next attempt is waited for, beside what Dagster's `RetryPolicy.calculate_delay` gives."""

from itertools import starmap
from statistics import fmean

import pytest

from projections.backfill.retries import DELAY_MAX_S, delay_s
from projections.catalog import RetrySpec

# (backoff, jitter, attempt, seconds): Dagster 1.13.27 for a delay of 2 s, its `random()` replaced by the draw
# that belongs to the run id of the attempt.
BY_DAGSTER = [
    (None, None, 1, 2.0),
    (None, None, 2, 2.0),
    (None, "full", 1, 0.863852),
    (None, "full", 2, 1.778411),
    (None, "plus_minus", 1, 1.727703),
    (None, "plus_minus", 2, 3.556822),
    ("linear", None, 1, 2.0),
    ("linear", None, 2, 4.0),
    ("linear", None, 5, 10.0),
    ("linear", "full", 2, 3.556822),
    ("linear", "full", 5, 4.59527),
    ("linear", "plus_minus", 2, 5.556822),
    ("linear", "plus_minus", 5, 9.838108),
    ("exponential", None, 1, 2.0),
    ("exponential", None, 2, 6.0),
    ("exponential", None, 3, 14.0),
    ("exponential", None, 5, 62.0),
    ("exponential", "full", 2, 5.335233),
    ("exponential", "full", 5, 28.490674),
    ("exponential", "plus_minus", 2, 7.556822),
    ("exponential", "plus_minus", 5, 61.838108),
]


@pytest.mark.parametrize(("backoff", "jitter", "attempt", "seconds"), BY_DAGSTER)
def test_delays_are_those_of_dagster(
    backoff: str | None, jitter: str | None, attempt: int, seconds: float
) -> None:
    policy = RetrySpec(9, 2.0, backoff, jitter)
    assert delay_s(policy, attempt, f"k3v9x2ab-7-{attempt}") == pytest.approx(seconds, abs=1e-6)


def test_jitter_is_the_same_for_a_run_id_and_spread_evenly_over_run_ids() -> None:
    runs = [(RetrySpec(9, 2.0, "linear", "plus_minus"), 3, f"k3v9x2ab-{number}-3") for number in range(2_000)]
    delays = list(starmap(delay_s, runs))
    assert delays == list(starmap(delay_s, runs))
    assert min(delays) == pytest.approx(4.0, abs=0.05)
    assert max(delays) == pytest.approx(8.0, abs=0.05)
    assert fmean(delays) == pytest.approx(6.0, abs=0.1)


def test_no_delay_is_negative_or_longer_than_a_week() -> None:
    assert delay_s(None, 1, "b-1-1") == 0.0
    assert delay_s(RetrySpec(9), 3, "b-1-3") == 0.0
    scattered = [delay_s(RetrySpec(9, 2.0, None, "plus_minus"), 1, f"b-{n}-1") for n in range(100)]
    assert all(0.0 <= delay <= 4.0 for delay in scattered)
    assert delay_s(RetrySpec(5_000, 1.0, "exponential"), 5_000, "b-1-5000") == DELAY_MAX_S
    assert delay_s(RetrySpec(9, 1e300, "linear"), 9, "b-1-9") == DELAY_MAX_S
