"""Limits that runs of many backfills share, and who takes what of them."""

from daemon.operations.operation import ListQuestion, Page, operation
from daemon.operations.paging import page_of
from daemon.operations.records import Records
from daemon.operations.setting_pools import PoolRow, pool_row
from projections.pools import Pool


@operation("GET", "/pools")
async def pools(records: Records, asked: ListQuestion) -> Page[PoolRow]:
    """List the pools by name: their limits, what of them is taken, and by whom.

    :raises UsageError: the cursor is none.
    """
    records.need_all_facts("who holds the pools")
    world = await records.world()
    named = {node.pool for node in world.catalog.assets.values() if node.pool is not None}
    known = world.known.pools
    page = page_of(sorted(named | known.keys()), asked, str)
    rows = [pool_row(world, known.get(name, Pool(name))) for name in page.items]
    return Page(rows, page.next, page.total)
