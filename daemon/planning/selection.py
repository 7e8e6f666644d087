"""Selections: which assets a person means by names, neighbours, groups and tags."""

import re
from collections.abc import Callable, Collection, Sequence
from difflib import get_close_matches

from daemon.refusal import Refused
from projections.catalog import Catalog

_TERM = re.compile(r"(?P<up>\*|\d*\+)?(?P<name>[^*+]+)(?P<down>\*|\+\d*)?")


def select(catalog: Catalog, terms: Sequence[str]) -> tuple[str, ...] | Refused:
    """The assets of the union of all terms, in topological order.

    A term is an asset's name, ``group:NAME``, ``tag:KEY=VALUE`` or ``tag:KEY``, or ``*`` for all;
    with ``+a`` (one step upstream), ``2+a``, ``*a`` (everything upstream), and ``a+``, ``a+2``, ``a*`` for
    downstream.
    """
    if not terms:
        return Refused("no asset was named; name at least one, or '*' for all")
    chosen: set[str] = set()
    for term in terms:
        found = _select_one(catalog, term.strip())
        if isinstance(found, Refused):
            return found
        chosen |= found
    return tuple(key for key in catalog.assets if key in chosen)


def _select_one(catalog: Catalog, term: str) -> set[str] | Refused:
    if term == "*":
        return set(catalog.assets) or Refused("there are no assets: load a code location that declares some")
    match = _TERM.fullmatch(term)
    if match is None:
        return Refused(
            f"{term!r} is not a selection; write an asset's name, with '+' or '*' before or after it for its "
            f"neighbours, group:NAME or tag:KEY=VALUE"
        )
    named = _named(catalog, match["name"])
    if isinstance(named, Refused):
        return named
    return _reach(named, catalog.upstream, _steps(match["up"])) | _reach(
        named, catalog.downstream, _steps(match["down"])
    )


def _named(catalog: Catalog, name: str) -> set[str] | Refused:
    if name.startswith("group:"):
        groups = {node.group for node in catalog.assets.values()}
        return _matching(
            catalog, "group", name[6:], groups, lambda key: catalog.assets[key].group == name[6:]
        )
    if name.startswith("tag:"):
        tag, _, value = name[4:].partition("=")
        tags = {tag for node in catalog.assets.values() for tag in node.tags}

        def tagged(key: str) -> bool:
            carried = catalog.assets[key].tags
            return tag in carried and (carried[tag] == value or "=" not in name)

        return _matching(catalog, "tag", name[4:], tags, tagged)
    if name in catalog.assets:
        return {name}
    if name in catalog.external:
        return Refused(f"{name!r} is an external asset: no code location defines it, so it cannot be run")
    return _unknown("asset", name, catalog.assets)


def _matching(
    catalog: Catalog, kind: str, name: str, existing: set[str], claim: Callable[[str], bool]
) -> set[str] | Refused:
    return {key for key in catalog.assets if claim(key)} or _unknown(kind, name, existing)


def _unknown(kind: str, name: str, existing: Collection[str]) -> Refused:
    near = tuple(get_close_matches(name, sorted(existing), n=3, cutoff=0.5))
    if near:
        return Refused(f"there is no {kind} {name!r}; did you mean {' or '.join(map(repr, near))}?", near)
    if not existing:
        return Refused(f"there is no {kind} {name!r}; no code location has been loaded with one")
    return Refused(f"there is no {kind} {name!r}; `backfilld assets` lists what there is")


def _steps(mark: str | None) -> float:
    """How far a mark before or after a name reaches: none, n steps, or without end."""
    if not mark:
        return 0
    if mark == "*":
        return float("inf")
    return int(mark.strip("+") or 1)


def _reach(start: set[str], neighbours: Callable[[str], Sequence[str]], steps: float) -> set[str]:
    reached, edge = set(start), set(start)
    while edge and steps > 0:
        edge = {other for key in edge for other in neighbours(key)} - reached
        reached |= edge
        steps -= 1
    return reached
