"""The page of one asset: what it is, how its partitions stand, and what filled it last."""

from collections.abc import Callable, Mapping
from typing import Any

from litestar import Response, get

from backfilld.partitions import MultiPartitions
from daemon.definition_text import definition_text, kind_text, mapping_text, retry_text
from daemon.operations.partitions import known_status
from daemon.operations.records import Records
from daemon.time_text import duration_text
from daemon.web.asking import Asking
from daemon.web.pages.listed import Listed, listed
from daemon.web.pages.looking import AnyRequest, Look, look
from daemon.web.pages.materialized import latest_of, values_of
from daemon.web.pages.plots import plots_of, points_of, sampled
from daemon.web.pages.reaching import About, about
from daemon.web.pages.rendering import rendered
from daemon.web.pages.subject import Subject, subject_of, users_of
from daemon.web.pages.tried import EACH, attempts_by_ordinal
from daemon.web.pages.zooming import KeyRange, View, view_of
from projections.asset_status import PARTITION_STATUSES, PartitionStatus
from projections.catalog import Dependency

MANY = 500  # facts, and runs, about more than one partition that are looked through
KEPT = frozenset({"from", "to", "status", "find"})  # of the query, by links within the page


@get("/assets/{key:path}", name="asset")
async def asset(key: str, request: AnyRequest, asking: Asking) -> Response[str]:
    """The page, with the partitions that the query looks at.

    :raises UnknownError: there is no such asset.
    :raises UsageError: there is no such status, or no such place in the list.
    """
    seen = await look(request, asking)
    key = key.removeprefix("/")
    subject = subject_of(seen.world, key, seen.records.now())
    query, status = seen.query, known_status(seen.query.get("status") or None)
    view, found = looked_at(subject, query, status)
    listing = [each.ordinal for each in found.items]
    samples = sampled(view.bits - subject.bits["missing"])
    latest = await latest_of(seen.records, key) if subject.kind != "external" else None
    filled, unfilled = await known_of(seen.records, subject, sorted({*samples, *listing}))
    values = {
        "view": view,
        "listed": found,
        "statuses": PARTITION_STATUSES,
        "status": status,
        "latest": latest,
        "query": query,
        "plots": plots_of(points_of(filled, samples, subject.partitions), placing(subject, view)),
        "samples": len(samples),
        "attempts": attempts_by_ordinal(filled, unfilled, listing),
    }
    return rendered(seen, "asset.html", described(seen, subject) | addresses(seen, key) | values)


def looked_at(
    subject: Subject, query: Mapping[str, str], status: PartitionStatus | None
) -> tuple[View, Listed]:
    """The partitions that the query looks at, as a picture and as a list."""
    view = view_of(subject, query.get("from", ""), query.get("to", ""))
    text, after = query.get("find", "").strip(), query.get("after", "")
    return view, listed(subject, view.bits, status=status, text=text, after=after)


async def known_of(
    records: Records, subject: Subject, ordinals: list[int]
) -> tuple[list[About], list[About]]:
    """What the tables say of a few partitions: what filled them, and the runs that did not, or not yet."""
    if subject.kind == "external" or not ordinals:
        return [], []
    keys = [subject.partitions.key(ordinal) for ordinal in ordinals] if subject.is_partitioned else []
    found = await records.of_partitions(subject.key, keys, each=EACH, many=MANY)
    partitions = subject.partitions
    return about(found.filled, ordinals, partitions), about(found.unfilled, ordinals, partitions)


def placing(subject: Subject, view: View) -> Callable[[int], float]:
    """Where partitions stand on the axis of what is looked at."""
    partitions = subject.partitions
    if not isinstance(partitions, MultiPartitions) or not view.ordinals:
        low, count = (view.ordinals.first, view.count) if view.ordinals else (0, 1)
        return lambda ordinal: (ordinal - low + 0.5) / count
    across, width = view.across, partitions.width
    side = partitions.projected(view.ordinals, across)
    return lambda ordinal: (divmod(ordinal, width)[across] - side.first + 0.5) / len(side)


def described(seen: Look, subject: Subject) -> dict[str, Any]:
    """What the asset is, and what it stands between."""
    node, external = subject.node, seen.world.catalog.external

    def how(dependency: Dependency) -> str:
        """Of an external asset nobody knows what partitions it has."""
        return "" if dependency.asset in external else mapping_text(dependency.mapping)

    definition = None if node is None else node.definition
    return {
        "subject": subject,
        "node": node,
        "declared": () if node is None else values_of(node.metadata),
        "kind": "" if node is None else kind_text(definition),
        "definition": definition_text(definition),
        "policy": "one run" if node is None or definition is None else node.policy_text,
        "timeout": None if node is None or node.timeout_s is None else duration_text(node.timeout_s),
        "choices": choices_of(subject),
        "retry": retry_text(None if node is None else node.retry),
        "upstream": [] if node is None else [(dep.asset, how(dep)) for dep in node.deps],
        "downstream": [(key, how(dep)) for key, dep in users_of(seen.world, subject.key)],
        "external": external,
        "pool": None if node is None or node.pool is None else seen.world.known.pools.get(node.pool),
    }


def choices_of(subject: Subject) -> list[tuple[str, str, int]]:
    """What can be launched in one go: the name that the launch knows it by, words, and how many they are."""
    missing, failed = len(subject.bits["missing"]), len(subject.bits["failed"]) + len(subject.bits["skipped"])
    both = missing + failed if missing and failed else 0
    choices = (
        ("missing", "missing", missing),
        ("failed", "failed or skipped", failed),
        ("failed_and_missing", "failed, skipped or missing", both),
    )
    return [choice for choice in choices if choice[2]]


def addresses(seen: Look, key: str) -> dict[str, Any]:
    """Where the page's own links lead: to itself with another query."""
    kept = {name: value for name, value in seen.query.items() if name in KEPT}

    def here(**changed: str | None) -> str:
        return seen.asset_link(key, **(kept | changed))

    def zoomed(keys: KeyRange) -> str:
        return seen.asset_link(key, **(kept | {"from": keys[0], "to": keys[1]}))

    return {"here": here, "zoomed": zoomed}
