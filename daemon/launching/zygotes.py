"""The zygotes of all code locations: code is loaded into a new one, and again where its process is gone."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import msgspec
import structlog
from anyio.abc import TaskGroup

from daemon.launching.code_location import CodeLocation, Loaded, LoadFailure
from daemon.launching.zygote import Exited, Zygote

IMPORT_TIMEOUT_S: Final = 120.0

log = structlog.get_logger(__name__)


class Patience(msgspec.Struct, frozen=True):
    """How long code may take to load, and how soon it is tried again where it did not."""

    import_timeout_s: float = IMPORT_TIMEOUT_S
    retry_first_s: float = 1.0  # twice as long after each failure
    retry_max_s: float = 30.0


class Zygotes:
    """At most one living zygote a code location is forked from; older ones end when their runs have."""

    def __init__(
        self,
        home: Path,
        tasks: TaskGroup,
        patience: Patience,
        *,
        on_ready: Callable[[str, Zygote | None], None],
        on_exited: Callable[[Zygote, Exited], None],
        on_gone: Callable[[Zygote], None],
    ) -> None:
        """Nothing is loaded yet.

        :param on_ready: a code location, by name, has a new zygote; the one it replaces.
        :param on_exited: a child of a zygote has ended.
        :param on_gone: a zygote has ended, and will tell nothing more of its children.
        """
        self._home = home
        self._tasks = tasks
        self._patience = patience
        self._on_ready = on_ready
        self._on_exited = on_exited
        self._on_gone = on_gone
        self._given: dict[str, CodeLocation] = {}
        self._newest: dict[str, Zygote] = {}  # a dead one until its code location is needed again
        self._loading: defaultdict[str, anyio.Lock] = defaultdict(anyio.Lock)
        self._reviving: set[str] = set()
        self._loadings: dict[str, Loaded | LoadFailure] = {}
        self._changed = anyio.Event()

    @property
    def loadings(self) -> Mapping[str, Loaded | LoadFailure]:
        """What came of the last time each code location was loaded."""
        return self._loadings

    async def wait_loading(self) -> None:
        """Nothing, once something was loaded, or failed to be, since this last returned."""
        await self._changed.wait()
        self._changed = anyio.Event()

    def alive(self, name: str) -> Zygote | None:
        """The zygote that runs of this code location are forked from now."""
        zygote = self._newest.get(name)
        return zygote if zygote is not None and zygote.is_alive else None

    async def load(self, location: CodeLocation) -> Loaded | LoadFailure:
        """What the code defines, imported by a new zygote, or why that failed.

        Only a success changes what runs are forked from. A code location that has no living zygote then is
        tried again until it has.
        """
        self._given[location.name] = location
        async with self._loading[location.name]:
            answer = await self._replace(location)
        if self.alive(location.name) is None:
            self._revive(location.name, self._patience.retry_first_s)
        return answer

    def revive(self, name: str) -> None:
        """See to it that a code location without a living zygote gets one, however often that takes.

        One that was never given to `load` stays without.
        """
        self._revive(name, 0.0)

    def retire(self, zygote: Zygote) -> None:
        """End a zygote that has no runs any more, if it was replaced."""
        if self._newest[zygote.location.name] is not zygote:
            self._tasks.start_soon(zygote.end)

    def _revive(self, name: str, delay_s: float) -> None:
        if name in self._given and name not in self._reviving:
            self._reviving.add(name)
            self._tasks.start_soon(self._load_until_alive, name, delay_s)

    async def _load_until_alive(self, name: str, delay_s: float) -> None:
        await anyio.sleep(delay_s)
        while True:
            async with self._loading[name]:
                if self.alive(name) is None:
                    await self._replace(self._given[name])
            if self.alive(name) is not None:
                # Nothing was awaited since: whoever finds it dead from here on revives it anew.
                self._reviving.remove(name)
                return
            delay_s = min(max(2 * delay_s, self._patience.retry_first_s), self._patience.retry_max_s)
            await anyio.sleep(delay_s)

    async def _replace(self, location: CodeLocation) -> Loaded | LoadFailure:
        name = location.name
        started = await Zygote.start(location, home=self._home, timeout_s=self._patience.import_timeout_s)
        if isinstance(started, LoadFailure):
            failure = msgspec.structs.replace(started, runs_held=self.alive(name) is None)
            return self._came_to(failure)
        replaced = self._newest.get(name)
        self._newest[name] = started
        self._tasks.start_soon(self._serve, started)
        self._on_ready(name, replaced)
        return self._came_to(started.loaded)

    def _came_to(self, answer: Loaded | LoadFailure) -> Loaded | LoadFailure:
        self._loadings[answer.code_location] = answer
        self._changed.set()
        return answer

    async def _serve(self, zygote: Zygote) -> None:
        try:
            await zygote.serve(partial(self._on_exited, zygote))
        finally:
            await zygote.end()
        if self._newest[zygote.location.name] is zygote:
            log.warning("zygote.ended", code_location=zygote.location.name)
        self._on_gone(zygote)
