"""What a run covers of one asset, worked out with the code as it is now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backfilld.asset_key import AssetKey
from backfilld.assets import AssetDefinition
from backfilld.definitions import Definitions
from backfilld.errors import InvalidDefinitionError
from backfilld.partitions.base import UNPARTITIONED, Partitions
from backfilld.ranges import Ranges


@dataclass(frozen=True)
class Target:
    """An asset and those of its partitions that a run is to fill."""

    asset: AssetDefinition
    partitions: Partitions
    ranges: Ranges  # ordinals in `partitions`

    @classmethod
    def of(cls, definitions: Definitions, key: str, spec: Mapping[str, Any]) -> "Target":
        """The target for the asset ``key`` of a run spec.

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
        return cls(asset, partitions, partitions.ranges_of(map(tuple, planned["ranges"])))

    @property
    def is_partitioned(self) -> bool:
        """Whether it has partitions at all."""
        return self.partitions is not UNPARTITIONED

    def keys(self, ranges: Ranges) -> dict[str, Any] | None:
        """Some of the target in the form of the report: inclusive ranges and a count; None: no partitions."""
        if not self.is_partitioned:
            return None
        return {"ranges": self.partitions.key_ranges(ranges), "count": len(ranges)}
