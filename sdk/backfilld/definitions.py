"""Definitions: all that one code location declares."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from types import ModuleType

from backfilld.asset_graph import DefinedAssets
from backfilld.asset_key import AssetKey
from backfilld.assets import AssetDefinition, AssetDep
from backfilld.errors import InvalidDefinitionError
from backfilld.jobs import JobDefinition
from backfilld.mappings.infer import infer_mapping


class Definitions:
    """The assets and jobs of a code location. At module level it says which; without it all there count.

    Raises `InvalidDefinitionError` where two assets share a key, or two jobs a name.
    """

    def __init__(
        self,
        assets: Iterable[AssetDefinition | Iterable[AssetDefinition]] = (),
        jobs: Iterable[JobDefinition] = (),
    ) -> None:
        self.assets: dict[AssetKey, AssetDefinition] = {}
        for each in _flat(assets):
            known = self.assets.setdefault(each.key, each)
            if known is not each:
                raise InvalidDefinitionError(
                    f"expected each asset key once, found two assets {str(each.key)!r}; give one a name= or "
                    f"a key_prefix="
                )
        self.jobs: dict[str, JobDefinition] = {}
        for job in jobs:
            if not isinstance(job, JobDefinition):
                raise InvalidDefinitionError(f"expected jobs, found {job!r}; make one by define_asset_job()")
            if self.jobs.setdefault(job.name, job) is not job:
                raise InvalidDefinitionError(f"expected each job's name once, found two jobs {job.name!r}")

    @classmethod
    def of_module(cls, module: ModuleType) -> "Definitions":
        """What a module or a package declares: its one `Definitions`, or else all assets and jobs in it.

        Those may also stand in lists and tuples at module level. A package that has no `Definitions` at its
        own top level counts together with all modules in it, which are imported, `__main__` left out. Raises
        `InvalidDefinitionError` if there are two `Definitions`, or nothing at all.
        """
        values = list(vars(module).values())
        given = _definitions_in(values)
        if not given and hasattr(module, "__path__"):
            values += [value for each in _modules_of(module) for value in vars(each).values()]
            given = _definitions_in(values)
        if len(given) > 1:
            raise InvalidDefinitionError(
                f"expected at most one Definitions in {module.__name__!r}, found {len(given)}; merge them"
            )
        if given:
            return given[0]
        loose = [one for value in values for one in (value if isinstance(value, list | tuple) else (value,))]
        found = cls(
            assets=[each for each in loose if isinstance(each, AssetDefinition)],
            jobs=[each for each in loose if isinstance(each, JobDefinition)],
        )
        if not found.assets:
            raise InvalidDefinitionError(
                f"expected assets or a Definitions at the top level of {module.__name__!r}, found none; "
                f"decorate a function with @asset"
            )
        return found

    def validate(self) -> None:
        """Raise `InvalidDefinitionError` for what only shows once all assets are known.

        These are key formats that do not tell windows apart, mappings that do not fit the partitions on
        their two sides, assets that depend on each other in a circle, and jobs over assets that are not
        there or have other partitions than the job.
        """
        for each in self.assets.values():
            if each.partitions_def is not None:
                each.partitions_def.validate()
            for dep in each.deps:
                self._validate_dep(each, dep)
        self._refuse_circles()
        graph = DefinedAssets(self.assets.values())
        for job in self.jobs.values():
            self._validate_job(job, graph)

    def _validate_job(self, job: JobDefinition, graph: DefinedAssets) -> None:
        try:
            selected = job.selection.select(graph)
        except InvalidDefinitionError as error:
            raise InvalidDefinitionError(f"job {job.name!r}: {error}") from error
        if not selected:
            raise InvalidDefinitionError(
                f"job {job.name!r}: expected its selection to have assets, found none; change the selection"
            )
        for key in sorted(selected) if job.partitions_def is not None else ():
            definition = self.assets[AssetKey(key)].partitions_def
            if definition not in (None, job.partitions_def):
                raise InvalidDefinitionError(
                    f"job {job.name!r}: expected the partitioned assets to have its partitions_def "
                    f"{job.partitions_def!r}, found {key!r} with {definition!r}; select others or leave "
                    f"partitions_def out"
                )

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


def _definitions_in(values: Iterable[object]) -> list[Definitions]:
    return list({id(value): value for value in values if isinstance(value, Definitions)}.values())


def _modules_of(package: ModuleType) -> Iterator[ModuleType]:
    """All modules and packages within a package, imported, by name."""
    inner = pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    for name in sorted(found.name for found in inner):
        if not name.endswith(".__main__"):
            module = importlib.import_module(name)
            yield module
            if hasattr(module, "__path__"):
                yield from _modules_of(module)
