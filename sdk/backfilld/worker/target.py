"""What a run covers of one asset, worked out with the code as it is now."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeAlias

from backfilld.asset_key import AssetKey
from backfilld.assets import AssetDefinition
from backfilld.definitions import Definitions
from backfilld.errors import InvalidDefinitionError
from backfilld.partitions.base import UNPARTITIONED, Partitions
from backfilld.ranges import Ranges

RANGES_PER_LINE_MAX: Final = 1_000  # of a report
_KEYS_NAMED_MAX: Final = 3

Pair: TypeAlias = tuple[str, str]  # the first and the last key of a range


@dataclass(frozen=True)
class Target:
    """An asset and those of its partitions that a run is to fill.

    Where the daemon knows that the asset's partitions are not what they were when the run was planned, it
    names every key alone: a range would mean others now. Then each of those that exist is filled.
    """

    asset: AssetDefinition
    partitions: Partitions
    ranges: Ranges  # ordinals in `partitions`
    vanished: tuple[Pair, ...] = ()  # planned, and no more among `partitions`
    is_named_singly: bool = False

    @classmethod
    def of(
        cls, definitions: Definitions, key: str, spec: Mapping[str, Any], *, without: Collection[Pair] = ()
    ) -> "Target":
        """The target for the asset ``key`` of a run spec, ``without`` some of its ranges.

        :raises BackfilldError: the code has changed since the run was planned, and has no such target now.
        """
        asset = definitions.assets.get(AssetKey(key))
        if asset is None:
            raise InvalidDefinitionError(
                f"expected the asset {key!r} that this run was planned with, found none of that key in the "
                f"code; define it again, or ask for a new backfill"
            )
        planned = spec["partitions"]
        if (asset.partitions_def is None) != (planned is None):
            expected, found = ("none", "some") if planned is None else ("some", "none")
            raise InvalidDefinitionError(
                f"expected {key!r} to have partitions as when this run was planned ({expected}), found "
                f"{found}; ask for a new backfill"
            )
        if asset.partitions_def is None:
            return cls(asset, UNPARTITIONED, UNPARTITIONED.all())
        definition = asset.partitions_def.bound(spec.get("dynamic_keys", {}))
        partitions = definition.partitions(datetime.fromisoformat(spec["partitions_as_of"]))
        pairs: list[Pair] = [(first, last) for first, last in planned["ranges"]]
        if len(pairs) == planned["count"]:
            return cls._of_keys(asset, partitions, [pair for pair in pairs if pair not in without])
        ranges = partitions.ranges_of(pairs)
        if len(ranges) != planned["count"]:
            raise InvalidDefinitionError(
                f"expected {key!r} to have the {planned['count']} partitions that this run was planned with, "
                f"{pairs[0][0]!r} to {pairs[-1][1]!r}, found {len(ranges)} there; ask for a new backfill"
            )
        return cls(asset, partitions, ranges)

    @classmethod
    def _of_keys(cls, asset: AssetDefinition, partitions: Partitions, pairs: list[Pair]) -> "Target":
        found = [(partitions.find(key), key) for key, _ in pairs]
        ranges = Ranges.from_ordinals(sorted(ordinal for ordinal, _ in found if ordinal is not None))
        vanished = tuple((key, key) for ordinal, key in found if ordinal is None)
        return cls(asset, partitions, ranges, vanished, is_named_singly=True)

    @property
    def is_partitioned(self) -> bool:
        """Whether it has partitions at all."""
        return self.partitions is not UNPARTITIONED

    def why_vanished(self) -> InvalidDefinitionError:
        """What is to be said of the partitions that are no more."""
        keys = [repr(key) for key, _ in self.vanished[:_KEYS_NAMED_MAX]]
        more = len(self.vanished) - len(keys)
        named = ", ".join(keys) + (f" and {more:,} more" if more else "")
        return InvalidDefinitionError(
            f"expected {str(self.asset.key)!r} to have the partitions that this run was planned with, found "
            f"no {named} among {self.partitions.described()}; ask for a new backfill of what there is now"
        )

    def keys(self, ranges: Ranges) -> Iterator[dict[str, Any] | None]:
        """Some of the target in the form of the report: inclusive ranges and a count; None: no partitions.

        In several parts where the ranges are too many for one line.
        """
        if not self.is_partitioned:
            yield None
        elif self.is_named_singly:
            # Not as ranges: between two keys there may be others now than in the plan.
            yield from listed((key, key) for key in self.partitions.keys(ranges))
        else:
            intervals = ranges.intervals
            for begin in range(0, len(intervals), RANGES_PER_LINE_MAX):
                some = Ranges(intervals[begin : begin + RANGES_PER_LINE_MAX])
                yield {"ranges": self.partitions.key_ranges(some), "count": len(some)}


def listed(pairs: Iterable[Pair]) -> Iterator[dict[str, Any]]:
    """Single keys in the form of the report, as many in one as a line takes."""
    rest = iter(pairs)
    while some := list(islice(rest, RANGES_PER_LINE_MAX)):
        yield {"ranges": some, "count": len(some)}


def in_lines(planned: dict[str, Any] | None) -> Iterator[dict[str, Any] | None]:
    """The planned partitions of a run spec in the form of the report; single keys take as many as needed."""
    if planned is not None and len(planned["ranges"]) == planned["count"]:
        yield from listed((first, last) for first, last in planned["ranges"])
    else:
        yield planned
