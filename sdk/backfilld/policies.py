"""How partitions are put into runs, and how failed runs are tried again."""

import math
from dataclasses import dataclass
from enum import Enum
from typing import Self

from backfilld.errors import InvalidDefinitionError


@dataclass(frozen=True, slots=True)
class BackfillPolicy:
    """How many partitions a run of an asset covers; an asset without a policy has a run per partition.

    ``max_partitions_per_run`` bounds the consecutive partitions of a run; None puts all that are consecutive
    into one.
    """

    max_partitions_per_run: int | None = None

    def __post_init__(self) -> None:
        most = self.max_partitions_per_run
        if most is not None and not _counts(most, from_=1):
            raise InvalidDefinitionError(
                f"expected max_partitions_per_run to be a number from 1 on, found {most!r}; "
                f"BackfillPolicy.single_run() sets no limit"
            )

    @classmethod
    def single_run(cls) -> Self:
        """The policy of one run per contiguous range of partitions."""
        return cls(max_partitions_per_run=None)

    @classmethod
    def multi_run(cls, max_partitions_per_run: int = 1) -> Self:
        """The policy of runs over at most so many consecutive partitions."""
        return cls(max_partitions_per_run=max_partitions_per_run)


class Backoff(Enum):
    """How the delay grows from retry to retry."""

    LINEAR = "linear"  # delay * number of the retry
    EXPONENTIAL = "exponential"  # delay * (2 ** number of the retry - 1)


class Jitter(Enum):
    """How the delay is scattered, so that what failed together is not retried together."""

    FULL = "full"  # anything from nothing to the whole delay
    PLUS_MINUS = "plus_minus"  # the delay, give or take as much


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and when a failed run is tried again, for the partitions not yet materialized.

    ``delay`` is in seconds; ``backoff`` and ``jitter`` change it and need it.
    """

    max_retries: int = 1
    delay: float | None = None
    backoff: Backoff | None = None
    jitter: Jitter | None = None

    def __post_init__(self) -> None:
        if not _counts(self.max_retries, from_=0):
            raise InvalidDefinitionError(
                f"expected max_retries to be a number from 0 on, found {self.max_retries!r}"
            )
        if self.delay is None and (self.backoff or self.jitter):
            raise InvalidDefinitionError(
                "expected a delay for backoff and jitter to change, found none; give delay, in seconds"
            )
        if self.delay is not None and not 0 <= self.delay < math.inf:
            raise InvalidDefinitionError(f"expected delay in seconds from 0 on, found {self.delay!r}")


def _counts(number: object, *, from_: int) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= from_
