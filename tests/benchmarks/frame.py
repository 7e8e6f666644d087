"""What a benchmark is, what it is given, and the rows it gives back."""

import platform
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeAlias, TypeVar, TypeVarTuple

import anyio
import msgspec
import psutil  # type: ignore[import-untyped]  # it ships no types
import psycopg
from rich import box
from rich.table import Table
from rich.text import Text
from sqlalchemy import make_url

from daemon.cli.output import console_on
from events.embedded import embedded_database

Answer = TypeVar("Answer")
Given = TypeVarTuple("Given")

REACHED = {True: Text("yes", "green"), False: Text("no", "red"), None: Text()}


class Target(msgspec.Struct, frozen=True):
    """What a row must reach."""

    of: Literal["measured", "ratio"]
    bound: Literal["at least", "at most"]
    value: float

    def is_reached(self, measured: float, ratio: float | None) -> bool:
        """Whether the figures are within the bound."""
        found = measured if self.of == "measured" else ratio
        assert found is not None, "a target of a ratio needs a baseline"
        return found >= self.value if self.bound == "at least" else found <= self.value

    def __str__(self) -> str:
        return f"{self.bound} {self.value:,g}{'x' if self.of == 'ratio' else ''}"


class Row(msgspec.Struct, frozen=True):
    """One figure. A row without a target tells what another is compared with."""

    name: str
    measured: float
    unit: str
    baseline: float | None = None  # in the same unit, measured in the same run
    ratio: float | None = None  # measured / baseline
    target: str | None = None
    reached: bool | None = None


class Machine(msgspec.Struct, frozen=True):
    """What the figures were taken on."""

    cores: int
    processor: str
    memory_gb: float
    system: str
    python: str


class Figures(msgspec.Struct):
    """All that a call of the benchmarks has found, as JSON gets it."""

    machine: Machine
    others_busy_percent: dict[str, float] = {}  # of all cores, in the second before each benchmark
    rows: list[Row] = []


class Surroundings:
    """A folder, and a PostgreSQL server for whoever needs one; both are gone in the end."""

    def __init__(self, *, quick: bool = False) -> None:
        self._quick = quick
        self._stack = ExitStack()
        self._databases = 0
        self._homes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @cached_property
    def folder(self) -> Path:
        """An empty folder that PostgreSQL's own user may enter."""
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="backfilld-bench-")))
        folder.chmod(0o755)
        return folder

    @cached_property
    def server_url(self) -> str:
        """An embedded server with its default settings: every commit is synced to the disk."""
        return self._stack.enter_context(embedded_database(self.folder))

    def count(self, honest: int) -> int:
        """How much to measure: a tenth where quick figures will do, which are then worth less."""
        return honest // 10 if self._quick else honest

    def home(self) -> Path:
        """A fresh home folder for a daemon."""
        self._homes += 1
        return self.folder / f"home_{self._homes}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a fresh database, dropped afterwards so that none weighs on the next."""
        self._databases += 1
        name = f"bench_{self._databases}"
        server = make_url(self.server_url).set(drivername="postgresql")
        with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
            yield make_url(self.server_url).set(database=name).render_as_string(hide_password=False)
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


Benchmark: TypeAlias = Callable[[Surroundings], Sequence[Row]]


def row(
    name: str, measured: float, unit: str, *, baseline: float | None = None, target: Target | None = None
) -> Row:
    """A row with its ratio and whether it is reached."""
    ratio = None if baseline is None else measured / baseline
    return Row(
        name=name,
        measured=measured,
        unit=unit,
        baseline=baseline,
        ratio=ratio,
        target=None if target is None else str(target),
        reached=None if target is None else target.is_reached(measured, ratio),
    )


def awaited(function: Callable[[*Given], Awaitable[Answer]], *arguments: *Given) -> Answer:
    """What the coroutine function of a benchmark gives."""
    return anyio.run(function, *arguments)


def machine() -> Machine:
    """The machine this runs on."""
    names = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return Machine(
        cores=psutil.cpu_count() or 1,
        processor=names[0] if names else platform.machine(),
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        system=platform.platform(),
        python=platform.python_version(),
    )


def cores_busy_percent() -> float:
    """How much of all cores is in use while this process waits for a second."""
    return float(psutil.cpu_percent(interval=1.0))


def show(rows: Sequence[Row]) -> None:
    """Prints the rows for people, and how many targets are reached."""
    table = Table("figure", "measured", "unit", "baseline", "ratio", "target", "reached", box=box.SIMPLE_HEAD)
    for column in (1, 3, 4):
        table.columns[column].justify = "right"
    for one in rows:
        table.add_row(
            one.name,
            figure(one.measured),
            one.unit,
            figure(one.baseline),
            "" if one.ratio is None else f"{one.ratio:.2f}",
            one.target or "",
            REACHED[one.reached],
        )
    targets = [one for one in rows if one.reached is not None]
    missed = [one.name for one in targets if not one.reached]
    console = console_on(sys.stderr)
    console.print(table)
    console.print(f"{len(targets) - len(missed)} of {len(targets)} targets are reached.")
    for name in missed:
        console.print(f"Missed: {name}")


def figure(value: float | None) -> str:
    """Three digits of a small number, all of a large one."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
