"""Policies refuse what they can not mean."""

from typing import Any

import pytest

from backfilld import BackfillPolicy, Backoff, InvalidDefinitionError, Jitter, RetryPolicy


def test_backfill_policies() -> None:
    assert BackfillPolicy.single_run().max_partitions_per_run is None
    assert BackfillPolicy.multi_run().max_partitions_per_run == 1
    assert BackfillPolicy.multi_run(max_partitions_per_run=12) == BackfillPolicy(12)


@pytest.mark.parametrize("most", [0, -1, 1.5, "3", True])
def test_a_run_covers_at_least_one_partition(most: int) -> None:
    with pytest.raises(InvalidDefinitionError, match="from 1 on"):
        BackfillPolicy.multi_run(most)


def test_retry_policies() -> None:
    policy = RetryPolicy(max_retries=3, delay=2, backoff=Backoff.EXPONENTIAL, jitter=Jitter.FULL)
    assert (policy.backoff, policy.jitter) == (Backoff.EXPONENTIAL, Jitter.FULL)
    assert RetryPolicy() == RetryPolicy(max_retries=1, delay=None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_retries": -1},
        {"max_retries": True},
        {"delay": -0.1},
        {"delay": float("nan")},
        {"delay": float("inf")},
        {"backoff": Backoff.LINEAR},
        {"jitter": Jitter.PLUS_MINUS},
    ],
)
def test_a_retry_policy_that_can_not_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidDefinitionError, match="expected"):
        RetryPolicy(**wrong)
