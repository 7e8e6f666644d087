"""``python -m tests.benchmarks [NAME ...] [--json FILE]``: measures, prints a table, and writes JSON."""

import argparse
import sys
from pathlib import Path

import msgspec

from tests.benchmarks.bare_forks import bare_forks
from tests.benchmarks.frame import Benchmark, Row, Surroundings, show
from tests.benchmarks.log_reading import reading
from tests.benchmarks.log_writing import bulk_append, single_append

BENCHMARKS: dict[str, Benchmark] = {
    "bare_forks": bare_forks,
    "bulk_append": bulk_append,
    "single_append": single_append,
    "reading": reading,
}


def main() -> None:
    """Measures what was named, or everything, one after another. Exits with 1 if a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all by default"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the rows are written too")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    rows: list[Row] = []
    with Surroundings() as surroundings:
        for name in arguments.names or BENCHMARKS:
            sys.stderr.write(f"{name} ...\n")
            rows += BENCHMARKS[name](surroundings)
    show(rows)
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n")
    sys.exit(any(one.reached is False for one in rows))


if __name__ == "__main__":
    main()
