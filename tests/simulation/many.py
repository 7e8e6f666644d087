"""Many simulations, on all cores."""

import logging
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import NamedTuple

import structlog

from tests.simulation.simulation import simulate

TOGETHER = 25  # simulations that a process makes before it tells of them
PROGRESS_EVERY_S = 10.0


class Found(NamedTuple):
    """A simulation in which something went wrong."""

    seed: int
    violation: str
    trace: str


class Summary(NamedTuple):
    """What came of some simulations."""

    simulations: int
    facts: Counter[str]  # how many of each type
    found: tuple[Found, ...]

    def __add__(self, other: object) -> "Summary":
        assert isinstance(other, Summary)
        return Summary(
            self.simulations + other.simulations,
            self.facts + other.facts,
            tuple(sorted((*self.found, *other.found))),
        )


def simulate_all(seeds: range, *, progress: Callable[[str], None]) -> Summary:
    """What came of all of them; ``progress`` is told of violations at once, and of how far it is."""
    began_s = told_s = time.monotonic()
    summary = Summary(0, Counter(), ())
    for part in _parts(seeds):
        summary += part
        for found in part.found:
            progress(f"make simulate SEEDS={found.seed}: {found.violation}")
        now_s = time.monotonic()
        if now_s - told_s >= PROGRESS_EVERY_S:
            told_s = now_s
            progress(
                f"{summary.simulations:,} of {len(seeds):,} simulations, "
                f"{summary.simulations / (now_s - began_s):.0f} a second, "
                f"{len(summary.found)} with a violation"
            )
    return summary


def silence() -> None:
    """The daemon's own log says nothing from here on: the trace does."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@contextmanager
def silenced() -> Iterator[None]:
    """The same for as long as the block."""
    before = structlog.get_config()
    silence()
    try:
        yield
    finally:
        structlog.configure(**before)


def _parts(seeds: range) -> Iterator[Summary]:
    chunks = [seeds[start : start + TOGETHER] for start in range(0, len(seeds), TOGETHER)]
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=spawning, initializer=silence) as pool:
        for future in as_completed([pool.submit(_simulate_some, chunk) for chunk in chunks]):
            yield future.result()


def _simulate_some(seeds: range) -> Summary:
    summary = Summary(0, Counter(), ())
    for seed in seeds:
        result = simulate(seed)
        found = () if result.violation is None else (Found(seed, result.violation, result.trace()),)
        summary += Summary(1, result.facts, found)
    return summary
