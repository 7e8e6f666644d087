"""Time windows that map to those they overlap, with offsets."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from backfilld.errors import InvalidDefinitionError
from backfilld.mappings.base import PartitionMapping, UpstreamPartitions
from backfilld.partitions.base import Partitions, PartitionsDefinition
from backfilld.partitions.time_window import TimeWindowPartitions, TimeWindowPartitionsDefinition
from backfilld.ranges import Ranges

_DAYS_INTO_HOURS = ("0 0 * * *", "0 * * * *")


@dataclass(frozen=True)
class TimeWindowPartitionMapping(PartitionMapping):
    """Each window downstream needs the upstream windows that overlap it.

    ``start_offset`` and ``end_offset`` first move the two ends of a downstream window by so many downstream
    windows: -1 and -1 is the window before, -2 and 0 the last three. They move nothing beyond the upstream
    partitions there are. Upstream windows that are needed and do not exist are told as nonexistent, unless
    ``allow_nonexistent_upstream_partitions``. The two sides must be in one time zone.

    Neighbouring windows are moved as one, as in Dagster: that shows where ``start_offset`` is greater than
    ``end_offset``, so that one window alone would need nothing.
    """

    start_offset: int = 0
    end_offset: int = 0
    allow_nonexistent_upstream_partitions: bool = False

    @property
    def looks_back(self) -> bool:
        """Whether every window needs earlier ones only, so that an asset may depend on itself."""
        return self.start_offset < 0 and self.end_offset < 0

    def upstream_of(
        self, downstream: Ranges, *, downstream_partitions: Partitions, upstream_partitions: Partitions
    ) -> UpstreamPartitions:
        """The upstream windows that overlap the given ones, moved by the offsets."""
        source, target = _time_windows(downstream_partitions), _time_windows(upstream_partitions)
        if not self.start_offset and not self.end_offset and source == target:
            return UpstreamPartitions(downstream)
        existing: list[tuple[int, int]] = []
        lacking: dict[str, None] = {}
        bounds = _bounds(target)
        if not self.start_offset and not self.end_offset and _all_before(source, downstream, target):
            if not self.allow_nonexistent_upstream_partitions:
                for span in _spans(source, downstream):
                    lacking.update(dict.fromkeys(_starting_within(target, *span)))
            return UpstreamPartitions(Ranges.of(()), tuple(lacking))
        for span in _spans(source, downstream):
            start_s, end_s = self._needed_span(source, target, span)
            if start_s < end_s:
                existing.append(_overlapping(target, start_s, end_s))
                if not self.allow_nonexistent_upstream_partitions:
                    lacking.update(dict.fromkeys(_lacking(target, start_s, end_s, bounds)))
        return UpstreamPartitions(Ranges.of(existing), tuple(lacking))

    def downstream_of(
        self, upstream: Ranges, *, upstream_partitions: Partitions, downstream_partitions: Partitions
    ) -> Ranges:
        """The downstream windows that need any of the given ones."""
        source, target = _time_windows(upstream_partitions), _time_windows(downstream_partitions)
        if not self.start_offset and not self.end_offset and source == target:
            return upstream
        if (bounds := _bounds(target)) is None:
            return Ranges.of(())
        found: list[tuple[int, int]] = []
        for span in _spans(source, upstream):
            aligned = _aligned(source, target, *span)
            start_s, end_s = _moved_span(target, aligned, (-self.end_offset, -self.start_offset), bounds)
            if start_s < end_s:
                found.append(_overlapping(target, start_s, end_s))
        return Ranges.of(found)

    def waiting_for(
        self, upstream: Ranges, *, upstream_partitions: Partitions, downstream_partitions: Partitions
    ) -> Ranges:
        """All downstream windows that, each asked alone, need any of the given ones.

        The ends of what a window needs never move back from one window to the next, so those that need any of
        a stretch are a stretch as well, whose ends are searched for.
        """
        source, target = _time_windows(upstream_partitions), _time_windows(downstream_partitions)
        if not (source.definition.window_schedule.excludes or target.definition.window_schedule.excludes):
            return super().waiting_for(
                upstream, upstream_partitions=upstream_partitions, downstream_partitions=downstream_partitions
            )

        def needed(ordinal: int) -> tuple[int, int]:
            span = target.starts[ordinal], target.ends[ordinal]
            return _overlapping(source, *self._needed_span(target, source, span))

        ordinals = range(len(target))
        found = Ranges.of(
            (
                bisect_right(ordinals, start, key=lambda ordinal: needed(ordinal)[1]),
                bisect_left(ordinals, stop, key=lambda ordinal: needed(ordinal)[0]),
            )
            for start, stop in upstream.intervals
        )
        # Between those of a stretch some may need nothing: they lie in a hole upstream, or their ends cross.
        spans = ((each, needed(each)) for each in found)
        return Ranges.from_ordinals(each for each, (first, after) in spans if first < after)

    def _needed_span(
        self, downstream: TimeWindowPartitions, upstream: TimeWindowPartitions, span: tuple[int, int]
    ) -> tuple[int, int]:
        """The stretch of time, cut at windows upstream, that a stretch of windows downstream needs."""
        offsets = self.start_offset, self.end_offset
        return _aligned(downstream, upstream, *_moved_span(downstream, span, offsets, _bounds(upstream)))

    def validate(
        self, upstream: PartitionsDefinition | None, downstream: PartitionsDefinition | None
    ) -> None:
        """Both sides must have time windows in the same time zone."""
        for side, definition in (("downstream", downstream), ("upstream", upstream)):
            if not isinstance(definition, TimeWindowPartitionsDefinition):
                found = "none" if definition is None else type(definition).__name__
                raise InvalidDefinitionError(
                    f"expected {side} partitions of time windows for a TimeWindowPartitionMapping, found "
                    f"{found}; give the dependency another partition_mapping"
                )
        zones = [
            side.timezone
            for side in (upstream, downstream)
            if isinstance(side, TimeWindowPartitionsDefinition)
        ]
        if len(set(zones)) > 1:
            raise InvalidDefinitionError(
                f"expected upstream and downstream partitions in one time zone, found {zones[0]} upstream "
                f"and {zones[1]} downstream; set timezone= alike"
            )

    def apart(self, ranges: Ranges, partitions: Partitions) -> Iterable[Ranges]:
        """The stretches of windows without a hole in time; single windows where the offsets cross."""
        if self.start_offset > self.end_offset:
            return map(Ranges.single, ranges)
        unbroken = _time_windows(partitions).unbroken(ranges)
        return (Ranges.span(first, last + 1) for first, last in unbroken)

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments that differ from their defaults."""
        arguments = {
            "start_offset": self.start_offset,
            "end_offset": self.end_offset,
            "allow_nonexistent_upstream_partitions": self.allow_nonexistent_upstream_partitions,
        }
        return {name: value for name, value in arguments.items() if value}


def _time_windows(partitions: Partitions) -> TimeWindowPartitions:
    assert isinstance(partitions, TimeWindowPartitions), "validate() lets no other through"
    return partitions


def _spans(windows: TimeWindowPartitions, ranges: Ranges) -> Iterator[tuple[int, int]]:
    """The stretches of time of some windows, in UTC seconds; holes between neighbours are no gaps."""
    return ((windows.starts[start], windows.ends[stop - 1]) for start, stop in ranges.intervals)


def _all_before(source: TimeWindowPartitions, ranges: Ranges, target: TimeWindowPartitions) -> bool:
    """Whether all of a set ends before the target's definition starts.

    Of such a set only the windows that start within it are told as lacking, as in Dagster.
    """
    return bool(ranges) and source.ends[ranges.last] <= target.definition.start.timestamp()


def _bounds(windows: TimeWindowPartitions) -> tuple[int, int] | None:
    """The first start and the last end, or None if there are no windows."""
    return (windows.starts[0], windows.ends[len(windows) - 1]) if len(windows) else None


def _overlapping(windows: TimeWindowPartitions, start_s: int, end_s: int) -> tuple[int, int]:
    """The interval of ordinals of the existing windows that overlap a stretch of time."""
    count = len(windows)
    return bisect_right(windows.ends, start_s, 0, count), bisect_left(windows.starts, end_s, 0, count)


def _moved_span(
    windows: TimeWindowPartitions,
    span: tuple[int, int],
    offsets: tuple[int, int],
    bounds: tuple[int, int] | None,
) -> tuple[int, int]:
    """A stretch of time with its start and its end moved by so many windows each."""
    return _moved(windows, span[0], offsets[0], bounds), _moved(windows, span[1], offsets[1], bounds)


def _moved(windows: TimeWindowPartitions, at_s: int, offset: int, bounds: tuple[int, int] | None) -> int:
    """The tick ``offset`` windows away from a tick, but not moved beyond the bounds."""
    if offset < 0:
        return max(_back(windows, at_s, -offset), bounds[0]) if bounds else _back(windows, at_s, -offset)
    if offset > 0:
        return min(_on(windows, at_s, offset), bounds[1]) if bounds else _on(windows, at_s, offset)
    return at_s


def _back(windows: TimeWindowPartitions, at_s: int, steps: int) -> int:
    """The start of the ``steps``-th window before a tick, whether that window exists or not."""
    schedule = windows.definition.window_schedule
    ended = bisect_right(windows.ends, at_s)
    if ended >= steps and windows.ends[-1] >= at_s:
        return windows.starts[ended - steps]
    starts = schedule.last_starting_before(at_s, steps).starts
    return starts[0] if starts else at_s


def _on(windows: TimeWindowPartitions, at_s: int, steps: int) -> int:
    """The end of the ``steps``-th window from a tick on, whether that window exists or not."""
    schedule = windows.definition.window_schedule
    begun = bisect_left(windows.starts, at_s)
    if windows.starts and windows.starts[0] <= at_s and begun + steps <= len(windows.ends):
        return windows.ends[begun + steps - 1]
    ends = schedule.first_starting_from(at_s, steps).ends
    return ends[-1] if ends else at_s


def _aligned(
    source: TimeWindowPartitions, target: TimeWindowPartitions, start_s: int, end_s: int
) -> tuple[int, int]:
    """A stretch of time of the source, from a start to an end of windows of the target, existing or not.

    Where both are cut at the same ticks it stays as it is. Else, as in Dagster, it goes from the last window
    that starts no later to the last that starts within: time in a hole of the target, an excluded weekend
    say, counts to the window before the hole.
    """
    cuts = source.definition.cron_schedule, target.definition.cron_schedule
    is_unbroken = not (
        source.definition.window_schedule.excludes or target.definition.window_schedule.excludes
    )
    if cuts[0] == cuts[1] or (cuts == _DAYS_INTO_HOURS and is_unbroken):
        return start_s, end_s
    first, last = _window_before(target, start_s + 1), _window_before(target, end_s)
    return (first[0] if first else start_s), (last[1] if last else end_s)


def _window_before(windows: TimeWindowPartitions, at_s: int) -> tuple[int, int] | None:
    """The last window that starts before a time, whether it exists or not."""
    at = bisect_left(windows.starts, at_s)
    if 0 < at < len(windows.starts):
        return windows.starts[at - 1], windows.ends[at - 1]
    starts, ends, _ = windows.definition.window_schedule.last_starting_before(at_s, 1)
    return (starts[0], ends[0]) if starts else None


def _lacking(
    windows: TimeWindowPartitions, start_s: int, end_s: int, bounds: tuple[int, int] | None
) -> Iterator[str]:
    """The keys of the windows in a stretch of time that do not exist.

    Of a stretch that reaches out on both sides all keys are told, also those that do exist, as in Dagster.
    """
    if bounds and bounds[0] <= start_s and end_s <= bounds[1]:
        return
    if bounds and bounds[0] <= start_s:
        start_s = max(start_s, bounds[1])
    elif bounds and end_s <= bounds[1]:
        end_s = min(end_s, bounds[0])
    yield from _starting_within(windows, start_s, end_s)


def _starting_within(windows: TimeWindowPartitions, start_s: int, end_s: int) -> Iterator[str]:
    """The keys of the windows that start in a stretch of time, whether they exist or not."""
    found = windows.definition.window_schedule.between(start_s, end_s)
    for at_s in found.starts:
        yield windows.definition.key_format.key(at_s, found.walls.get(at_s))
