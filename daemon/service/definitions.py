"""Loading what the code locations declare, and recording it."""

from collections.abc import Mapping, Sequence
from typing import Any

import anyio
import msgspec
import structlog

from backfilld.errors import BackfilldError
from daemon.launching.code_location import CodeLocation, Loaded, LoadFailure
from daemon.launching.port import Launcher
from daemon.service.errors import CodeNotImportedError
from daemon.service.reactor import Reactor
from events.facts import DefinitionsFailed, DefinitionsLoaded, DefinitionsWithdrawn, Failure
from projections.catalog import AssetCycleError, Catalog
from projections.held import waits_for
from projections.world import NotLoaded, World

log = structlog.get_logger(__name__)


class DefinitionsLoader:
    """Has the code locations imported, in processes of their own, and tells the log what they declare."""

    def __init__(self, launcher: Launcher, reactor: Reactor, code_locations: Sequence[CodeLocation]) -> None:
        self._launcher = launcher
        self._reactor = reactor
        self._code_locations = code_locations
        self._recorded: dict[str, Loaded | LoadFailure] = {}  # what the log was last told of each
        self._recording = anyio.Lock()

    async def load_first(self) -> None:
        """Import everything once, before anything is launched.

        :raises CodeNotImportedError: code failed to load, and no backfill under way needs a daemon.
        """
        answers = await self._load()
        failures = tuple(answer for answer in answers if isinstance(answer, LoadFailure))
        if failures and not serves_all_the_same(self._reactor.world, failures):
            raise CodeNotImportedError(failures)
        self._recorded = {answer.code_location: answer for answer in answers}

    def record_loaded(self) -> None:
        """Have recorded what came of `load_first`, where it is not what the log has already.

        A code location that an earlier daemon had and this one has not is withdrawn.
        """
        world = self._reactor.world
        for name in withdrawn(world, self._code_locations):
            self._reactor.record(DefinitionsWithdrawn(name))
        for answer in self._recorded.values():
            if is_news(world, answer):
                self._record(answer)

    def not_loaded(self) -> dict[str, NotLoaded]:
        """The code locations whose code is not in force, of those given and those that are waited for."""
        world = self._reactor.world
        names = {location.name for location in self._code_locations}
        names.update(*(waits_for(world, backfill) for backfill in world.known.active.values()))
        return {name: state for name, state in world.known.not_loaded.items() if name in names}

    async def reload(self) -> None:
        """Import every code location anew and record what came of it; the old code stays where it failed."""
        async with self._recording:
            for answer in await self._load():
                self._record(answer)

    async def follow(self) -> None:
        """Record, for ever, what comes of loading that the launcher does by itself, where that is new."""
        while True:
            await self._launcher.wait_loading()
            async with self._recording:
                loadings = self._launcher.loadings
                answers = [loadings[location.name] for location in self._code_locations]
                for answer in checked(answers, self._reactor.world):
                    if told(answer) != told(self._recorded[answer.code_location]):
                        self._record(answer)

    async def _load(self) -> list[Loaded | LoadFailure]:
        answers = [await self._launcher.load(location) for location in self._code_locations]
        return checked(answers, self._reactor.world)

    def _record(self, answer: Loaded | LoadFailure) -> None:
        match answer:
            case Loaded():
                log.info("definitions.loaded", code_location=answer.code_location, digest=answer.digest)
            case LoadFailure():
                problem = f"{answer.type}: {answer.message}"
                held = answer.runs_held
                log.warning(
                    "definitions.failed", code_location=answer.code_location, error=problem, runs_held=held
                )
        self._reactor.record(definitions_fact(self._reactor.world, answer))
        self._recorded[answer.code_location] = answer


def serves_all_the_same(world: World, failures: Sequence[LoadFailure]) -> bool:
    """Whether a daemon is needed though this code failed to load: docs/decisions/0012 says why.

    So it is while a backfill is under way, if all of the code had loaded at some time before.
    """
    known = world.known
    return bool(known.active) and all(
        failure.code_location in known.manifests or failure.code_location in known.not_loaded
        for failure in failures
    )


def withdrawn(world: World, code_locations: Sequence[CodeLocation]) -> list[str]:
    """The code locations on record that are not among these, and not withdrawn yet."""
    known = world.known
    on_record = [*known.manifests, *(name for name, state in known.not_loaded.items() if state.failure)]
    given = {location.name for location in code_locations}
    return [name for name in dict.fromkeys(on_record) if name not in given]


def is_news(world: World, answer: Loaded | LoadFailure) -> bool:
    """Whether the log does not have this as the newest it knows of the code location."""
    state = world.known.not_loaded.get(answer.code_location)
    if isinstance(answer, Loaded):
        return state is not None or world.known.manifests.get(answer.code_location) != answer.digest
    if state is None or state.failure is None:
        return True
    return told(answer) != (state.failure.type, state.failure.message, state.runs_held)


def told(answer: Loaded | LoadFailure) -> tuple[object, ...]:
    """What makes one answer different from another; the place in a traceback does not."""
    match answer:
        case Loaded():
            return (answer.digest,)
        case LoadFailure():
            return (answer.type, answer.message, answer.runs_held)


def definitions_fact(world: World, answer: Loaded | LoadFailure) -> DefinitionsLoaded | DefinitionsFailed:
    """The fact for what came of loading; a manifest that the log has is named by its digest only."""
    if isinstance(answer, LoadFailure):
        failure = Failure(answer.type, answer.message, answer.traceback)
        return DefinitionsFailed(answer.code_location, failure, answer.runs_held)
    known = answer.digest in world.known.manifest_of
    return DefinitionsLoaded(answer.code_location, answer.digest, None if known else answer.manifest)


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
