"""The application: every command is registered here, and every error gets its sentence and exit code here."""

import os
import sys
from typing import Annotated

import typer

from daemon.cli import (
    amend,
    assets,
    changing,
    demo,
    diff,
    doctor,
    explain,
    export,
    importing,
    jobs,
    launch,
    listing,
    partitions,
    plan,
    pools,
    projections,
    reload,
    replay,
    status,
    tokens,
    up,
    verify,
    web,
    whatif,
)
from daemon.cli import (
    run as run_command,
)
from daemon.cli.audit import commands as audit
from daemon.cli.errors import ExitCode, explained
from daemon.cli.invocation import CommonOptions, DatabaseOption, FileOption, FormatOption, HomeOption
from daemon.cli.log import commands as log
from daemon.cli.output import console_on
from daemon.cli.place import TokenFileOption, UrlOption

STDOUT = 1  # its file descriptor

app = typer.Typer(
    name="backfilld",
    help="Fill and re-fill historical partitions of data assets, and know afterwards what came of it.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

BACKFILLING = "Fill partitions"
LOOKING = "See what is there and what happened"
SERVING = "Look after the daemon"

app.command(rich_help_panel=BACKFILLING)(plan.plan)
app.command(rich_help_panel=BACKFILLING)(launch.launch)
app.command(rich_help_panel=BACKFILLING)(launch.retry)
app.command(rich_help_panel=BACKFILLING)(status.status)
app.command(rich_help_panel=BACKFILLING)(explain.explain)
app.command(rich_help_panel=BACKFILLING)(amend.amend)
app.command(rich_help_panel=BACKFILLING)(changing.cancel)
app.command(rich_help_panel=BACKFILLING)(changing.pause)
app.command(rich_help_panel=BACKFILLING)(changing.resume)
app.add_typer(pools.app, rich_help_panel=BACKFILLING)
app.command(rich_help_panel=LOOKING)(assets.assets)
app.add_typer(partitions.app, rich_help_panel=LOOKING)
app.command(rich_help_panel=LOOKING)(jobs.jobs)
app.command(rich_help_panel=LOOKING)(listing.backfills)
app.command(rich_help_panel=LOOKING)(listing.runs)
app.add_typer(run_command.app, rich_help_panel=LOOKING)
app.command(rich_help_panel=LOOKING)(diff.diff)
app.command(rich_help_panel=LOOKING)(replay.replay)
app.add_typer(log.app, rich_help_panel=LOOKING)
app.add_typer(audit.app, rich_help_panel=LOOKING)
app.command(rich_help_panel=LOOKING)(whatif.whatif)
app.command(rich_help_panel=LOOKING)(export.export)
app.command(rich_help_panel=LOOKING)(verify.verify)
app.command(rich_help_panel=SERVING)(up.up)
app.command(rich_help_panel=SERVING)(reload.reload)
app.command(rich_help_panel=SERVING)(web.web)
app.add_typer(tokens.app, rich_help_panel=SERVING)
app.command("import", rich_help_panel=SERVING)(importing.import_log)
app.command(rich_help_panel=SERVING)(doctor.doctor)
app.add_typer(projections.app, rich_help_panel=SERVING)
app.command(rich_help_panel=SERVING)(demo.demo)


def show_version(wanted: bool) -> None:  # noqa: FBT001 -- Typer calls it with the flag
    """Prints the version and ends."""
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 -- 30 ms that no other command need wait for

        typer.echo(f"backfilld {version('backfilld-daemon')}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    *,
    home: HomeOption = None,
    database: DatabaseOption = None,
    output: FormatOption = None,
    file: FileOption = None,
    url: UrlOption = None,
    token_file: TokenFileOption = None,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Fill and re-fill historical partitions of data assets, and know afterwards what came of it."""
    context.obj = CommonOptions(home, database, output, file, url, token_file)


def main() -> None:
    """Runs the command that was typed and ends the process with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit code of the command, run in this process.

    What we foresaw becomes one sentence on standard error. What we did not is a defect and is left to Python,
    with its traceback.
    """
    try:
        status = app(arguments, prog_name="backfilld", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        return usage_error(error)
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # Whoever read our output, `head` say, has seen enough; Typer and rich would end the process with 1
        # for that. Python flushes once more at its end, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
        return ExitCode.OK
    except BaseException as error:
        told = explained(error)
        if told is None:
            raise
        complain(told.sentence, details=told.details)
        return told.exit_code
    return status if isinstance(status, int) else ExitCode.OK


def usage_error(error: typer.TyperException) -> int:
    """Tells what Typer could not make sense of, and where to read on."""
    message = error.format_message()
    context = getattr(error, "ctx", None)
    if not message or context is None:
        typer.echo(message, err=True)
    else:
        end = "" if message.endswith(("?", ".")) else "."
        complain(f"{message}{end} See `{context.command_path} --help`.")
    return error.exit_code


def complain(sentence: str, *, details: str | None = None) -> None:
    """Prints to standard error what went wrong."""
    console = console_on(sys.stderr)
    if details:
        console.print(details.rstrip(), soft_wrap=True)
    console.print(sentence[:1].upper() + sentence[1:], style="red", soft_wrap=True)
