"""Selections of assets, for jobs: by name, group or tag, their neighbours, and what these have in common."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Protocol, TypeAlias

from backfilld.assets import AssetLike, asset_key_of
from backfilld.errors import InvalidDefinitionError
from backfilld.partitions.base import close_keys

_TERM = re.compile(r"(?P<up>\*|\d{0,9}\+)?(?P<name>[^*+,]+)(?P<down>\*|\+\d{0,9})?")
_BUNCH = 100


class AssetGraph(Protocol):
    """What a selection asks of the assets it chooses from; asset keys are text, ``a/b``."""

    @property
    def keys(self) -> Collection[str]:
        """The assets there are to choose from."""

    def upstream(self, key: str) -> Iterable[str]:
        """The assets of the graph that one needs directly."""

    def downstream(self, key: str) -> Iterable[str]:
        """The assets of the graph that need one directly."""

    def group(self, key: str) -> str:
        """The group that an asset is in."""

    def tags(self, key: str) -> Mapping[str, str]:
        """The tags of an asset."""


class AssetSelection(ABC):
    """Some of the assets of a code location; which ones is settled when all of them are known.

    Made by `all`, `assets`, `groups`, `tag` and `from_string`; ``|``, ``&`` and ``-`` make unions,
    intersections and differences. Selections are values.
    """

    @staticmethod
    def all() -> "AssetSelection":
        """All assets."""
        return AllAssets()

    @staticmethod
    def assets(*assets: AssetLike) -> "AssetSelection":
        """These assets, given as such, as keys or as their text."""
        return NamedAssets(sorted({str(asset_key_of(asset)) for asset in assets}))

    @staticmethod
    def groups(*names: str) -> "AssetSelection":
        """The assets of these groups."""
        return GroupedAssets(sorted(set(names)))

    @staticmethod
    def tag(key: str, value: str | None = None) -> "AssetSelection":
        """The assets that have a tag; with this value, if one is given."""
        return TaggedAssets(key, value)

    @staticmethod
    def from_string(text: str) -> "AssetSelection":
        """The union of one or more terms with commas between them, as on the command line.

        A term is ``*`` for all, an asset's name, ``group:NAME``, ``tag:KEY=VALUE`` or ``tag:KEY``; with
        ``+a``, ``2+a`` or ``*a`` also so many steps upstream or all, and with ``a+``, ``a+2`` or ``a*``
        downstream. Raises `InvalidDefinitionError` for other text.
        """
        return _union(_term(term.strip()) for term in text.split(","))

    def upstream(self, depth: int | None = None, *, include_self: bool = True) -> "AssetSelection":
        """These assets and those they need, up to ``depth`` steps away; None: however far."""
        return Neighbours(self, "upstream", depth, include_self=include_self)

    def downstream(self, depth: int | None = None, *, include_self: bool = True) -> "AssetSelection":
        """These assets and those that need them, up to ``depth`` steps away; None: however far."""
        return Neighbours(self, "downstream", depth, include_self=include_self)

    def __or__(self, other: "AssetSelection") -> "AssetSelection":
        return UnionOf(self, other)

    def __and__(self, other: "AssetSelection") -> "AssetSelection":
        return IntersectionOf(self, other)

    def __sub__(self, other: "AssetSelection") -> "AssetSelection":
        return DifferenceOf(self, other)

    @abstractmethod
    def select(self, graph: AssetGraph) -> frozenset[str]:
        """The keys of the selected assets. Raises `InvalidDefinitionError` for a name that is none's."""

    @abstractmethod
    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments; may hold other selections."""


SelectionLike: TypeAlias = AssetSelection | str | Iterable[AssetLike]


def asset_selection_of(selection: SelectionLike) -> AssetSelection:
    """The selection that is meant: itself, text for `AssetSelection.from_string`, or a list of assets."""
    match selection:
        case AssetSelection():
            return selection
        case str():
            return AssetSelection.from_string(selection)
        case _:
            return _union(
                AssetSelection.from_string(each) if isinstance(each, str) else AssetSelection.assets(each)
                for each in selection
            )


@dataclass(frozen=True)
class AllAssets(AssetSelection):
    """All assets."""

    def select(self, graph: AssetGraph) -> frozenset[str]:
        """Every key."""
        return frozenset(graph.keys)

    def kwargs(self) -> dict[str, Any]:
        """Nothing."""
        return {}


@dataclass(frozen=True, init=False)
class NamedAssets(AssetSelection):
    """The assets of these keys."""

    keys: tuple[str, ...]

    def __init__(self, keys: Iterable[str]) -> None:
        object.__setattr__(self, "keys", tuple(keys))

    def select(self, graph: AssetGraph) -> frozenset[str]:
        """The keys, each of which must be an asset's."""
        for key in self.keys:
            if key not in graph.keys:
                near = " or ".join(map(repr, close_keys(key, sorted(graph.keys))))
                raise InvalidDefinitionError(
                    f"expected a selection to name assets there are, found {key!r}; "
                    f"{f'did you mean {near}?' if near else 'define it or take it out'}"
                )
        return frozenset(self.keys)

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"keys": list(self.keys)}


@dataclass(frozen=True, init=False)
class GroupedAssets(AssetSelection):
    """The assets of these groups."""

    names: tuple[str, ...]

    def __init__(self, names: Iterable[str]) -> None:
        object.__setattr__(self, "names", tuple(names))

    def select(self, graph: AssetGraph) -> frozenset[str]:
        """The keys of the groups' assets; a group that nothing is in has none."""
        return frozenset(key for key in graph.keys if graph.group(key) in self.names)

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"names": list(self.names)}


@dataclass(frozen=True)
class TaggedAssets(AssetSelection):
    """The assets with a tag, of any value if none is given."""

    key: str
    value: str | None = None

    def select(self, graph: AssetGraph) -> frozenset[str]:
        """The keys of the assets that carry the tag."""
        return frozenset(key for key in graph.keys if self._is_on(graph.tags(key)))

    def _is_on(self, tags: Mapping[str, str]) -> bool:
        return self.key in tags and self.value in (None, tags[self.key])

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"key": self.key, "value": self.value}


@dataclass(frozen=True)
class Neighbours(AssetSelection):
    """What is upstream or downstream of some assets, and these themselves unless left out."""

    of: AssetSelection
    direction: str  # "upstream" or "downstream"
    depth: int | None
    include_self: bool

    def select(self, graph: AssetGraph) -> frozenset[str]:
        """The keys reached within ``depth`` steps."""
        selected = self.of.select(graph)
        following: Callable[[str], Iterable[str]] = (
            graph.upstream if self.direction == "upstream" else graph.downstream
        )
        reached, edge = set(selected), set(selected)
        steps = len(graph.keys) if self.depth is None else self.depth
        while edge and steps > 0:
            edge = {other for key in edge for other in following(key)} - reached
            reached |= edge
            steps -= 1
        return frozenset(reached if self.include_self else reached - selected)

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "of": self.of,
            "direction": self.direction,
            "depth": self.depth,
            "include_self": self.include_self,
        }


@dataclass(frozen=True)
class _OfTwo(AssetSelection):
    left: AssetSelection
    right: AssetSelection

    def kwargs(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"left": self.left, "right": self.right}


class UnionOf(_OfTwo):
    """The assets of one selection and those of another."""

    def select(self, graph: AssetGraph) -> frozenset[str]:
        """The keys of both."""
        return self.left.select(graph) | self.right.select(graph)


class IntersectionOf(_OfTwo):
    """The assets that both selections have."""

    def select(self, graph: AssetGraph) -> frozenset[str]:
        """The keys they share."""
        return self.left.select(graph) & self.right.select(graph)


class DifferenceOf(_OfTwo):
    """The assets of one selection that another has not."""

    def select(self, graph: AssetGraph) -> frozenset[str]:
        """The keys that only the first has."""
        return self.left.select(graph) - self.right.select(graph)


def _union(selections: Iterable[AssetSelection]) -> AssetSelection:
    """The union of one or more selections; of none, nothing."""
    left = [*selections] or [NamedAssets(())]
    while len(left) > 1:  # in bunches, so that thousands are not nested thousands deep
        left = [reduce(or_, left[at : at + _BUNCH]) for at in range(0, len(left), _BUNCH)]
    return left[0]


def _term(term: str) -> AssetSelection:
    if term == "*":
        return AllAssets()
    match = _TERM.fullmatch(term)
    if match is None:
        raise InvalidDefinitionError(
            f"expected a selection such as an asset's name, with '+' or '*' before or after it for its "
            f"neighbours, group:NAME or tag:KEY=VALUE, found {term!r}"
        )
    selection = _named(match["name"])
    if match["up"] and match["down"]:
        return selection.upstream(_steps(match["up"])) | selection.downstream(_steps(match["down"]))
    if match["up"]:
        return selection.upstream(_steps(match["up"]))
    return selection.downstream(_steps(match["down"])) if match["down"] else selection


def _named(name: str) -> AssetSelection:
    kind, separator, rest = name.partition(":")
    if separator and kind == "group":
        return GroupedAssets([rest])
    if separator and kind == "tag":
        key, separator, value = rest.partition("=")
        return TaggedAssets(key, value if separator else None)
    return AssetSelection.assets(name)


def _steps(mark: str) -> int | None:
    """How far a mark beside a name reaches; None: however far."""
    return None if mark == "*" else int(mark.strip("+") or 1)
