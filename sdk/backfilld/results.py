"""What an asset's function may return."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class MaterializeResult:
    """That the run's partitions were materialized, with whatever should be recorded beside that."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
