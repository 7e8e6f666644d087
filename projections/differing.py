"""Where a state that was kept and the one folded from the log say different things."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

import msgspec
from pyroaring import BitMap

from projections.world import Known

ABSENT = "nothing"


class Differing(NamedTuple):
    """One place of the state."""

    path: str  # as in ``active.k3v9x2ab.live``
    kept: object
    folded: object


def differing(kept: Known, folded: Known) -> Iterator[Differing]:
    """Every place where the two differ, and the orders that matter where only these do."""
    yield from _differing(kept, folded, "")
    yield from _order(kept.active, folded.active, "active")
    for name in sorted(kept.dynamic.keys() & folded.dynamic.keys()):
        yield from _order(kept.dynamic[name].present, folded.dynamic[name].present, f"dynamic.{name}.present")


def _order(kept: Collection[object], folded: Collection[object], path: str) -> Iterator[Differing]:
    first, second = list(kept), list(folded)
    if first != second and set(first) == set(second):
        yield Differing(f"order of {path}", first, second)


def _differing(kept: object, folded: object, path: str) -> Iterator[Differing]:
    match kept, folded:
        case _ if type(kept) is type(folded) and kept == folded:
            return
        case msgspec.Struct(), msgspec.Struct() if type(kept) is type(folded):
            for name in kept.__struct_fields__:
                yield from _differing(getattr(kept, name), getattr(folded, name), _in(path, name))
        case dict(), dict():
            for key in kept | folded:
                at = _in(path, key)
                yield from _differing(kept.get(key, ABSENT), folded.get(key, ABSENT), at)
        case list() | tuple(), list() | tuple() if len(kept) == len(folded):
            for place, (one, other) in enumerate(zip(kept, folded, strict=True)):
                yield from _differing(one, other, _in(path, place))
        case BitMap(), BitMap():
            only_kept, only_folded = kept - folded, folded - kept
            yield Differing(path, _some(only_kept), _some(only_folded))
        case _:
            yield Differing(path, kept, folded)


def _in(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def _some(ordinals: BitMap) -> str:
    """What only one of two sets holds."""
    if not ordinals:
        return "all that the other has"
    return f"{len(ordinals):,} that the other lacks, from {min(ordinals)} to {max(ordinals)}"
