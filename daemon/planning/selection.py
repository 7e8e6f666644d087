"""Selections: which assets a person means by names, neighbours, groups, tags and jobs."""

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches

import msgspec

from backfilld.errors import InvalidDefinitionError
from backfilld.selection import (
    AssetSelection,
    GroupedAssets,
    NamedAssets,
    Neighbours,
    TaggedAssets,
    UnionOf,
)
from daemon.refusal import Refused
from projections.catalog import Catalog, JobNode

JOB_PREFIX = "job:"


class Selected(msgspec.Struct, frozen=True):
    """What was selected: the assets, in topological order, and the jobs that some of them came by."""

    assets: tuple[str, ...]
    jobs: tuple[JobNode, ...] = ()


def select(catalog: Catalog, terms: Sequence[str]) -> Selected | Refused:
    """The assets of the union of all terms.

    A term is what `AssetSelection.from_string` reads, or the name of a job, with or without ``job:`` before
    it; where an asset has the same name, the asset is meant.
    """
    if not terms:
        return Refused("no asset was named; name at least one, or '*' for all")
    chosen: set[str] = set()
    jobs: dict[str, JobNode] = {}
    for term in map(str.strip, terms):
        job = _job(catalog, term)
        match job:
            case Refused():
                return job
            case JobNode():
                jobs[job.name] = job
                chosen.update(job.assets)
                continue
        found = _select_one(catalog, term)
        if isinstance(found, Refused):
            return found
        chosen |= found
    return Selected(tuple(key for key in catalog.assets if key in chosen), tuple(jobs.values()))


def _job(catalog: Catalog, term: str) -> JobNode | Refused | None:
    """The job that a term names, if it is meant to name one."""
    if term.startswith(JOB_PREFIX):
        name = term.removeprefix(JOB_PREFIX)
        return catalog.jobs.get(name) or _unknown("job", name, catalog.jobs)
    return None if term in catalog.assets else catalog.jobs.get(term)


def _select_one(catalog: Catalog, term: str) -> frozenset[str] | Refused:
    if term == "*" and not catalog.assets:
        return Refused("there are no assets: load a code location that declares some")
    try:
        selection = AssetSelection.from_string(term)
    except InvalidDefinitionError as error:
        return Refused(str(error))
    for part in _parts(selection):
        refused = _names_nothing(catalog, part)
        if refused is not None:
            return refused
    return selection.select(catalog)


def _parts(selection: AssetSelection) -> Iterator[AssetSelection]:
    """The parts of a selection that name assets, groups or tags."""
    match selection:
        case Neighbours(of=of):
            yield from _parts(of)
        case UnionOf(left=left, right=right):
            yield from _parts(left)
            yield from _parts(right)
        case _:
            yield selection


def _names_nothing(catalog: Catalog, part: AssetSelection) -> Refused | None:
    nodes = catalog.assets.values()
    match part:
        case NamedAssets(keys=(key,)) if key in catalog.external:
            return Refused(f"{key!r} is an external asset: no code location defines it, so it cannot be run")
        case NamedAssets(keys=(key,)) if key not in catalog.assets:
            return _unknown("asset", key, {*catalog.assets, *catalog.jobs})
        case GroupedAssets(names=(name,)) if not part.select(catalog):
            return _unknown("group", name, {node.group for node in nodes})
        case TaggedAssets(key=key, value=value) if not part.select(catalog):
            named = key if value is None else f"{key}={value}"
            return _unknown("tag", named, {tag for node in nodes for tag in node.tags})
    return None


def _unknown(kind: str, name: str, existing: Collection[str]) -> Refused:
    near = tuple(get_close_matches(name, sorted(existing), n=3, cutoff=0.5))
    if near:
        return Refused(f"there is no {kind} {name!r}; did you mean {' or '.join(map(repr, near))}?", near)
    if not existing:
        return Refused(f"there is no {kind} {name!r}; no code location has been loaded with one")
    listed = "jobs" if kind == "job" else "assets"
    return Refused(f"there is no {kind} {name!r}; `backfilld {listed}` lists what there is")
