"""Asset jobs: assets that are launched together under a name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from backfilld.errors import InvalidDefinitionError
from backfilld.partitions.base import PartitionsDefinition
from backfilld.selection import AssetSelection, SelectionLike, asset_selection_of

_NAME = re.compile(r"[\w.-]+")


@dataclass(frozen=True)
class JobDefinition:
    """A selection of assets under a name, as `define_asset_job` declares it."""

    name: str
    selection: AssetSelection
    partitions_def: PartitionsDefinition | None = None
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)


def define_asset_job(
    name: str,
    selection: SelectionLike | None = None,
    *,
    partitions_def: PartitionsDefinition | None = None,
    tags: Mapping[str, str] | None = None,
) -> JobDefinition:
    """The job of a name, over a selection of the code location's assets; None: over all of them.

    ``selection`` is an `AssetSelection`, text for `AssetSelection.from_string`, or a list of assets, keys and
    such texts. ``partitions_def`` says what its partitioned assets have in common; where they have not,
    loading the definitions fails. Runs of the job carry ``tags``. Raises `InvalidDefinitionError`.
    """
    if not _NAME.fullmatch(name):
        raise InvalidDefinitionError(
            f"expected a job's name of letters, digits, '_', '-' and '.', found {name!r}"
        )
    selected = AssetSelection.all() if selection is None else asset_selection_of(selection)
    return JobDefinition(name, selected, partitions_def, dict(tags or {}))
