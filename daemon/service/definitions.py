"""Loading what the code locations declare, and recording it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog

from backfilld.errors import BackfilldError
from daemon.launching.code_location import CodeLocation, Loaded, LoadFailure, manifest_digest
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
        answers = await self._load()
        failures = tuple(answer for answer in answers if isinstance(answer, LoadFailure))
        if failures:
            raise CodeNotImportedError(failures)
        self._loaded = [answer for answer in answers if isinstance(answer, Loaded)]

    async def record_loaded(self) -> None:
        """Record what `load_first` found, where it is not what the log has already.

        A code location that an earlier daemon had and this one has not declares nothing any more.
        """
        known = self._reactor.world.known.manifests
        for loaded in [*emptied(self._reactor.world, self._code_locations), *self._loaded]:
            if known.get(loaded.code_location) != loaded.digest:
                await self._reactor.record(definitions_fact(self._reactor.world, loaded))
        await self._reactor.catch_up()

    async def reload(self) -> None:
        """Import every code location anew and record what came of it; the old code stays where it failed."""
        for answer in await self._load():
            is_loaded = isinstance(answer, Loaded)
            log.info("definitions.reloaded", code_location=answer.code_location, loaded=is_loaded)
            await self._reactor.record(definitions_fact(self._reactor.world, answer))

    async def _load(self) -> list[Loaded | LoadFailure]:
        answers = [await self._launcher.load(location) for location in self._code_locations]
        return checked(answers, self._reactor.world)


def definitions_fact(world: World, answer: Loaded | LoadFailure) -> DefinitionsLoaded | DefinitionsFailed:
    """The fact for what came of loading; a manifest that the log has is named by its digest only."""
    if isinstance(answer, LoadFailure):
        return DefinitionsFailed(answer.code_location, Failure(answer.type, answer.message, answer.traceback))
    known = answer.digest in world.known.manifest_of
    return DefinitionsLoaded(answer.code_location, answer.digest, None if known else answer.manifest)


def emptied(world: World, code_locations: Sequence[CodeLocation]) -> list[Loaded]:
    """Empty manifests for the code locations on record that are not among these."""
    names = {location.name for location in code_locations}
    gone = []
    for name, digest in world.known.manifests.items():
        manifest = world.known.manifest_of.get(digest)
        if name not in names and manifest is not None and manifest["assets"]:
            empty = {**manifest, "assets": [], "jobs": []}
            gone.append(Loaded(name, manifest_digest(empty), empty))
    return gone


def checked(answers: Sequence[Loaded | LoadFailure], world: World) -> list[Loaded | LoadFailure]:
    """The answers; a manifest that makes no sense beside those before it is turned into a failure.

    What a failed code location declared before stays in force, and is what the others are judged beside.
    """
    known = world.known
    sound = {
        answer.code_location: known.manifest_of[known.manifests[answer.code_location]]
        for answer in answers
        if isinstance(answer, LoadFailure) and answer.code_location in known.manifests
    }
    judged: list[Loaded | LoadFailure] = []
    for answer in answers:
        problem = nonsense_in(answer, sound) if isinstance(answer, Loaded) else None
        if problem is not None:
            judged.append(LoadFailure(answer.code_location, "InvalidDefinitions", problem))
            continue
        judged.append(answer)
        if isinstance(answer, Loaded):
            sound[answer.code_location] = answer.manifest
    return judged


def nonsense_in(loaded: Loaded, others: Mapping[str, Mapping[str, Any]]) -> str | None:
    """What is wrong with a manifest beside those of other code locations; None if it is fine."""
    for kind, named in (("assets", "key"), ("jobs", "name")):
        declared = {each[named] for each in loaded.manifest[kind]}
        for name, manifest in others.items():
            both = sorted(declared & {each[named] for each in manifest[kind]})
            if both:
                return f"{', '.join(both)}: declared by code location {name!r} too; rename it there or here"
    try:
        Catalog.of({**others, loaded.code_location: loaded.manifest})
    except (AssetCycleError, BackfilldError, msgspec.ValidationError) as error:
        return str(error)
    return None
