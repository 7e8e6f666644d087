"""The page of one asset: what it is, how its partitions stand, and what filled it last."""

from typing import Any

from litestar import Response, get

from daemon.definition_text import definition_text, kind_text, mapping_text, retry_text
from daemon.operations.errors import UsageError
from daemon.web.asking import Asking
from daemon.web.pages.listed import Listed, listed
from daemon.web.pages.looking import AnyRequest, Look, look
from daemon.web.pages.materialized import latest_of, values_of
from daemon.web.pages.rendering import rendered
from daemon.web.pages.subject import Subject, subject_of, users_of
from daemon.web.pages.zooming import KeyRange, View, view_of
from projections.asset_status import PARTITION_STATUSES, PartitionStatus

KEPT = frozenset({"from", "to", "status", "find"})  # of the query, by links within the page


@get("/assets/{key:path}", name="asset")
async def asset(key: str, request: AnyRequest, asking: Asking) -> Response[str]:
    """The page, with the partitions that the query looks at.

    :raises UnknownError: there is no such asset.
    """
    seen = await look(request, asking)
    key = key.removeprefix("/")
    subject_of(seen.world, key, seen.records.now())  # Nothing need be read of one that does not exist.
    latest = await latest_of(seen.records, key)
    subject = subject_of(seen.world, key, seen.records.now())
    query = seen.query
    view = view_of(subject, query.get("from", ""), query.get("to", ""))
    status = status_of(query.get("status", ""))
    found = listed(
        subject, view.bits, status=status, text=query.get("find", "").strip(), after=query.get("after", "")
    )
    return rendered(
        seen,
        "asset.html",
        described(seen, subject)
        | shown(view, found)
        | addresses(seen, key)
        | {"status": status, "latest": latest, "query": query},
    )


def described(seen: Look, subject: Subject) -> dict[str, Any]:
    """What the asset is, and what it stands between."""
    node = subject.node
    definition = None if node is None else node.definition
    return {
        "subject": subject,
        "node": node,
        "declared": () if node is None else values_of(node.metadata),
        "kind": "" if node is None else kind_text(definition),
        "definition": definition_text(definition),
        "policy": "one run" if node is None or definition is None else node.policy_text,
        "retry": retry_text(None if node is None else node.retry),
        "upstream": [] if node is None else [(dep.asset, mapping_text(dep.mapping)) for dep in node.deps],
        "downstream": [(key, mapping_text(dep.mapping)) for key, dep in users_of(seen.world, subject.key)],
        "external": seen.world.catalog.external,
        "pool": None if node is None or node.pool is None else seen.world.known.pools.get(node.pool),
    }


def shown(view: View, found: Listed) -> dict[str, Any]:
    """The partitions that are looked at."""
    return {"view": view, "listed": found, "statuses": PARTITION_STATUSES}


def addresses(seen: Look, key: str) -> dict[str, Any]:
    """Where the page's own links lead: to itself with another query."""
    kept = {name: value for name, value in seen.query.items() if name in KEPT}

    def here(**changed: str | None) -> str:
        return seen.asset_link(key, **(kept | changed))

    def zoomed(keys: KeyRange) -> str:
        return seen.asset_link(key, **(kept | {"from": keys[0], "to": keys[1]}))

    return {"here": here, "zoomed": zoomed}


def status_of(typed: str) -> PartitionStatus | None:
    """The status that the list is narrowed to; None for all.

    :raises UsageError: there is no such status.
    """
    if not typed:
        return None
    for status in PARTITION_STATUSES:
        if typed == status:
            return status
    raise UsageError(f"status: no partition is {typed!r}, but {', '.join(PARTITION_STATUSES)}.")
