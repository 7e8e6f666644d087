"""What the address of the lineage asks for, and which assets that comes to."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal

import msgspec

from daemon.operations.errors import UsageError
from daemon.planning.selection import select
from daemon.refusal import Refused
from projections.catalog import Catalog

Around = Literal["", "near", "all"]
AROUND: Final[Mapping[Around, str]] = {
    "": "these alone",
    "near": "with their neighbours",
    "all": "with all upstream and downstream",
}
HINTS_MAX: Final = 100


class Asked(msgspec.Struct, frozen=True):
    """What the address asks to see, and what is selected in it."""

    text: str
    group: str
    around: Around
    is_list: bool
    opened: tuple[str, ...]  # groups whose assets are to be seen however many there are
    is_unfolded: bool  # all of them are
    selection: str  # as typed
    chosen: frozenset[str]  # assets, by their boxes and by the selection
    refusal: str | None  # of the selection

    @property
    def is_narrowed(self) -> bool:
        """Whether not all assets are asked for."""
        return bool(self.text or self.group)


def asked_of(
    catalog: Catalog, query: Mapping[str, str], boxes: Iterable[str] = (), opened: Iterable[str] = ()
) -> Asked:
    """What the address asks for; ``boxes`` are terms that were ticked: assets, or groups.

    :raises UsageError: a part of it makes no sense.
    """
    around = query.get("around", "")
    known = next((each for each in AROUND if each == around), None)
    if known is None:
        raise UsageError(f"around: {around!r} is neither 'near' nor 'all'.")
    typed = query.get("selection", "").strip()
    selected = select(catalog, [typed]) if typed else None
    refusal = selected.reason if isinstance(selected, Refused) else None
    by_text = () if selected is None or isinstance(selected, Refused) else selected.assets
    by_box = (_ticked(catalog, each) for each in boxes)
    return Asked(
        text=query.get("q", "").strip(),
        group=query.get("group", ""),
        around=known,
        is_list=query.get("view") == "list",
        opened=tuple(each for each in dict.fromkeys(opened) if each and each != query.get("fold")),
        is_unfolded=query.get("unfolded") == "on",
        selection=typed,
        chosen=frozenset(by_text).union(*by_box),
        refusal=refusal,
    )


def _ticked(catalog: Catalog, term: str) -> tuple[str, ...]:
    """The assets of a box; none of one that is not there any more."""
    found = select(catalog, [term])
    return () if isinstance(found, Refused) else found.assets


def shown_of(catalog: Catalog, asked: Asked) -> list[str]:
    """The assets that are asked for, and those around them: external ones first, then upstream first."""
    external = sorted(catalog.external)
    found = {
        key
        for key, node in catalog.assets.items()
        if (not asked.group or node.group == asked.group) and asked.text.lower() in key.lower()
    }
    if not asked.group:
        found.update(key for key in external if asked.text.lower() in key.lower())
    if asked.is_narrowed and asked.around:
        is_once = asked.around == "near"
        ups = _reached(found, needed_by_asset(catalog), is_once=is_once)
        found = ups | _reached(found, _needing(catalog), is_once=is_once)
    return [key for key in (*external, *catalog.assets) if key in found]


def needed_by_asset(catalog: Catalog) -> Callable[[str], Iterable[str]]:
    """What an asset needs, external ones among it; these need nothing that is known."""

    def needed(key: str) -> Iterable[str]:
        node = catalog.assets.get(key)
        return () if node is None else dict.fromkeys(dep.asset for dep in node.deps)

    return needed


def _needing(catalog: Catalog) -> Callable[[str], Iterable[str]]:
    of_external: dict[str, list[str]] = {}
    for key, node in catalog.assets.items():
        for dep in node.deps:
            if dep.asset in catalog.external:
                of_external.setdefault(dep.asset, []).append(key)
    return lambda key: catalog.downstream(key) if key in catalog.assets else of_external.get(key, ())


def _reached(start: set[str], neighbours: Callable[[str], Iterable[str]], *, is_once: bool) -> set[str]:
    found, left = set(start), list(start)
    while left:
        following = {other for key in left for other in neighbours(key)} - found
        found |= following
        left = [] if is_once else list(following)
    return found


def hints_of(catalog: Catalog) -> list[str]:
    """What a selection may name beside assets."""
    groups = {f"group:{node.group}" for node in catalog.assets.values()}
    tags = {f"tag:{name}={value}" for node in catalog.assets.values() for name, value in node.tags.items()}
    return [*(f"job:{name}" for name in sorted(catalog.jobs)), *sorted(groups), *sorted(tags)][:HINTS_MAX]
