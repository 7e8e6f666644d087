"""A daemon that loads its code anew, and what came of it."""

import os
import signal
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path

import anyio
import msgspec

from daemon.manifest_changes import NO_MANIFEST, Manifest, changes_between
from daemon.operations.errors import RefusedError
from daemon.operations.operation import Question, operation
from daemon.operations.records import Records
from daemon.service.home_lock import serving_pid
from events.facts import DefinitionsFailed, DefinitionsLoaded, Failure
from projections.world import World

READY_NAME = "ready.json"  # in the home folder while a daemon serves it
TIMEOUT_S = 180.0  # an import may take two minutes; see `daemon.launching.zygotes`
ALIVE_EVERY_S = 1.0

Told = DefinitionsLoaded | DefinitionsFailed


class Reload(Question, frozen=True, kw_only=True):
    """Nothing need be said."""


class Reloaded(msgspec.Struct, frozen=True):
    """What came of loading one code location anew, as JSON shows it."""

    code_location: str
    status: str  # "loaded" or "failed"
    assets: int  # in force now
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: dict[str, tuple[str, ...]] = {}  # asset -> what is different about it
    failure: Failure | None = None
    runs_held: bool = False  # until it loads


class Serving(msgspec.Struct, frozen=True):
    """What a daemon said of itself when it was ready, as far as it matters here."""

    pid: int
    code_locations: tuple[str, ...]


@operation("POST", "/reload")
async def reload(records: Records, asked: Reload) -> list[Reloaded]:  # noqa: ARG001 -- every operation's
    """Have the daemon load its code anew, and show which assets changed.

    Code that fails to load changes nothing: what it declared before stays in force. Runs under way go on with
    the code they began with.

    :raises RefusedError: no daemon serves here, it ended meanwhile, or the code takes too long to load.
    """
    home = records.place.home
    serving = served_by(home)
    world = await records.world()
    before = {name: _manifest_of(world, name) for name in serving.code_locations}
    told = await _told(records, world.position, home, serving)
    await records.fold_on(world)
    return [_reloaded(name, told[name], before[name], _manifest_of(world, name)) for name in before]


def served_by(home: Path) -> Serving:
    """The daemon of this home.

    :raises RefusedError: there is none, or it is not ready yet.
    """
    pid = serving_pid(home)
    if pid is None:
        raise RefusedError(
            f"no daemon serves {home}; `backfilld up` starts one, with the code as it is then."
        )
    try:
        serving = msgspec.json.decode((home / READY_NAME).read_bytes(), type=Serving)
    except (FileNotFoundError, msgspec.DecodeError):
        serving = None
    if serving is None or serving.pid != pid:
        raise RefusedError(f"the daemon of {home} (process {pid}) is still starting; try again in a moment.")
    return serving


async def _told(records: Records, after: int, home: Path, serving: Serving) -> Mapping[str, Told]:
    """What the daemon recorded of each code location once a signal had asked it to load them."""
    names = serving.code_locations
    told: dict[str, Told] = {}
    try:
        os.kill(serving.pid, signal.SIGHUP)
        with anyio.fail_after(TIMEOUT_S * len(names)):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_until_gone, home, serving.pid, tasks.cancel_scope)
                await _until_told(records, after, names, told)
                tasks.cancel_scope.cancel()
    except TimeoutError:
        waited_for = ", ".join(name for name in names if name not in told)
        raise RefusedError(f"{waited_for} has not been loaded after {TIMEOUT_S:.0f} s.") from None
    except ProcessLookupError:
        raise _gone(serving.pid) from None
    if told.keys() < set(names):
        raise _gone(serving.pid)
    return told


async def _until_told(records: Records, after: int, names: tuple[str, ...], told: dict[str, Told]) -> None:
    async with aclosing(records.log.follow(after=after)) as batches:
        async for batch in batches:
            for recorded in batch:
                if isinstance(recorded.fact, Told):
                    told[recorded.fact.code_location] = recorded.fact
            if told.keys() >= set(names):
                return


async def _until_gone(home: Path, pid: int, waiting: anyio.CancelScope) -> None:
    """Ends the waiting for a daemon that is there no more."""
    while serving_pid(home) == pid:  # noqa: ASYNC110 -- another process holds the lock
        await anyio.sleep(ALIVE_EVERY_S)
    waiting.cancel()


def _gone(pid: int) -> RefusedError:
    return RefusedError(f"the daemon (process {pid}) ended meanwhile; `backfilld up` starts one.")


def _manifest_of(world: World, code_location: str) -> Manifest:
    """What a code location declares; nothing if it was never loaded."""
    return world.known.manifest_of.get(world.known.manifests.get(code_location, ""), NO_MANIFEST)


def _reloaded(name: str, told: Told, before: Manifest, after: Manifest) -> Reloaded:
    """What is different, asset by asset."""
    assets = len(after["assets"])
    if isinstance(told, DefinitionsFailed):
        return Reloaded(name, "failed", assets, failure=told.failure, runs_held=told.runs_held)
    changes = changes_between(before, after)
    return Reloaded(name, "loaded", assets, changes.added, changes.removed, changes.changed)
