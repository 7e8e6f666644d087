"""Whatever happens to the daemon, its promises hold; and what is simulated follows from the seed alone."""

import hashlib
import os
import subprocess
import sys

import pytest

from events.codec import FACT_TYPES
from tests.simulation.many import simulate_all
from tests.simulation.simulation import simulate
from tests.tidy.sources import ROOT

SEEDS = range(300)  # `.ci/run` has 10,000 of them by `make simulate`
DIGEST = """
from tests.simulation.many import silence
from tests.simulation.test_simulation import digest
silence()
print(digest(range(40)))
"""


def digest(seeds: range) -> str:
    """Of the traces of these simulations."""
    traces = "".join(simulate(seed).trace() for seed in seeds)
    return hashlib.sha256(traces.encode()).hexdigest()


@pytest.mark.timeout(300)
def test_no_promise_is_broken() -> None:
    summary = simulate_all(SEEDS, progress=print)
    assert not summary.found, summary.found[0].trace
    assert summary.simulations == len(SEEDS)
    # And everything that there is has happened, many times.
    assert {name for name in FACT_TYPES if summary.facts[name] < 5} == set()


def test_a_seed_gives_the_same_trace_byte_for_byte_in_any_process() -> None:
    told = [
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert len(told[0].strip()) == 64
