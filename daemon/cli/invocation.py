"""What every command is given: its settings, its output, and the log."""

import functools
import inspect
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec, TypeVar

import anyio
import msgspec
import typer

from daemon.cli.output import Format, Output
from daemon.cli.place import URL_VARIABLE, TokenFileOption, UrlOption, token_given, url_typed
from daemon.cli.settings import DATABASE_VARIABLE, HOME_DEFAULT, HOME_VARIABLE, Settings, load_settings
from daemon.operations.errors import DatabaseError, UsageError
from events.errors import EmbeddedDatabaseError

if TYPE_CHECKING:
    from events.files.chained import Header
    from events.files.log import FileLog
    from events.log import Log
    from events.postgres import PostgresLog

P = ParamSpec("P")
T = TypeVar("T")

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="FOLDER",
        help=f"Where backfilld keeps what it needs: by default ${HOME_VARIABLE}, or {HOME_DEFAULT} here.",
        rich_help_panel="Options of every command",
        show_default=False,
    ),
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help=f"The PostgreSQL database with the log: by default ${DATABASE_VARIABLE}, or an embedded one.",
        rich_help_panel="Options of every command",
        show_default=False,
    ),
]
FileOption = Annotated[
    Path | None,
    typer.Option(
        "--file",
        metavar="FILE",
        help="Read this export of a log, which `backfilld export` wrote, in place of the database.",
        rich_help_panel="Options of every command",
        show_default=False,
    ),
]
FormatOption = Annotated[
    Format | None,
    typer.Option(
        "--output",
        "-o",
        help="The answer for people (the default), as one JSON value, or as a JSON value a line.",
        rich_help_panel="Options of every command",
        show_default=False,
    ),
]
LimitOption = Annotated[
    int, typer.Option("--limit", min=0, metavar="N", help="At most N of them; 0 for all.")
]


READS_NO_FILE = "this is done to the log itself, and a file is read only: leave --file out."


class CommonOptions(msgspec.Struct, frozen=True):
    """The options of every command, as typed: before the command's name, or after it, which wins."""

    home: Path | None = None
    database: str | None = None
    output: Format | None = None
    file: Path | None = None
    url: str | None = None
    token_file: Path | None = None

    def or_else(self, outer: "CommonOptions") -> "CommonOptions":
        """These options, and the outer ones where these are not given."""
        return CommonOptions(
            self.home or outer.home,
            self.database or outer.database,
            self.output or outer.output,
            self.file or outer.file,
            self.url or outer.url,
            self.token_file or outer.token_file,
        )

    @property
    def places(self) -> list[str]:
        """The options by which a place here was named."""
        given = {"--home": self.home, "--database": self.database, "--file": self.file}
        return [option for option, value in given.items() if value is not None]


class Invocation:
    """One call of a command. Settings are read when they are first needed."""

    def __init__(self, options: CommonOptions, *, subcommand: str | None = None) -> None:
        self._options = options
        self.subcommand = subcommand  # of a group: the command that was named after it
        self.output = Output(options.output or Format.TEXT, out=sys.stdout, err=sys.stderr)

    @property
    def names_its_place(self) -> bool:
        """Whether --home, --database or --url was given."""
        options = self._options
        return any(each is not None for each in (options.home, options.database, options.url))

    @property
    def file(self) -> Path | None:
        """The export that is read in place of the database.

        :raises UsageError: an address was given beside it.
        """
        given = self._options.file
        return None if given is None or self.url is not None else given

    @functools.cached_property
    def url(self) -> str | None:
        """The address of the daemon that is asked in place of the database; None where it is not.

        A place here that was named by an option goes before an address in the environment.

        :raises UsageError: it is no address, or both were named by options.
        """
        typed, places = self._options.url, self._options.places
        if typed is not None and places:
            raise UsageError(
                f"--url names a daemon elsewhere, and {' and '.join(places)} what is here: give one of them."
            )
        named = os.environ.get(URL_VARIABLE)
        if typed is None and (places or not named):
            if self._options.token_file is not None:
                raise UsageError("--token-file is for --url: no database or file asks for a token.")
            return None
        return url_typed(typed or named or "", self._url_source)

    def token(self) -> str | None:
        """The token to send there.

        :raises UsageError: there is none where one is said to be.
        """
        return token_given(self._options.token_file, os.environ)

    def stays_here(self) -> None:
        """For what cannot be asked of a daemon elsewhere.

        :raises UsageError: one was named.
        """
        if self.url is not None:
            instead = (
                "leave it out" if self._options.url is not None else "unset it, or name the place with --home"
            )
            raise UsageError(
                f"this is done where the database is, and not through {self._url_source}; {instead}."
            )

    @property
    def _url_source(self) -> str:
        return "--url" if self._options.url is not None else f"${URL_VARIABLE}"

    @functools.cached_property
    def settings(self) -> Settings:
        """:raises UsageError: `backfilld.toml` cannot be understood."""
        return load_settings(
            home=self._options.home,
            database_url=self._options.database,
            environment=os.environ,
            folder=Path.cwd(),
        )

    @contextmanager
    def database(self, *, begin: bool) -> Iterator[str]:
        """The database's URL; the embedded one is kept running for as long as the block.

        :param begin: whether an embedded database is made where the home has none yet.
        :raises UsageError: a file was named in its place.
        :raises DatabaseError: there is none, or it does not start.
        """
        self.stays_here()
        if self.file is not None:
            raise UsageError(READS_NO_FILE)
        if self.settings.database_url is not None:
            yield self.settings.database_url
            return
        from events import embedded  # noqa: PLC0415 -- half a second that --help need not wait for

        home = self.settings.home
        if not begin and not (embedded.data_folder(home) / "PG_VERSION").exists():
            raise DatabaseError(
                f"no log in {home} yet: `backfilld up` begins one; --home or --database names another."
            )
        try:
            with embedded.embedded_database(home) as url:
                yield url
        except EmbeddedDatabaseError as error:
            raise DatabaseError(str(error)) from error

    def reading_log(self, function: "Callable[[Log], Awaitable[T]]") -> T:
        """As `with_log`, for what only reads: with the file's facts where a file was named.

        :raises FileError: it is no export.
        """
        self.stays_here()
        if self.file is None:
            return self.with_log(function)
        with self.log_in(self.file) as log:
            return anyio.run(function, log)

    @contextmanager
    def log_in(self, path: Path) -> "Iterator[FileLog]":
        """The log that a file holds, open for as long as the block. People are told what it is.

        :raises FileError: it is no export.
        """
        from events.files.log import FileLog  # noqa: PLC0415 -- as above
        from events.files.opening import opened  # noqa: PLC0415 -- as above

        with closing(opened(path)) as file:
            self.output.note(file_text(path, file.header), style="dim")
            yield FileLog(file)

    def with_log(self, function: "Callable[[PostgresLog], Awaitable[T]]", *, begin: bool = False) -> T:
        """What `function` returns, awaited with the log in an event loop of its own.

        :param begin: whether the log is made, or brought to this version's schema, where it is not.
        :raises DatabaseError: there is no database.
        :raises LogError: it cannot be reached or read.
        """
        from events.postgres import PostgresLog  # noqa: PLC0415 -- as above

        async def call(url: str) -> T:
            if begin:
                from events.migrating import migrate  # noqa: PLC0415 -- a tenth of a second for those who need it

                await migrate(url)
            async with PostgresLog(url) as log:
                return await function(log)

        with self.database(begin=begin) as url:
            return anyio.run(call, url)


def file_text(path: Path, header: "Header") -> str:
    """What a file is that is read in place of a database."""
    facts = f"{header.count:,} fact{'' if header.count == 1 else 's'}"
    if header.is_selection:
        facts += f" of {', '.join(header.backfills)} and about no backfill at all"
    elif not header.is_whole:
        facts += f" from position {header.first:,} on"
    return f"From {path}, exported at {header.exported_at:%Y-%m-%d %H:%M:%S} UTC: {facts}."


def common(  # noqa: PLR0917 -- Typer calls it by name
    context: typer.Context,
    home: HomeOption = None,
    database: DatabaseOption = None,
    output: FormatOption = None,
    file: FileOption = None,
    url: UrlOption = None,
    token_file: TokenFileOption = None,
) -> Invocation:
    """An `Invocation` from the options of this command and of those around it."""
    options = CommonOptions(home, database, output, file, url, token_file)
    if isinstance(context.obj, CommonOptions):
        options = options.or_else(context.obj)
    if options.file is not None and (options.home is not None or options.database is not None):
        raise UsageError("--file is read in place of a database: leave --home and --database out, or --file.")
    context.obj = options
    return Invocation(options, subcommand=context.invoked_subcommand)


def command(function: Callable[Concatenate[Invocation, P], None]) -> Callable[..., None]:
    """`function` as Typer takes it: the first parameter is made from the options of every command."""
    return as_typer_takes_it(function, reads_files=True)


def database_command(function: Callable[Concatenate[Invocation, P], None]) -> Callable[..., None]:
    """As `command`, for what cannot be done to a file: with --file it refuses before anything else."""
    return as_typer_takes_it(function, reads_files=False)


def as_typer_takes_it(
    function: Callable[Concatenate[Invocation, P], None], *, reads_files: bool
) -> Callable[..., None]:
    """`function` with the options of every command beside its own.

    Typer reads a command's options off its signature and knows no way to share some; here is the one place
    where the shared ones are added to it. An option of its own goes before a shared one of that name.
    """
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    names = {parameter.name for parameter in own}
    every = inspect.signature(common, eval_str=True).parameters
    shared = {name: parameter for name, parameter in every.items() if name not in names}

    @functools.wraps(function)
    def called(*arguments: P.args, **options: P.kwargs) -> None:
        given: dict[str, Any] = {name: options.pop(name) for name in shared}
        invocation = common(**given)
        if invocation.file is not None and not reads_files:
            raise UsageError(READS_NO_FILE)
        function(invocation, *arguments, **options)

    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in (*own, *shared.values())
    ]
    # Typer would keep the line breaks of all paragraphs but the first.
    called.__doc__ = "\n\n".join(" ".join(part.split()) for part in (function.__doc__ or "").split("\n\n"))
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by `inspect`
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called
