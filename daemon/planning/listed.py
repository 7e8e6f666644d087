"""A plan as plain values, for programs and for people."""

import msgspec

from daemon.planning.planned import PlannedBackfill
from daemon.planning.targets import LeftOut
from events.facts import PartitionKeys
from projections.plan import PlannedRun
from projections.sets import keys_of

Pairs = tuple[tuple[str, str], ...]  # the first and the last key of each range


class Numbers(msgspec.Struct, frozen=True):
    """Numbers of runs, as inclusive ranges."""

    ranges: tuple[tuple[int, int], ...]
    count: int


class ListedTarget(msgspec.Struct, frozen=True, omit_defaults=True):
    """The partitions of an asset that a plan fills."""

    count: int
    ranges: Pairs | None  # None: the asset has none
    policy: str | None = None  # as ranges: how they are cut into runs, in words

    @property
    def keys(self) -> PartitionKeys | None:
        """The partitions, if the asset has any."""
        return None if self.ranges is None else PartitionKeys(self.ranges, self.count)


class ListedRun(msgspec.Struct, frozen=True):
    """A run of a plan."""

    number: int
    assets: tuple[str, ...]
    partitions: tuple[str, ...] | PartitionKeys | None  # None: its assets have none
    after: tuple[int, ...] | Numbers  # the runs that it waits for

    @property
    def keys(self) -> PartitionKeys | None:
        """The partitions, if they are told as ranges."""
        return self.partitions if isinstance(self.partitions, PartitionKeys) else None

    @property
    def after_ranges(self) -> tuple[tuple[int, int], ...]:
        """The runs that it waits for, if they are told as ranges."""
        return self.after.ranges if isinstance(self.after, Numbers) else ()


class ListedLeftOut(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was asked for and is not in the plan; see `LeftOut`."""

    asset: str
    partitions: Pairs | None
    reason: str
    upstream: str | None = None
    count: int | None = None  # as ranges: of the partitions

    @property
    def keys(self) -> PartitionKeys | None:
        """The partitions, where they are counted."""
        if self.partitions is None or self.count is None:
            return None
        return PartitionKeys(self.partitions, self.count)


class ListedPlan(msgspec.Struct, frozen=True):
    """A plan: what it fills, its first runs, and what one should know of it."""

    digest: str
    targets: dict[str, ListedTarget]
    runs: tuple[ListedRun, ...]
    runs_total: int
    warnings: tuple[str, ...]
    left_out: tuple[ListedLeftOut, ...]


def listed(planned: PlannedBackfill, runs_max: int, *, as_ranges: bool = False) -> ListedPlan:
    """A plan with at most ``runs_max`` of its runs (0: all), and the whole totals.

    :param as_ranges: whether the keys of a run, and the runs that it waits for, are told as ranges and not
        one by one, and counts and policies beside them: what people are shown, at a cost by ranges.
    """
    count = min(planned.runs_total, runs_max) if runs_max else planned.runs_total
    runs = (planned.plan.run(number) for number in range(1, count + 1))
    return ListedPlan(
        digest=planned.digest,
        targets={
            asset: ListedTarget(
                1 if keys is None else keys.count,
                None if keys is None else keys.ranges,
                _policy_text(planned, asset) if as_ranges else None,
            )
            for asset, keys in planned.targets.items()
        },
        runs=tuple((_run_as_ranges if as_ranges else _run)(planned, run) for run in runs),
        runs_total=planned.runs_total,
        warnings=planned.warnings,
        left_out=tuple(_left_out(left, is_counted=as_ranges) for left in planned.left_out),
    )


def _policy_text(planned: PlannedBackfill, asset: str) -> str:
    return "one run" if planned.targets[asset] is None else planned.nodes[asset].policy_text


def _run(planned: PlannedBackfill, run: PlannedRun) -> ListedRun:
    is_partitioned = run.group.definition is not None
    return ListedRun(
        number=run.number,
        assets=run.group.assets,
        partitions=tuple(run.group.partitions.keys(run.ordinals)) if is_partitioned else None,
        after=tuple(planned.plan.after(run)),
    )


def _run_as_ranges(planned: PlannedBackfill, run: PlannedRun) -> ListedRun:
    after = planned.plan.after(run)
    return ListedRun(
        number=run.number,
        assets=run.group.assets,
        partitions=keys_of(run.ordinals, run.group.partitions),
        after=Numbers(tuple((start, stop - 1) for start, stop in after.intervals), len(after)),
    )


def _left_out(left: LeftOut, *, is_counted: bool) -> ListedLeftOut:
    keys = left.partitions
    return ListedLeftOut(
        asset=left.asset,
        partitions=None if keys is None else keys.ranges,
        reason=left.reason,
        upstream=left.upstream,
        count=keys.count if keys is not None and is_counted else None,
    )
