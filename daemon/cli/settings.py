"""Where backfilld lives and what it runs: options, then the environment, then `backfilld.toml`."""

import os
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from daemon.cli.typed import KEPT_PATTERN
from daemon.launching.code_location import CodeLocation
from daemon.operations.errors import UsageError, did_you_mean
from daemon.web.bounds import Bounds
from daemon.web.settings import HOST_DEFAULT

FILE_NAME = "backfilld.toml"
HOME_VARIABLE = "BACKFILLD_HOME"
DATABASE_VARIABLE = "BACKFILLD_DATABASE_URL"
HOME_DEFAULT = ".backfilld"

Positive = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Kept = Annotated[str, msgspec.Meta(pattern=KEPT_PATTERN)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=100)]
Filled = Annotated[str, msgspec.Meta(min_length=1)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Table = TypeVar("Table", bound=msgspec.Struct)


class DaemonSettings(msgspec.Struct, frozen=True):
    """The table ``[daemon]``."""

    # Runs alive at the same time, over all backfills: by default one for each core.
    max_concurrent_runs: Positive = msgspec.field(default_factory=lambda: os.cpu_count() or 1)
    grace_s: Seconds = (
        10.0  # from SIGTERM to SIGKILL, for runs that are canceled or outlive the daemon's stop
    )
    output_bytes_max: Positive = 8 * 1024 * 1024  # kept of each of a run's stdout.log and stderr.log
    keep_run_files: Kept = "30d"  # after a run's end; or "forever"


class WebTable(Bounds, frozen=True):
    """The table ``[web]``: pages and API, and how much of them anybody may take at once."""

    serve: bool = True
    listen: Filled = HOST_DEFAULT
    port: Port | None = None  # None: 8340, if it is free
    hosts: tuple[Filled, ...] = ()  # names that it is reached under beside its own address
    require_tokens: bool = False  # on this machine too


class CodeLocationTable(msgspec.Struct, frozen=True):
    """One table ``[[code_location]]`` as written: a file or a module, paths relative to `backfilld.toml`."""

    name: Name
    file: Filled | None = None
    module: Filled | None = None
    python: Filled = sys.executable
    working_directory: Filled = "."


class Settings(msgspec.Struct, frozen=True):
    """All that the surroundings of a command say."""

    home: Path  # absolute; may not exist yet
    database_url: str | None  # None: the embedded database of the home
    code_locations: tuple[CodeLocation, ...]
    daemon: DaemonSettings
    file: Path | None  # the `backfilld.toml` that was read
    web: WebTable = WebTable()


def load_settings(
    *, home: Path | None, database_url: str | None, environment: Mapping[str, str], folder: Path
) -> Settings:
    """Settings for a command called in `folder`; an option given as None is looked for in the environment.

    :raises UsageError: `backfilld.toml` cannot be understood; the message names the line.
    """
    home = home or Path(environment.get(HOME_VARIABLE) or HOME_DEFAULT)
    file = folder / FILE_NAME
    tables = _File(file).tables() if file.is_file() else (DaemonSettings(), WebTable(), ())
    daemon, web, code_locations = tables
    return Settings(
        home=(folder / home.expanduser()).resolve(),
        database_url=database_url or environment.get(DATABASE_VARIABLE) or None,
        code_locations=code_locations,
        daemon=daemon,
        file=file if file.is_file() else None,
        web=web,
    )


class _File:
    """A `backfilld.toml`, read with messages that say where and what."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._text = path.read_text("utf-8")
            self._tables: dict[str, Any] = tomllib.loads(self._text)
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} cannot be read: {error}.") from error
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{path} is not TOML: {error}.") from error

    def tables(self) -> tuple[DaemonSettings, WebTable, tuple[CodeLocation, ...]]:
        known = ("code_location", "daemon", "web")
        for key in self._tables:
            if key not in known:
                raise self._error(f"unknown key {key!r}.{did_you_mean(key, known)}", "", 0, key)
        daemon = self._struct(DaemonSettings, self._tables.get("daemon", {}), "daemon", 0)
        web = self._struct(WebTable, self._tables.get("web", {}), "web", 0)
        listed = self._tables.get("code_location", [])
        if not isinstance(listed, list):
            raise self._error("expected [[code_location]], in double brackets", "", 0, "code_location")
        locations: dict[str, CodeLocation] = {}
        for index, table in enumerate(listed):
            location = self._code_location(table, index)
            if location.name in locations:
                problem = f"the name {location.name!r} is taken by an earlier code location"
                raise self._error(problem, "code_location", index, "name")
            locations[location.name] = location
        return daemon, web, tuple(locations.values())

    def _code_location(self, table: object, index: int) -> CodeLocation:
        written = self._struct(CodeLocationTable, table, "code_location", index)
        folder = self._path.parent
        match written:
            case CodeLocationTable(file=str(file), module=None):
                code = str(folder / Path(file).expanduser())
            case CodeLocationTable(file=None, module=str(module)):
                code = module
            case _:
                found = "both" if written.file else "neither"
                problem = f"a code location needs either file or module, found {found}"
                raise self._error(problem, "code_location", index, None)
        # The interpreter of a virtual environment is a link and must stay one: paths are not resolved.
        is_path = "/" in written.python
        return CodeLocation(
            name=written.name,
            code=code,
            python=str(folder / Path(written.python).expanduser()) if is_path else written.python,
            working_directory=folder / Path(written.working_directory).expanduser(),
        )

    def _struct(self, kind: type[Table], table: object, header: str, index: int) -> Table:
        """`table` as a `kind`; each key is decoded alone, so that a message can name its line."""
        if not isinstance(table, dict):
            raise self._error(f"expected a table [{header}], found {table!r}", "", 0, header)
        fields = {field.name: field for field in msgspec.structs.fields(kind)}
        values = {}
        for key, value in table.items():
            if key not in fields:
                raise self._error(f"unknown key {key!r}.{did_you_mean(key, fields)}", header, index, key)
            try:
                values[key] = msgspec.convert(value, fields[key].type)
            except msgspec.ValidationError as error:
                raise self._error(f"{key} is {value!r}: {error}", header, index, key) from error
        for name, field in fields.items():
            if field.required and name not in values:
                raise self._error(f"{name} is missing", header, index, None)
        return kind(**values)

    def _error(self, problem: str, header: str, index: int, key: str | None) -> UsageError:
        line = line_of(self._text, header, index, key)
        where = f"{self._path}, line {line}" if line else f"{self._path}, [{header}]"
        return UsageError(f"{where}: {problem.rstrip('.?')}{'?' if problem.endswith('?') else '.'}")


def line_of(text: str, header: str, index: int, key: str | None) -> int | None:
    """The line, from 1, of `key` (or of the header, if None) in the `index`-th table called `header`.

    An empty header means the top of the file. None where the text does not say it on a line of its own, as in
    an inline table; `tomllib` keeps no places.
    """
    tables_seen = -1
    inside = not header
    for number, line in enumerate(text.splitlines(), 1):
        if table := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
            tables_seen += table[1] == header
            inside = table[1] == header and tables_seen == index
            if (inside and key is None) or (not header and table[1] == key):
                return number
        elif inside and key and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*[=.]""", line):
            return number
    return None
