"""Which partitions of each selected asset a backfill is to fill, and what is left out and why."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, assert_never

import msgspec

from backfilld.errors import BackfilldError
from backfilld.partitions import UNPARTITIONED, MultiPartitions, Partitions, TimeWindowPartitions
from backfilld.range_text import parse_range_text
from backfilld.ranges import Ranges
from daemon.planning.choice import ByRoot, ByStatus, Choice, Exactly, RangeText, texts_by_asset
from daemon.refusal import Refused
from events.facts import PartitionKeys
from projections.asset_status import AssetStatus
from projections.catalog import Catalog, Dependency, partitions_at
from projections.sets import ONLY, intervals, keys_of, ranges_of

NONE_OF_THEM: Final[Mapping[str, str]] = {
    "missing": "none of its partitions is missing",
    "failed": "none of its partitions failed or was skipped",
    "failed_and_missing": "none of its partitions failed, was skipped or is missing",
}


class LeftOut(msgspec.Struct, frozen=True):
    """Part of what was asked for that the plan does not cover.

    ``partitions`` None stands for the whole asset. With ``upstream`` they are partitions of that asset,
    which are filled and lead to no partition of ``asset``.
    """

    asset: str
    partitions: PartitionKeys | None
    reason: str
    upstream: str | None = None


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
    found: dict[str, Ranges] | Refused
    gone: tuple[LeftOut, ...] = ()
    match choice:
        case RangeText():
            found = _mapped_from_texts(catalog, selection, choice, partitions)
            if isinstance(found, Refused):
                return found
            gone = tuple(_led_nowhere(catalog, found, partitions))
        case ByRoot():
            found = _by_root(catalog, selection, choice, statuses, partitions)
            if isinstance(found, Refused):
                return found
        case Exactly():
            meant = choice.keys
            selection = [key for key in selection if key in meant]
            found = {key: ranges_of(meant[key], partitions[key]) for key in selection}
            gone = tuple(_vanished(catalog, choice))
        case "latest":
            newest = {root: _newest(partitions[root]) for root in root_assets(catalog, selection)}
            found = _mapped_down(catalog, selection, newest, partitions)
        case _:
            found = {key: by_status_of(choice, statuses.get(key), partitions[key]) for key in selection}
    left_out = tuple(
        LeftOut(key, None, _reason_left_out(catalog, selection, choice, key, partitions[key]))
        for key in selection
        if not found[key]
    )
    return Targets({key: each for key, each in found.items() if each}, partitions, (*left_out, *gone))


def _by_root(
    catalog: Catalog,
    selection: Sequence[str],
    choice: ByRoot,
    statuses: Mapping[str, AssetStatus],
    partitions: Mapping[str, Partitions],
) -> dict[str, Ranges] | Refused:
    """Of each asset all that is chosen of it for the roots above it; for any root, where there is none."""
    roots = root_assets(catalog, selection)
    texts = _texts_of_roots(choice, partitions, roots)
    if isinstance(texts, Refused):
        return texts
    named: dict[str, Ranges] = {root: Ranges() for root in roots}
    for key, text in texts.items():
        ordinals = _named(key, text, partitions[key])
        if isinstance(ordinals, Refused):
            return ordinals
        named[key] = ordinals
    named |= {root: _newest(partitions[root]) for root, each in choice.named.items() if each == "latest"}
    mapped = _mapped_down(catalog, selection, named, partitions)
    found: dict[str, Ranges] = {}
    for key, above in _roots_above(catalog, selection, roots).items():
        follows, by_status = _chosen_above(choice, above or roots)
        found[key] = mapped[key] if follows or key in texts else Ranges()
        for each in () if key in texts else by_status:
            found[key] |= by_status_of(each, statuses.get(key), partitions[key])
    return found


def _texts_of_roots(
    choice: ByRoot, partitions: Mapping[str, Partitions], roots: Sequence[str]
) -> Mapping[str, str] | Refused:
    """The text of each asset that has one, once each root is chosen of in one way."""
    for key in choice.named:
        if key not in roots:
            listed = ", ".join(roots) or "none"
            return Refused(f"{key!r} is none of the most upstream partitioned assets, which are {listed}")
    texts = texts_by_asset(choice.texts, partitions, roots) if choice.texts else {}
    if isinstance(texts, Refused):
        return texts
    if texts is None:
        return Refused(
            f"beside --root each --partitions begins with an asset's name, not {choice.texts[0]!r}"
        )
    for key in choice.named:
        if key in texts:
            return Refused(f"the partitions of {key} are given twice: as {choice.named[key]}, and as a text")
    return _roots_not_named(roots, {*texts, *choice.named}) or texts


def _chosen_above(choice: ByRoot, roots: Collection[str]) -> tuple[bool, list[ByStatus]]:
    """Whether partitions follow from those of any of the roots, and by which statuses they are chosen too."""
    chosen = [choice.named.get(root, "latest") for root in roots]
    return "latest" in chosen, [each for each in dict.fromkeys(chosen) if each != "latest"]


def _roots_above(
    catalog: Catalog, selection: Sequence[str], roots: Sequence[str]
) -> dict[str, frozenset[str]]:
    """For each asset of the selection the roots that it is, or that lie upstream of it."""
    above: dict[str, frozenset[str]] = {}
    for key in catalog.assets:
        own = frozenset([key]) if key in roots else frozenset()
        above[key] = own.union(*(above.get(other, ()) for other in catalog.upstream(key)))
    return {key: above[key] for key in selection}


def root_assets(catalog: Catalog, selection: Sequence[str]) -> tuple[str, ...]:
    """The partitioned assets of the selection that no other partitioned one of it lies upstream of."""
    partitioned = {key for key in selection if catalog.assets[key].definition is not None}
    below: set[str] = set()  # assets with one of those somewhere upstream, be the way there selected or not
    for key in catalog.assets:
        if any(other in below or other in partitioned for other in catalog.upstream(key)):
            below.add(key)
    return tuple(key for key in selection if key in partitioned and key not in below)


def _mapped_from_texts(
    catalog: Catalog, selection: Sequence[str], choice: RangeText, partitions: Mapping[str, Partitions]
) -> dict[str, Ranges] | Refused:
    """The partitions that are named, and downstream of them what they map to through the selection."""
    roots = root_assets(catalog, selection)
    if not roots:
        text = choice.as_typed()
        return Refused(f"none of {', '.join(selection)} has partitions, so {text!r} names none; use --all")
    texts = texts_by_asset(choice.texts, partitions, roots)
    match texts:
        case Refused():
            return texts
        case None:
            refused = _roots_that_differ(catalog, roots)
            texts = dict.fromkeys(roots, choice.texts[0])
        case _:
            refused = _roots_not_named(roots, texts)
    if refused is not None:
        return refused
    named: dict[str, Ranges] = {}
    for key in selection:
        if key in texts:
            ordinals = _named(key, texts[key], partitions[key])
            if isinstance(ordinals, Refused):
                return ordinals
            named[key] = ordinals
    return _mapped_down(catalog, selection, named, partitions)


def _mapped_down(
    catalog: Catalog,
    selection: Sequence[str],
    named: Mapping[str, Ranges],
    partitions: Mapping[str, Partitions],
) -> dict[str, Ranges]:
    """Partitions that are chosen of some assets, and what they map to through the others of the selection."""
    found: dict[str, Ranges] = {}
    for key in selection:
        found[key] = named[key] if key in named else _mapped(catalog, key, found, partitions)
    return found


def _newest(partitions: Partitions) -> Ranges:
    """The last partition; of two dimensions the last of time, and of one that has none all of it."""
    if not isinstance(partitions, MultiPartitions):
        return _last(partitions)
    of_time = [isinstance(each, TimeWindowPartitions) for each in partitions.dimensions]
    rows, columns = (
        _last(each) if is_of_time or not any(of_time) else each.all()
        for each, is_of_time in zip(partitions.dimensions, of_time, strict=True)
    )
    return partitions.product(rows, columns)


def _last(partitions: Partitions) -> Ranges:
    return Ranges.span(max(0, len(partitions) - 1), len(partitions))


def _roots_not_named(roots: Sequence[str], texts: Collection[str]) -> Refused | None:
    unnamed = [root for root in roots if root not in texts]
    if not unnamed:
        return None
    return Refused(
        f"the partitions of {', '.join(unnamed)} do not follow from those of {', '.join(texts)}; add "
        f"--partitions {unnamed[0]}=TEXT, or leave {unnamed[0]} out of the selection"
    )


def _roots_that_differ(catalog: Catalog, roots: Sequence[str]) -> Refused | None:
    if len({catalog.assets[root].definition for root in roots}) < 2:
        return None
    listed = "; ".join(f"{root} has {catalog.assets[root].definition!r}" for root in roots)
    return Refused(
        f"the most upstream partitioned assets of the selection must share one partitions definition, but "
        f"{listed}; give each its own (--partitions {roots[0]}=TEXT --partitions {roots[1]}=TEXT ...), or "
        f"use --all, --missing, --failed or --latest"
    )


def _named(key: str, text: str, partitions: Partitions) -> Ranges | Refused:
    """The partitions of an asset that a text names."""
    if partitions is UNPARTITIONED:
        return Refused(f"{key} has no partitions, so {text!r} names none; it is run once anyway")
    try:
        chosen = parse_range_text(text, partitions)
    except BackfilldError as error:
        return Refused(str(error), tuple(getattr(error, "near", ())))
    return chosen or Refused(f"{text!r} names no partition of {key}; it has {partitions.described()}")


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


def _led_nowhere(
    catalog: Catalog, found: Mapping[str, Ranges], partitions: Mapping[str, Partitions]
) -> Iterator[LeftOut]:
    """Targets that no partition of an asset downstream needs, though others of the same asset are needed."""
    for key, targets in found.items():
        for dep in catalog.assets[key].deps if targets else ():
            upstream = found.get(dep.asset, Ranges()) if dep.asset != key else Ranges()
            needed = (
                dep.mapping.upstream_of(
                    targets, downstream_partitions=partitions[key], upstream_partitions=partitions[dep.asset]
                )
                if upstream
                else None
            )
            nowhere = upstream - needed.existing if needed is not None else Ranges()
            if nowhere and not downstream_of(dep, nowhere, partitions[dep.asset], partitions[key]):
                yield LeftOut(
                    key,
                    keys_of(nowhere, partitions[dep.asset]),
                    f"no partition of {key} that exists needs these of {dep.asset}",
                    dep.asset,
                )


def _vanished(catalog: Catalog, choice: Exactly) -> Iterator[LeftOut]:
    for key, keys in choice.vanished.items():
        if key in catalog.assets:
            yield LeftOut(key, keys, "its definition does not have these any more")
        else:
            yield LeftOut(key, None, "no code location defines it any more")


def by_status_of(choice: ByStatus, status: AssetStatus | None, partitions: Partitions) -> Ranges:
    """The partitions of an asset that are chosen by what became of them."""
    everything = partitions.all()
    match choice:
        case "all":
            return everything
        case "missing":
            return everything if status is None else everything - intervals(status.materialized)
        case "failed":
            return Ranges.of(()) if status is None else everything & intervals(status.failed | status.skipped)
        case "failed_and_missing":
            return by_status_of("failed", status, partitions) | by_status_of("missing", status, partitions)
        case _:
            assert_never(choice)


def _reason_left_out(
    catalog: Catalog, selection: Sequence[str], choice: Choice, key: str, partitions: Partitions
) -> str:
    if not len(partitions):
        return "it has no partitions yet"
    chosen = choice.named.get(key) if isinstance(choice, ByRoot) else choice
    if isinstance(chosen, str) and chosen in NONE_OF_THEM:
        return NONE_OF_THEM[chosen]
    upstream = [other for other in catalog.upstream(key) if other in selection]
    if not upstream:
        between = ", ".join(catalog.upstream(key))
        return f"the selection has a gap: it is reached only through {between}, which is not selected"
    if all(catalog.assets[other].definition is None for other in upstream):
        return f"only {', '.join(upstream)} leads to it, which has no partitions to name any of it by"
    return f"the partitions chosen map to none of it through {', '.join(upstream)}"
