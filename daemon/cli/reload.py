"""`backfilld reload`: the daemon loads its code anew, and tells what is different."""

import os
import signal
from contextlib import aclosing
from pathlib import Path

import anyio
import msgspec
import typer
from rich.console import Console
from rich.text import Text

from daemon.cli.errors import ExitCode, RefusedError
from daemon.cli.fact_text import counted
from daemon.cli.invocation import Invocation, database_command
from daemon.cli.manifests import NO_MANIFEST, Manifest, changes_between, words
from daemon.cli.output import Format
from daemon.cli.records import Records, with_records
from daemon.cli.up import READY_NAME, Announcement
from daemon.service.home_lock import serving_pid
from events.facts import DefinitionsFailed, DefinitionsLoaded, Failure
from projections.world import World, evolve

TIMEOUT_S = 180.0  # an import may take two minutes; see `daemon.launching.zygotes`
ALIVE_EVERY_S = 1.0


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


@database_command
def reload(invocation: Invocation) -> None:
    """Have the daemon load its code anew, and show which assets changed.

    Code that fails to load changes nothing: what it declared before stays in force, and this exits with 12.
    Runs under way go on with the code they began with.
    """
    home = invocation.settings.home
    announced = served_by(home)
    found = with_records(invocation, Reloading(home, announced).run)
    failures = [each.failure for each in found if each.failure is not None]
    if invocation.output.form is Format.TEXT:
        for each in found:
            show(invocation.output.console, each)
    else:
        invocation.output.table(found, [], empty="")
    for failure in failures:
        if failure.traceback:
            invocation.output.note(failure.traceback.rstrip())
    if failures:
        again = "it is tried again by itself" if any(each.runs_held for each in found) else "reload again"
        told = f"Mend the code, then {again}; what was declared before stays."
        invocation.output.note(told, style="red")
        raise typer.Exit(ExitCode.CODE_NOT_IMPORTED)


def served_by(home: Path) -> Announcement:
    """What the daemon of this home said when it was ready.

    :raises RefusedError: there is none, or it is not ready yet.
    """
    pid = serving_pid(home)
    if pid is None:
        raise RefusedError(
            f"no daemon serves {home}; `backfilld up` starts one, with the code as it is then."
        )
    try:
        announced = msgspec.json.decode((home / READY_NAME).read_bytes(), type=Announcement)
    except (FileNotFoundError, msgspec.DecodeError):
        announced = None
    if announced is None or announced.pid != pid:
        raise RefusedError(f"the daemon of {home} (process {pid}) is still starting; try again in a moment.")
    return announced


class Reloading:
    """One reload: asked for by a signal, and told by the facts that follow it."""

    def __init__(self, home: Path, announced: Announcement) -> None:
        self._home = home
        self._pid = announced.pid
        self._names = tuple(announced.code_locations)

    async def run(self, records: Records) -> list[Reloaded]:
        """What came of every code location, in the daemon's order.

        :raises RefusedError: the daemon ended meanwhile, or the code takes too long to load.
        """
        world = await records.world()
        before = {name: manifest_of(world, name) for name in self._names}
        facts: dict[str, DefinitionsLoaded | DefinitionsFailed] = {}
        try:
            os.kill(self._pid, signal.SIGHUP)
            with anyio.fail_after(TIMEOUT_S * len(self._names)):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._watch_daemon)
                    await self._until_told(records, world, facts)
                    tasks.cancel_scope.cancel()
        except TimeoutError:
            waited_for = ", ".join(name for name in self._names if name not in facts)
            raise RefusedError(f"{waited_for} has not been loaded after {TIMEOUT_S:.0f} s.") from None
        except ProcessLookupError:
            raise RefusedError(self._gone()) from None
        return [reloaded(name, facts[name], before[name], manifest_of(world, name)) for name in self._names]

    async def _until_told(
        self, records: Records, world: World, facts: dict[str, DefinitionsLoaded | DefinitionsFailed]
    ) -> None:
        async with aclosing(records.log.follow(after=world.position)) as batches:
            async for batch in batches:
                for recorded in batch:
                    evolve(world, recorded)
                    if isinstance(recorded.fact, DefinitionsLoaded | DefinitionsFailed):
                        facts[recorded.fact.code_location] = recorded.fact
                if facts.keys() >= set(self._names):
                    return

    async def _watch_daemon(self) -> None:
        while serving_pid(self._home) == self._pid:  # noqa: ASYNC110 -- another process holds the lock
            await anyio.sleep(ALIVE_EVERY_S)
        raise RefusedError(self._gone())

    def _gone(self) -> str:
        return f"the daemon (process {self._pid}) ended meanwhile; `backfilld up` starts one."


def manifest_of(world: World, code_location: str) -> Manifest:
    """What a code location declares; nothing if it was never loaded."""
    return world.known.manifest_of.get(world.known.manifests.get(code_location, ""), NO_MANIFEST)


def reloaded(
    name: str, fact: DefinitionsLoaded | DefinitionsFailed, before: Manifest, after: Manifest
) -> Reloaded:
    """What is different, asset by asset."""
    assets = len(after["assets"])
    if isinstance(fact, DefinitionsFailed):
        return Reloaded(name, "failed", assets, failure=fact.failure, runs_held=fact.runs_held)
    changes = changes_between(before, after)
    return Reloaded(name, "loaded", assets, changes.added, changes.removed, changes.changed)


def show(console: Console, each: Reloaded) -> None:
    """Prints what came of one code location for people."""
    if each.failure is not None:
        problem = f"{each.failure.type}: {each.failure.message}"
        held = "; its runs wait until it does" if each.runs_held else ""
        told = f"{each.code_location} failed to load: {problem}{held}"
        console.print(Text(told, style="red"), soft_wrap=True)
        return
    is_same = not (each.added or each.removed or each.changed)
    console.print(
        f"{each.code_location} is loaded: {counted(each.assets, 'asset')}{', as before' if is_same else ''}."
    )
    for word, keys, style in (("added", each.added, "green"), ("removed", each.removed, "yellow")):
        for key in keys:
            console.print(Text(f"  {word:<8} {key}", style=style))
    for key, fields in each.changed.items():
        console.print(f"  changed  {key}: {words(fields)}")
