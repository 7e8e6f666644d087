"""Definitions: all that one code location declares."""

from collections.abc import Iterable, Iterator
from types import ModuleType

from backfilld.asset_key import AssetKey
from backfilld.assets import AssetDefinition, AssetDep
from backfilld.errors import InvalidDefinitionError
from backfilld.mappings.infer import infer_mapping


class Definitions:
    """The assets of a code location. At module level it says which; without it all in the module count.

    Raises `InvalidDefinitionError` where two assets share a key.
    """

    def __init__(self, assets: Iterable[AssetDefinition | Iterable[AssetDefinition]] = ()) -> None:
        self.assets: dict[AssetKey, AssetDefinition] = {}
        for each in _flat(assets):
            known = self.assets.setdefault(each.key, each)
            if known is not each:
                raise InvalidDefinitionError(
                    f"expected each asset key once, found two assets {str(each.key)!r}; give one a name= or "
                    f"a key_prefix="
                )

    @classmethod
    def of_module(cls, module: ModuleType) -> "Definitions":
        """What a module declares: its one `Definitions` if it has one, else all assets found in it.

        Assets may also stand in lists and tuples at module level. Raises `InvalidDefinitionError` if there
        are two `Definitions`, or nothing at all.
        """
        values = list(vars(module).values())
        given = {id(value): value for value in values if isinstance(value, Definitions)}
        if len(given) > 1:
            raise InvalidDefinitionError(
                f"expected at most one Definitions in {module.__name__!r}, found {len(given)}; merge them"
            )
        if given:
            return next(iter(given.values()))
        found = cls(_assets_in(values))
        if not found.assets:
            raise InvalidDefinitionError(
                f"expected assets or a Definitions at the top level of {module.__name__!r}, found none; "
                f"decorate a function with @asset"
            )
        return found

    def validate(self) -> None:
        """Raise `InvalidDefinitionError` for what only shows once all assets are known.

        These are key formats that do not tell windows apart, mappings that do not fit the partitions on
        their two sides, and assets that depend on each other in a circle.
        """
        for each in self.assets.values():
            if each.partitions_def is not None:
                each.partitions_def.validate()
            for dep in each.deps:
                self._validate_dep(each, dep)
        self._refuse_circles()

    def _validate_dep(self, downstream: AssetDefinition, dep: AssetDep) -> None:
        upstream = self.assets.get(dep.asset_key)
        if upstream is None:
            return
        try:
            mapping = dep.partition_mapping or infer_mapping(
                upstream.partitions_def, downstream.partitions_def
            )
            mapping.validate(upstream.partitions_def, downstream.partitions_def)
        except InvalidDefinitionError as error:
            raise InvalidDefinitionError(
                f"asset {str(downstream.key)!r} can not depend on {str(upstream.key)!r}: {error}"
            ) from error
        if upstream is downstream and not mapping.looks_back:
            raise InvalidDefinitionError(
                f"expected asset {str(downstream.key)!r} to depend on its own earlier partitions only, found "
                f"{mapping}; give AssetDep a TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)"
            )

    def _refuse_circles(self) -> None:
        done: set[AssetKey] = set()
        for key in self.assets:
            path: dict[AssetKey, Iterator[AssetKey]] = {key: self._upstream(key)} if key not in done else {}
            while path:
                at = next(reversed(path))
                following = next((above for above in path[at] if above not in done), None)
                if following is None:
                    done.add(at)
                    del path[at]
                elif following in path:
                    circle = [*list(path)[list(path).index(following) :], following]
                    raise InvalidDefinitionError(
                        f"expected assets not to depend on each other in a circle, found "
                        f"{' <- '.join(map(str, reversed(circle)))}; take one of these deps away"
                    )
                else:
                    path[following] = self._upstream(following)

    def _upstream(self, key: AssetKey) -> Iterator[AssetKey]:
        """The defined assets that one needs, itself left out."""
        return (
            dep.asset_key
            for dep in self.assets[key].deps
            if dep.asset_key in self.assets and dep.asset_key != key
        )


def _flat(assets: Iterable[AssetDefinition | Iterable[AssetDefinition]]) -> Iterator[AssetDefinition]:
    for each in assets:
        for one in each if isinstance(each, Iterable) else (each,):
            if not isinstance(one, AssetDefinition):
                raise InvalidDefinitionError(
                    f"expected assets, found {one!r}; decorate the function with @asset"
                )
            yield one


def _assets_in(values: Iterable[object]) -> Iterator[AssetDefinition]:
    for value in values:
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, AssetDefinition):
                yield one
