"""`python -m tests.simulation FIRST:LAST` without LAST itself; one number alone tells that simulation."""

import re
import sys
import time

from tests.simulation.many import Summary, silence, simulate_all
from tests.simulation.simulation import simulate

USAGE = "expected seeds as FIRST:LAST (LAST is not simulated), or one seed to see its trace"


def main(arguments: list[str]) -> int:
    """Simulate; 1 if anything went wrong, 2 if it is not known what to simulate."""
    asked = re.fullmatch(r"(\d+)(?::(\d+))?", arguments[0]) if len(arguments) == 1 else None
    if asked is None:
        _say(f"{USAGE}, found {' '.join(arguments) or 'nothing'}")
        return 2
    first = int(asked[1])
    if asked[2] is None:
        silence()
        result = simulate(first)
        _say(result.trace())
        return result.violation is not None
    began_s = time.monotonic()
    summary = simulate_all(range(first, int(asked[2])), progress=_say)
    _tell(summary, time.monotonic() - began_s)
    return bool(summary.found)


def _tell(summary: Summary, took_s: float) -> None:
    if summary.found:
        _say(summary.found[0].trace)
    _say(
        f"{summary.simulations:,} simulations with {summary.facts.total():,} facts in {took_s:.0f} s, "
        f"{summary.simulations / took_s:.0f} a second: "
        f"{len(summary.found) or 'none'} with a violation"
    )


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
