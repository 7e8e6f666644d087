"""The fewest stretches out of which others can be put together, end to end."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from backfilld.ranges import Interval

ENDS_MAX = 4_096  # different ends of stretches; of more each stretch is left as it is, which is never wrong


def fewest_stretches(stretches: Collection[Interval]) -> Mapping[Interval, list[Interval]]:
    """Each stretch as those of the stretches that make it up, itself if it is not made up of others.

    With ends as nodes and stretches as arrows, this is the one transitive reduction that a graph without
    circles has (Aho, Garey and Ullman 1972), so no smaller choice among the stretches will do.
    """
    ends = sorted({end for stretch in stretches for end in stretch})
    if len(ends) > ENDS_MAX:
        return {stretch: [stretch] for stretch in stretches}
    bit_of = {end: 1 << index for index, end in enumerate(ends)}
    arrows: defaultdict[int, list[int]] = defaultdict(list)
    for start, stop in sorted(stretches):
        arrows[start].append(stop)
    reached: dict[int, int] = {}  # from an end: the ends that arrows lead to, itself included, as bits
    kept: dict[int, list[int]] = {}
    for end in reversed(ends):
        reached[end] = bit_of[end]
        kept[end] = []
        for stop in arrows.get(end, ()):  # ascending: what a longer arrow could be made of comes before it
            if not reached[end] & bit_of[stop]:
                kept[end].append(stop)
            reached[end] |= reached[stop]
    return {stretch: _path(stretch, kept, reached, bit_of) for stretch in stretches}


def _path(
    stretch: Interval, kept: Mapping[int, list[int]], reached: Mapping[int, int], bit_of: Mapping[int, int]
) -> list[Interval]:
    at, stop = stretch
    path: list[Interval] = []
    while at != stop:
        following = next(end for end in kept[at] if end <= stop and reached[end] & bit_of[stop])
        path.append((at, following))
        at = following
    return path
