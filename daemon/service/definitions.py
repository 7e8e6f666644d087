"""Loading what the code locations declare, and recording it."""

from collections.abc import Sequence

import msgspec
import structlog

from backfilld.errors import BackfilldError
from daemon.launching.code_location import CodeLocation, Loaded, LoadFailure
from daemon.launching.local import LocalLauncher
from daemon.service.errors import CodeNotImportedError
from daemon.service.reactor import Reactor
from events.facts import DefinitionsFailed, DefinitionsLoaded, Failure
from projections.catalog import AssetCycleError, Catalog
from projections.world import World

log = structlog.get_logger(__name__)


class DefinitionsLoader:
    """Imports the code locations, in processes of their own, and tells the log what they declare."""

    def __init__(
        self, launcher: LocalLauncher, reactor: Reactor, code_locations: Sequence[CodeLocation]
    ) -> None:
        self._launcher = launcher
        self._reactor = reactor
        self._code_locations = code_locations
        self._loaded: list[Loaded] = []

    async def load_first(self) -> None:
        """Import everything once, before anything is launched.

        :raises CodeNotImportedError: at least one code location failed.
        """
        answers = [await self._load(location) for location in self._code_locations]
        failures = tuple(answer for answer in answers if isinstance(answer, LoadFailure))
        if failures:
            raise CodeNotImportedError(failures)
        self._loaded = [answer for answer in answers if isinstance(answer, Loaded)]

    async def record_loaded(self) -> None:
        """Record what `load_first` found, where it is not what the log has already."""
        known = self._reactor.world.known.manifests
        for loaded in self._loaded:
            if known.get(loaded.code_location) != loaded.digest:
                await self._reactor.record(definitions_fact(self._reactor.world, loaded))
        await self._reactor.catch_up()

    async def reload(self) -> None:
        """Import every code location anew and record what came of it; the old code stays where it failed."""
        for location in self._code_locations:
            answer = await self._load(location)
            log.info("definitions.reloaded", code_location=location.name, loaded=isinstance(answer, Loaded))
            await self._reactor.record(definitions_fact(self._reactor.world, answer))

    async def _load(self, location: CodeLocation) -> Loaded | LoadFailure:
        answer = await self._launcher.load(location)
        if isinstance(answer, LoadFailure):
            return answer
        problem = nonsense_in(answer, self._reactor.world)
        if problem is None:
            return answer
        return LoadFailure(location.name, "InvalidDefinitions", problem)


def definitions_fact(world: World, answer: Loaded | LoadFailure) -> DefinitionsLoaded | DefinitionsFailed:
    """The fact for what came of loading; a manifest that the log has is named by its digest only."""
    if isinstance(answer, LoadFailure):
        return DefinitionsFailed(answer.code_location, Failure(answer.type, answer.message, answer.traceback))
    known = answer.digest in world.known.manifest_of
    return DefinitionsLoaded(answer.code_location, answer.digest, None if known else answer.manifest)


def nonsense_in(loaded: Loaded, world: World) -> str | None:
    """What is wrong with a manifest beside those of the other code locations; None if it is fine."""
    known = world.known
    others = {
        name: known.manifest_of[digest]
        for name, digest in known.manifests.items()
        if name != loaded.code_location
    }
    declared = {asset["key"] for asset in loaded.manifest["assets"]}
    for name, manifest in others.items():
        both = sorted(declared & {asset["key"] for asset in manifest["assets"]})
        if both:
            return (
                f"{', '.join(both)} is declared by code location {name!r} too; give one of them another key"
            )
    try:
        Catalog.of({**others, loaded.code_location: loaded.manifest})
    except (AssetCycleError, BackfilldError, msgspec.ValidationError) as error:
        return str(error)
    return None
