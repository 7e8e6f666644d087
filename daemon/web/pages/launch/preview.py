"""What a plan would run, as the page shows it."""

from collections.abc import Iterator

import msgspec

from daemon.plan_text import left_out_text, numbers_text, which, which_uncounted
from daemon.planning.planned import PlannedBackfill
from daemon.planning.targets import LeftOut
from projections.plan import PlannedRun
from projections.sets import keys_of

RUNS_SHOWN = 12  # over all groups
RUNS_OF_GROUP_MIN = 2
GROUPS_SHOWN_MAX = 40
RUNS_LISTED_MAX = 500  # where somebody wants to see more of them


class AssetShown(msgspec.Struct, frozen=True):
    """What of an asset is filled, and how."""

    asset: str
    count: int  # of partitions; one that has none counts one
    which: str
    policy: str


class RunShown(msgspec.Struct, frozen=True):
    """A run to be."""

    number: int
    assets: tuple[str, ...]
    which: str
    after: str  # the numbers of the runs that it waits for
    more: int = 0  # runs of the same assets that follow it and are not shown


class Preview(msgspec.Struct, frozen=True):
    """A plan, with the first of its runs."""

    assets: tuple[AssetShown, ...]
    runs: tuple[RunShown, ...]
    runs_total: int
    partitions_total: int
    left_out: tuple[str, ...]  # what, and why
    warnings: tuple[str, ...]
    digest: str


def preview_of(found: PlannedBackfill, *, listed: int | None = None) -> Preview:
    """The plan with the first runs of each group, or with so many of all."""
    assets = tuple(
        AssetShown(
            asset,
            1 if keys is None else keys.count,
            which_uncounted(keys),
            "one run" if keys is None else found.nodes[asset].policy_text,
        )
        for asset, keys in found.targets.items()
    )
    return Preview(
        assets=assets,
        runs=tuple(_of_each_group(found) if listed is None else _in_order(found, listed)),
        runs_total=found.runs_total,
        partitions_total=sum(asset.count for asset in assets),
        left_out=tuple(map(_left_out, found.left_out)),
        warnings=found.warnings,
        digest=found.digest,
    )


def _of_each_group(found: PlannedBackfill) -> Iterator[RunShown]:
    """The first runs of the first groups."""
    groups = found.plan.groups
    share = max(RUNS_OF_GROUP_MIN, RUNS_SHOWN // len(groups))
    for group in groups[:GROUPS_SHOWN_MAX]:
        total = group.cut.chunks_total
        # Where a single one would be left, it takes no more room than to say so.
        count = total if total <= share + 1 else share
        for index in range(count):
            run = _shown(found, found.plan.run(group.first_number + index))
            yield msgspec.structs.replace(run, more=total - count if index == count - 1 else 0)


def _in_order(found: PlannedBackfill, listed: int) -> Iterator[RunShown]:
    for number in range(1, min(found.runs_total, listed, RUNS_LISTED_MAX) + 1):
        yield _shown(found, found.plan.run(number))


def _shown(found: PlannedBackfill, run: PlannedRun) -> RunShown:
    return RunShown(
        run.number,
        run.group.assets,
        which(keys_of(run.ordinals, run.group.partitions)),
        numbers_text([(start, stop - 1) for start, stop in found.plan.after(run).intervals]),
    )


def _left_out(left: LeftOut) -> str:
    return f"{left_out_text(left.asset, left.upstream, left.partitions)}: {left.reason}"
