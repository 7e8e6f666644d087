"""``python -m tests.benchmarks [NAME ...] [--quick] [--json FILE]``: measures, and prints a table and JSON.

The table stands on standard error, the JSON on standard output.
"""

import argparse
import sys
from pathlib import Path

import msgspec

from tests.benchmarks.answers import answers
from tests.benchmarks.frame import Benchmark, Figures, Surroundings, cores_busy_percent, machine, show
from tests.benchmarks.log_reading import reading
from tests.benchmarks.log_writing import bulk_append, single_append
from tests.benchmarks.looking_back import looking_back
from tests.benchmarks.looking_in import looking_in
from tests.benchmarks.plans import plan_curve, plans
from tests.benchmarks.runs import limited, reaction, runs
from tests.benchmarks.scheduling import deciding
from tests.benchmarks.simulating import whatif
from tests.benchmarks.standing import idle, restart
from tests.benchmarks.viewers import viewers

BENCHMARKS: dict[str, Benchmark] = {
    "runs": runs,
    "limited": limited,
    "reaction": reaction,
    "plans": plans,
    "plan_curve": plan_curve,
    "answers": answers,
    "deciding": deciding,
    "whatif": whatif,
    "bulk_append": bulk_append,
    "single_append": single_append,
    "reading": reading,
    "looking_back": looking_back,
    "looking_in": looking_in,
    "restart": restart,
    "idle": idle,
    "viewers": viewers,
}


def main() -> None:
    """Measures what was named, or everything, one after another. Exits with 1 if a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all by default"
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, to try the benchmarks")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the JSON is written too")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    figures = Figures(machine())
    with Surroundings(quick=arguments.quick) as surroundings:
        for name in arguments.names or BENCHMARKS:
            busy = cores_busy_percent()
            sys.stderr.write(f"{name} ... (others keep {busy:.0f} % of the cores busy)\n")
            figures.others_busy_percent[name] = busy
            figures.rows.extend(BENCHMARKS[name](surroundings))
    show(figures.rows)
    written = msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n"
    sys.stdout.write(written.decode())
    if arguments.json:
        arguments.json.write_bytes(written)
    sys.exit(any(one.reached is False for one in figures.rows))


if __name__ == "__main__":
    main()
