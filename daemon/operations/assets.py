"""What is declared, and what is filled of it: all assets, and all that is known of one."""

from datetime import datetime
from typing import Any

import msgspec

from daemon.definition_text import definition_text, kind_text, mapping_text, retry_text
from daemon.operations.asset_names import no_asset_text
from daemon.operations.errors import UnknownError
from daemon.operations.fields import AssetKey
from daemon.operations.moment import Moment
from daemon.operations.operation import ListQuestion, PastQuestion, operation
from daemon.operations.paging import page_of
from daemon.operations.records import Records
from events.facts import PartitionKeys
from projections.asset_status import AssetStatus, PartitionStatus
from projections.catalog import AssetNode, partitions_at
from projections.world import World


class Extent(msgspec.Struct, frozen=True):
    """The partitions that an asset has now."""

    count: int
    first: str | None
    last: str | None


class AssetRow(msgspec.Struct, frozen=True):
    """An asset as JSON shows it; of an external one only what others say of it is known."""

    asset: str
    external: bool
    downstream: tuple[str, ...]
    upstream: tuple[str, ...] = ()
    partitions: Extent | None = None  # None: it has none
    policy: str | None = None
    partitions_per_run_max: int | None = None  # None: no limit, a run fills a whole range
    timeout_s: float | None = None
    group: str | None = None
    description: str | None = None
    code_location: str | None = None
    statuses: dict[PartitionStatus, int] = {}


class Assets(msgspec.Struct, frozen=True):
    """A page of assets."""

    items: list[AssetRow]
    next: str | None = None
    total: int | None = None
    why_none: str | None = None  # there are no assets


class Neighbour(msgspec.Struct, frozen=True):
    """An asset beside another, and which partitions of the one upstream a partition of the other needs."""

    asset: str
    needs: str  # in words
    external: bool = False


class Materialized(msgspec.Struct, frozen=True):
    """What a fact says of partitions that were filled."""

    position: int  # of the fact
    at: datetime
    partitions: PartitionKeys | None
    backfill_id: str | None
    run_id: str | None
    code_version: str | None
    metadata: dict[str, Any]


class AssetAsked(PastQuestion, frozen=True, kw_only=True):
    """Which asset."""

    asset: AssetKey


class AssetShown(AssetRow, frozen=True):
    """All that is known of an asset."""

    kind: str | None = None  # of its partitions, in a word or two
    definition: str | None = None  # of its partitions, as a sentence
    needs: tuple[Neighbour, ...] = ()
    needed_by: tuple[Neighbour, ...] = ()
    retry: str | None = None  # how often a failed run is tried again, in words
    pool: str | None = None
    code_version: str | None = None
    tags: dict[str, str] = {}
    metadata: dict[str, Any] = {}  # as declared
    jobs: tuple[str, ...] = ()  # that it is in
    latest: Materialized | None = None
    as_of: Moment | None = None  # None: now


@operation("GET", "/assets")
async def assets(records: Records, asked: ListQuestion) -> Assets:
    """List the assets, upstream first: their partitions, what they need, and how much of each is filled.

    :raises UsageError: the cursor is none.
    """
    records.need_all_facts("how assets stand")
    world, now = await records.world(), records.now()
    page = page_of(keys_of_all(world), asked, str)
    rows = [row_of(world, key, now) for key in page.items]
    return Assets(rows, page.next, page.total, None if page.total else nothing_text(world))


@operation("GET", "/assets/{asset:path}")
async def asset(records: Records, asked: AssetAsked) -> AssetShown:
    """Show one asset: its definition and policy, its neighbours, its partitions, and what filled it last.

    :raises UnknownError: there is no such asset.
    """
    key = asked.asset
    records.need_all_facts("how an asset stands")
    check_known(await records.world(), key)
    latest = await latest_of(records, key)
    world = await records.world()  # The code may have changed while the table was read.
    check_known(world, key)
    shown = AssetShown(
        **msgspec.structs.asdict(row_of(world, key, records.now())),
        needed_by=tuple(
            Neighbour(other, mapping_text(dep.mapping))
            for other, node in world.catalog.assets.items()
            for dep in node.deps
            if dep.asset == key
        ),
        latest=latest,
        as_of=records.moment,
    )
    node = world.catalog.assets.get(key)
    return shown if node is None else msgspec.structs.replace(shown, **_declared(world, node))


async def latest_of(records: Records, key: str) -> Materialized | None:
    """What filled an asset last; a file of a log has no table that says it."""
    if records.place.database_url is None:
        return None
    rows = await records.materializations(key, limit=1)
    if not rows:
        return None
    names = {field.name for field in msgspec.structs.fields(Materialized)}
    return msgspec.convert({name: each for name, each in rows[0].items() if name in names}, Materialized)


def _declared(world: World, node: AssetNode) -> dict[str, Any]:
    """What the code says of an asset beyond what a row has."""
    return {
        "kind": kind_text(node.definition),
        "definition": definition_text(node.definition),
        "needs": tuple(
            Neighbour(dep.asset, mapping_text(dep.mapping), dep.asset in world.catalog.external)
            for dep in node.deps
        ),
        "retry": retry_text(node.retry),
        "pool": node.pool,
        "code_version": node.code_version,
        "tags": node.tags,
        "metadata": node.metadata,
        "jobs": tuple(sorted(job.name for job in world.catalog.jobs.values() if node.key in job.assets)),
    }


def check_known(world: World, key: str) -> None:
    """Nothing, for an asset that is declared, or that others need.

    :raises UnknownError: it is neither.
    """
    if key not in world.catalog.assets and key not in world.catalog.external:
        raise UnknownError(no_asset_text(world, key))


def keys_of_all(world: World) -> list[str]:
    """All assets, upstream first, and the external ones in front."""
    return [*sorted(world.catalog.external), *world.catalog.assets]


def rows_of(world: World, now: datetime) -> list[AssetRow]:
    """All assets, in that order."""
    return [row_of(world, key, now) for key in keys_of_all(world)]


def row_of(world: World, key: str, now: datetime) -> AssetRow:
    """An asset of a list."""
    catalog = world.catalog
    node = catalog.assets.get(key)
    if node is None:
        users = tuple(
            other for other, each in catalog.assets.items() if any(dep.asset == key for dep in each.deps)
        )
        return AssetRow(asset=key, external=True, downstream=users)
    partitions = partitions_at(node.definition, now)
    by_status = world.statuses(now).get(key, AssetStatus()).bits_by_status(partitions.all())
    extent = None
    if node.definition is not None:
        count = len(partitions)
        ends = (partitions.key(0), partitions.key(count - 1)) if count else (None, None)
        extent = Extent(count, *ends)
    return AssetRow(
        asset=key,
        external=False,
        downstream=catalog.downstream(key),
        upstream=tuple(dep.asset for dep in node.deps),
        partitions=extent,
        policy=node.policy_text if extent is not None else "one run",
        partitions_per_run_max=node.partitions_per_run_max,
        timeout_s=node.timeout_s,
        group=node.group,
        description=node.description,
        code_location=node.code_location,
        statuses={status: len(bits) for status, bits in by_status.items()},
    )


def nothing_text(world: World) -> str:
    """Why there are no assets."""
    failed = [name for name, state in world.known.not_loaded.items() if state.failure is not None]
    if failed:
        names = ", ".join(failed)
        return f"No assets: {names} failed to load. `backfilld log --type DefinitionsFailed` says why."
    return "No assets: no code has been loaded yet; `backfilld up CODE` loads it."
