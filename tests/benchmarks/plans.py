"""Plans of up to a million partitions: how long they take, and how much memory."""

import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec

from backfilld.assets import AssetDefinition, asset
from backfilld.definitions import Definitions
from backfilld.manifest import manifest_of
from backfilld.partitions import (
    DailyPartitionsDefinition,
    HourlyPartitionsDefinition,
    MonthlyPartitionsDefinition,
    MultiPartitionsDefinition,
    PartitionsDefinition,
    StaticPartitionsDefinition,
)
from tests.benchmarks.frame import Row, Surroundings, Target, row
from tests.benchmarks.planner import Planned

PARTITIONS = 1_000_000
CURVE = (1_000, 10_000, 100_000, 1_000_000)
CURVE_ROUNDS = 3
FIRST_HOUR = datetime(1900, 1, 1, 5, tzinfo=UTC)  # midnight in New York
FIRST_DAY = datetime(1, 1, 1, tzinfo=UTC)
FIRST_MONTH = datetime(1900, 1, 1, tzinfo=UTC)
AS_OF = datetime(4000, 1, 1, tzinfo=UTC)  # when all of them exist
IN_2_S = Target("measured", "at most", 2)
IN_500_MB = Target("measured", "at most", 500)
BYTES_PER_MB = 1_000_000


def hourly(count: int, zone: str = "UTC") -> PartitionsDefinition:
    """So many hours: 114 years for a million."""
    end = FIRST_HOUR + timedelta(hours=count)
    return HourlyPartitionsDefinition(start_date=FIRST_HOUR, end_date=end, timezone=zone)


def hourly_in_new_york(count: int) -> PartitionsDefinition:
    """So many hours where clocks are changed twice a year."""
    return hourly(count, "America/New_York")


def daily(count: int) -> PartitionsDefinition:
    """So many days: to the year 2738 for a million."""
    return DailyPartitionsDefinition(start_date=FIRST_DAY, end_date=FIRST_DAY + timedelta(days=count))


def static(count: int) -> PartitionsDefinition:
    """So many customers."""
    return StaticPartitionsDefinition([f"customer-{number:07}" for number in range(count)])


def pairs(count: int) -> PartitionsDefinition:
    """As many customers as days, so many of both together."""
    side = math.isqrt(count)
    customers = StaticPartitionsDefinition([f"customer-{number:04}" for number in range(side)])
    days = DailyPartitionsDefinition(start_date=FIRST_DAY, end_date=FIRST_DAY + timedelta(days=side))
    return MultiPartitionsDefinition({"customer": customers, "date": days})


def hours_days_and_months(count: int) -> Sequence[PartitionsDefinition]:
    """So many hours, the days they make, and the months."""
    end = FIRST_MONTH + timedelta(hours=count)
    return [
        HourlyPartitionsDefinition(start_date=FIRST_MONTH, end_date=end),
        DailyPartitionsDefinition(start_date=FIRST_MONTH, end_date=end),
        MonthlyPartitionsDefinition(start_date=FIRST_MONTH, end_date=end),
    ]


SHAPES: dict[str, Callable[[int], PartitionsDefinition]] = {
    "hourly": hourly,
    "hourly in New York": hourly_in_new_york,
    "daily": daily,
    "static": static,
    "pairs": pairs,
}
CURVES: dict[str, Callable[[int], Sequence[PartitionsDefinition]]] = {
    "hourly -> daily -> monthly": hours_days_and_months,
    "static x 3 assets": lambda count: [static(count)] * 3,
    "pairs x 3 assets": lambda count: [pairs(count)] * 3,
}


def plans(surroundings: Surroundings) -> Sequence[Row]:
    """Seconds and memory of plans of a million partitions an asset, each in a fresh process.

    From the manifest's JSON to the request as it is appended, of an asset alone, of three that need each
    other partition by partition, and of a chain from hours to days to months.
    """
    count = surroundings.count(PARTITIONS)
    rows: list[Row] = []
    for name, shape in SHAPES.items():
        definition = shape(count)
        for assets, text in ((1, ""), (3, " x 3 assets")):
            found = planned(surroundings.folder, [definition] * assets)
            assert found.partitions == len(definition.partitions(AS_OF)) * assets, found
            rows += rows_of(f"plan, {count:,} {name}{text}", found)
    chain = planned(surroundings.folder, hours_days_and_months(count))
    rows += rows_of(f"plan, {count:,} hourly -> daily -> monthly", chain)
    return rows


def plan_curve(surroundings: Surroundings) -> Sequence[Row]:
    """Seconds of plans for ten times as many partitions and again.

    The best of a few, since a short time is easily disturbed. A ratio below that of the counts says that
    the cost grows no faster than they do.
    """
    sizes = [surroundings.count(count) for count in CURVE]
    return [one for name, shape in CURVES.items() for one in curve(surroundings.folder, name, shape, sizes)]


def curve(
    folder: Path, name: str, shape: Callable[[int], Sequence[PartitionsDefinition]], sizes: Sequence[int]
) -> Sequence[Row]:
    """The rows of one kind of assets."""
    took_s = [min(planned(folder, shape(count)).seconds for _ in range(CURVE_ROUNDS)) for count in sizes]
    rows = [row(f"plan, {sizes[0]:,} {name}", took_s[0], "s")]
    for (less, more), (less_s, more_s) in zip(pairwise(sizes), pairwise(took_s), strict=True):
        linear = Target("ratio", "at most", more / less)
        rows.append(
            row(f"plan, {more:,} {name} beside {less:,}", more_s, "s", baseline=less_s, target=linear)
        )
    return rows


def rows_of(name: str, found: Planned) -> Sequence[Row]:
    """Its time and its memory."""
    return [
        row(name, found.seconds, "s", target=IN_2_S),
        row(f"{name}: memory", found.peak_bytes / BYTES_PER_MB, "MB", target=IN_500_MB),
    ]


def planned(folder: Path, definitions: Sequence[PartitionsDefinition]) -> Planned:
    """What a plan of everything takes for assets with these definitions, each needing the one before."""
    assets: list[AssetDefinition] = []
    for number, definition in enumerate(definitions):

        @asset(name=f"asset_{number}", partitions_def=definition, deps=assets[-1:])
        def never_run() -> None:
            """Is planned only."""

        assets.append(never_run)
    manifest = folder / "manifest.json"
    manifest.write_bytes(msgspec.json.encode(manifest_of(Definitions(assets=assets), code_location="code")))
    command = [sys.executable, "-m", "tests.benchmarks.planner", str(manifest), AS_OF.isoformat()]
    return msgspec.json.decode(subprocess.run(command, check=True, capture_output=True).stdout, type=Planned)
