"""Assets that do not exist, and those that may have been meant."""

from daemon.commands import assets_with
from daemon.operations.errors import did_you_mean
from projections.world import World


def no_asset_text(world: World, asset: str) -> str:
    """The sentence for an asset that does not exist, with near ones."""
    users = assets_with(world, asset)
    if users or asset in world.known.dynamic:
        hint = f" Assets with its keys: {', '.join(users)}." if users else ""
        return f"{asset!r} is a dynamic set; `backfilld partitions list {asset}` lists its keys.{hint}"
    if asset in world.catalog.external:
        return f"{asset!r} is an external asset: no code declares it, so nothing is known of its partitions."
    hint = did_you_mean(asset, world.catalog.assets) or " `backfilld assets` lists what there is."
    return f"there is no asset {asset!r}.{hint}"
