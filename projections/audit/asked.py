"""Which partitions of an asset somebody asks about: those it has now, and those it had once."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from backfilld.errors import BackfilldError
from backfilld.partitions import MultiPartitions, Partitions, PartitionsDefinition
from backfilld.range_text import parse_range_text
from backfilld.range_text.cursor import PATTERNS_MAX
from backfilld.ranges import Ranges
from projections.backfill.state import Backfill
from projections.catalog import partitions_at
from projections.world import World


class Asked(msgspec.Struct, frozen=True):
    """Partitions of one asset."""

    asset: str
    sets: tuple[tuple[Partitions, Ranges], ...] | None = None  # None: all that it ever had

    def among(self, partitions: Partitions) -> Ranges:
        """Those of them that have a key among these partitions, which are of any definition."""
        if self.sets is None:
            return partitions.all()
        return Ranges.union(theirs.same_keys(ordinals, partitions)[0] for theirs, ordinals in self.sets)

    def keys(self, most: int) -> tuple[str, ...] | None:
        """Their keys; None where there are more than ``most``, or where all are meant."""
        if self.sets is None or sum(len(ordinals) for _, ordinals in self.sets) > most:
            return None
        return tuple(key for theirs, ordinals in self.sets for key in theirs.keys(ordinals))


def is_known(world: World, asset: str) -> bool:
    """Whether the code has the asset now, or a backfill was ever to fill it."""
    return asset in world.catalog.assets or asset in world.records


def asked_of(world: World, asset: str, text: str | None, now: datetime) -> Asked:
    """The partitions that a range text names in the definition of now, or else in an earlier one.

    Where the text as a whole makes no sense in any of them, each part between commas may be of another.

    :raises BackfilldError: some of it makes no sense in any definition that the asset ever had.
    """
    if text is None:
        return Asked(asset)
    return Asked(asset, tuple(_named(text, list(_known_partitions(world, asset, now)))))


def _named(text: str, known: list[Partitions]) -> list[tuple[Partitions, Ranges]]:
    wrong: BackfilldError | None = None
    for partitions in known:
        try:
            found = parse_range_text(text, partitions)
        except BackfilldError as error:
            wrong = wrong or error
        else:
            if found:
                return [(partitions, found)]
    parts = [part for part in text.split(",") if part.strip()]
    is_by_dimension = "=" in text and any(isinstance(each, MultiPartitions) for each in known)
    has_too_many = sum("*" in part for part in parts) > PATTERNS_MAX  # all told, not in each part
    if len(parts) < 2 or is_by_dimension or has_too_many:
        if wrong is None:
            raise BackfilldError(f"{text!r} names no partition, now or ever.")
        raise wrong
    return [named for part in parts for named in _named(part.strip(), known)]


def _known_partitions(world: World, asset: str, now: datetime) -> Iterator[Partitions]:
    """The partitions by the definition of now, then by earlier ones, the newest first.

    Dynamic sets have the keys of now in the first, and in all others every key that they ever had.
    """
    node = world.catalog.assets.get(asset)
    if node is not None:
        yield partitions_at(node.definition, now)
    seen: list[PartitionsDefinition | None] = []
    for definition in _definitions(world, asset):
        if not any(definition is other for other in seen):
            seen.append(definition)
            yield partitions_at(_with_all_keys(world, definition), now)


def _definitions(world: World, asset: str) -> Iterator[PartitionsDefinition | None]:
    """As manifests declare them: the newest one, and those that backfills of the asset were planned with."""
    node = world.catalogs.declared().assets.get(asset)
    if node is not None:
        yield node.definition
    known: dict[str, None] = {}
    backfills: list[Backfill] = [*world.known.active.values(), *world.known.ended.values()]
    for backfill in sorted(backfills, key=lambda each: -each.request_position):
        for group in backfill.request.groups:
            if asset in group.assets and group.code_location in backfill.request.manifests:
                known.setdefault(backfill.request.manifests[group.code_location])
    for digest in known:
        yield world.catalogs.definition(asset, digest)


def _with_all_keys(world: World, definition: PartitionsDefinition | None) -> PartitionsDefinition | None:
    if definition is None:
        return None
    sets = world.known.dynamic
    return definition.bound({name: sets[name].named for name in definition.dynamic_names if name in sets})
