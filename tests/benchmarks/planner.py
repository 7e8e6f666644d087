"""One plan in a fresh process: ``python -m tests.benchmarks.planner MANIFEST AS_OF``.

Reads the manifest, plans a backfill of everything in it, and prints ``{"seconds", "peak_bytes",
"partitions"}``: the time from the manifest's JSON to the request as it is appended, and the most memory that
the process ever had, imports and all.
"""

import hashlib
import re
import sys
import time
from datetime import datetime
from pathlib import Path

import msgspec

from daemon.planning.planned import Ask, PlannedBackfill, plan_backfill
from events.codec import encode
from projections.catalog import Catalog


class Planned(msgspec.Struct, frozen=True):
    """What a plan took."""

    seconds: float
    peak_bytes: int
    partitions: int


def planned(manifest_json: bytes, digest: str, as_of: datetime) -> Planned:
    """What the plan of everything in the manifest takes."""
    began_at = time.perf_counter()
    manifest = msgspec.json.decode(manifest_json)
    catalog = Catalog.of({"code": manifest})
    plan = plan_backfill(catalog, {}, Ask(tuple(catalog.assets), "all"), as_of)
    assert isinstance(plan, PlannedBackfill), plan
    encode(plan.request({"code": digest}))
    return Planned(
        seconds=time.perf_counter() - began_at,
        peak_bytes=peak_bytes(),
        partitions=sum(1 if keys is None else keys.count for keys in plan.targets.values()),
    )


def peak_bytes() -> int:
    """The most memory this process has had. (`getrusage` starts with what its parent had at the fork.)"""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


if __name__ == "__main__":
    manifest_json = Path(sys.argv[1]).read_bytes()
    # The log tells whoever plans the digest.
    digest = hashlib.sha256(manifest_json).hexdigest()
    found = planned(manifest_json, digest, datetime.fromisoformat(sys.argv[2]))
    sys.stdout.write(msgspec.json.encode(found).decode())
