"""`backfilld reload`: the daemon loads its code anew, and tells what is different."""

import typer
from rich.console import Console
from rich.text import Text

from daemon.cli.errors import ExitCode
from daemon.cli.invocation import Invocation, database_command
from daemon.cli.opening import ask
from daemon.cli.output import Format
from daemon.fact_text import counted
from daemon.manifest_changes import words
from daemon.operations.reloading import Reload, Reloaded, served_by
from daemon.operations.reloading import reload as reload_code


@database_command
def reload(invocation: Invocation) -> None:
    """Have the daemon load its code anew, and show which assets changed.

    Code that fails to load changes nothing: what it declared before stays in force, and this exits with 12.
    Runs under way go on with the code they began with.
    """
    if invocation.url is None:
        served_by(invocation.settings.home)  # Whoever has no daemon need not wait for a database.
    found = ask(invocation, reload_code, Reload())
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
