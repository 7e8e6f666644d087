"""The assets of one code location as a graph of keys, for selections to choose from."""

from collections.abc import Collection, Iterable, Mapping

from backfilld.assets import AssetDefinition


class DefinedAssets:
    """An `AssetGraph` of asset definitions; external assets are none of it."""

    def __init__(self, assets: Iterable[AssetDefinition]) -> None:
        self._assets = {str(asset.key): asset for asset in assets}
        self._downstream: dict[str, list[str]] = {key: [] for key in self._assets}
        for key in self._assets:
            for above in self.upstream(key):
                self._downstream[above].append(key)

    @property
    def keys(self) -> Collection[str]:
        """The keys of all of them."""
        return self._assets.keys()

    def upstream(self, key: str) -> Iterable[str]:
        """The assets that one needs directly."""
        deps = (str(dep.asset_key) for dep in self._assets[key].deps)
        return [above for above in deps if above in self._assets]

    def downstream(self, key: str) -> Iterable[str]:
        """The assets that need one directly."""
        return self._downstream[key]

    def group(self, key: str) -> str:
        """The group that an asset is in."""
        return self._assets[key].group_name

    def tags(self, key: str) -> Mapping[str, str]:
        """The tags of an asset."""
        return self._assets[key].tags
