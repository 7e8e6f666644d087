"""``python -m tests.conformance [FOLDER] [--explained]``: how many cases agree, by class, and which do not.

Exits with 1 if there is a disagreement that no rule explains, with 2 if there is no table in the folder.
"""

import argparse
import json
import sys
from pathlib import Path

from tests.conformance.answers import Verdict
from tests.conformance.judging import report, verdicts
from tests.conformance.tables import SHARED


def main(arguments: list[str] | None = None) -> int:
    """Judge the tables of a folder and print the report; what is returned is the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=SHARED, help="the shared tables by default")
    parser.add_argument(
        "--explained", action="store_true", help="only list the explained cases, as test_plans.py has them"
    )
    asked = parser.parse_args(arguments)
    found = verdicts(asked.folder)
    if not found:
        sys.stderr.write(f"{asked.folder} has none of partitions.json, mappings.json and plans.json\n")
        return 2
    judged = [verdict for table in found.values() for verdict in table]
    listed = (_as_listed(each) for each in judged if each.explained)
    sys.stdout.writelines(f"{line}\n" for line in (listed if asked.explained else report(found)))
    return int(any(not verdict.agrees and not verdict.explained for verdict in judged))


def _as_listed(verdict: Verdict) -> str:
    rules = ", ".join(map(json.dumps, verdict.rules))
    return f"    {json.dumps(verdict.case_id)}: ({rules},),"


if __name__ == "__main__":
    sys.exit(main())
