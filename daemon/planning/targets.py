"""Which partitions of each selected asset a backfill is to fill, and what is left out and why."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from backfilld.errors import BackfilldError
from backfilld.partitions import Partitions
from backfilld.range_text import parse_range_text
from backfilld.ranges import Ranges
from daemon.refusal import Refused
from projections.asset_status import AssetStatus
from projections.catalog import Catalog, Dependency, partitions_at
from projections.sets import ONLY, intervals

ByStatus: TypeAlias = Literal["all", "missing", "failed"]


class RangeText(msgspec.Struct, frozen=True):
    """Partitions of the roots, as a person wrote them."""

    text: str


Choice: TypeAlias = RangeText | ByStatus


class LeftOut(msgspec.Struct, frozen=True):
    """Part of the selection that the plan does not cover; ``partitions`` None stands for the whole asset."""

    asset: str
    partitions: tuple[tuple[str, str], ...] | None
    reason: str


class Targets(msgspec.Struct, frozen=True):
    """The ordinals to fill by asset, in topological order, none of them empty."""

    ordinals: dict[str, Ranges]
    partitions: dict[str, Partitions]  # of every selected asset
    left_out: tuple[LeftOut, ...]


def find_targets(
    catalog: Catalog,
    selection: Sequence[str],
    choice: Choice,
    statuses: Mapping[str, AssetStatus],
    as_of: datetime,
) -> Targets | Refused:
    """The targets of a selection, given in topological order, among the partitions of ``as_of``."""
    partitions = {key: partitions_at(catalog.assets[key].definition, as_of) for key in selection}
    if isinstance(choice, RangeText):
        found = _mapped_from_roots(catalog, selection, choice.text, partitions)
        if isinstance(found, Refused):
            return found
    else:
        found = {key: _by_status(choice, statuses.get(key), partitions[key]) for key in selection}
    left_out = tuple(
        LeftOut(key, None, _reason_left_out(catalog, selection, choice, key, partitions[key]))
        for key in selection
        if not found[key]
    )
    return Targets({key: ordinals for key, ordinals in found.items() if ordinals}, partitions, left_out)


def root_assets(catalog: Catalog, selection: Sequence[str]) -> tuple[str, ...]:
    """The partitioned assets of the selection that no other partitioned one of it lies upstream of."""
    partitioned = {key for key in selection if catalog.assets[key].definition is not None}
    below: set[str] = set()  # assets with one of those somewhere upstream, be the way there selected or not
    for key in catalog.assets:
        if any(other in below or other in partitioned for other in catalog.upstream(key)):
            below.add(key)
    return tuple(key for key in selection if key in partitioned and key not in below)


def _mapped_from_roots(
    catalog: Catalog, selection: Sequence[str], text: str, partitions: Mapping[str, Partitions]
) -> dict[str, Ranges] | Refused:
    roots = root_assets(catalog, selection)
    if not roots:
        return Refused(f"none of {', '.join(selection)} has partitions, so {text!r} names none; use --all")
    definitions = {catalog.assets[root].definition for root in roots}
    if len(definitions) > 1:
        listed = "; ".join(f"{root} has {catalog.assets[root].definition!r}" for root in roots)
        return Refused(
            f"the most upstream partitioned assets of the selection must share one partitions definition, "
            f"but {listed}; select them one at a time, or use --all, --missing or --failed"
        )
    try:
        chosen = parse_range_text(text, partitions[roots[0]])
    except BackfilldError as error:
        return Refused(str(error), tuple(getattr(error, "near", ())))
    if not chosen:
        return Refused(
            f"{text!r} names no partition of {roots[0]}; it has {partitions[roots[0]].described()}"
        )
    found: dict[str, Ranges] = {}
    for key in selection:
        found[key] = chosen if key in roots else _mapped(catalog, key, found, partitions)
    return found


def _mapped(
    catalog: Catalog, key: str, found: Mapping[str, Ranges], partitions: Mapping[str, Partitions]
) -> Ranges:
    """What the targets upstream of an asset lead to; an asset without partitions is always run, once."""
    node = catalog.assets[key]
    if node.definition is None:
        return ONLY
    targets = Ranges.of(())
    for dep in node.deps:
        if dep.asset in found and catalog.assets[dep.asset].definition is not None:
            targets |= downstream_of(dep, found[dep.asset], partitions[dep.asset], partitions[key])
    return targets


def downstream_of(dep: Dependency, upstream: Ranges, of: Partitions, among: Partitions) -> Ranges:
    """The partitions that need any of these upstream ones through a dependency."""
    return dep.mapping.downstream_of(upstream, upstream_partitions=of, downstream_partitions=among)


def _by_status(choice: ByStatus, status: AssetStatus | None, partitions: Partitions) -> Ranges:
    everything = partitions.all()
    match choice:
        case "all":
            return everything
        case "missing":
            return everything if status is None else everything - intervals(status.materialized)
        case "failed":
            return Ranges.of(()) if status is None else everything & intervals(status.failed | status.skipped)


def _reason_left_out(
    catalog: Catalog, selection: Sequence[str], choice: Choice, key: str, partitions: Partitions
) -> str:
    if not len(partitions):
        return "it has no partitions yet"
    match choice:
        case "missing":
            return "none of its partitions is missing"
        case "failed":
            return "none of its partitions failed or was skipped"
    upstream = [other for other in catalog.upstream(key) if other in selection]
    if not upstream:
        between = ", ".join(catalog.upstream(key))
        return f"the selection has a gap: it is reached only through {between}, which is not selected"
    if all(catalog.assets[other].definition is None for other in upstream):
        return f"only {', '.join(upstream)} leads to it, which has no partitions to name any of it by"
    return f"the partitions chosen map to none of it through {', '.join(upstream)}"
