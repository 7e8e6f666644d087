"""Facts as `backfilld log` and other commands show them: for programs, and on a line for people."""

from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from daemon.fact_text import describe, one_line
from daemon.operations.log.shown import BY_ITSELF, BY_RUN, Shown

SAID_MAX = 300  # characters of what a fact says, on a line of any width
NARROW = 120  # columns: a terminal with fewer has no room for all of a time, nor for much padding


def line(fact: Shown) -> Text:
    """A fact on one line for people; times are UTC."""
    text = Text()
    text.append(f"{fact.position:>8}  ", style="dim")
    text.append(f"{fact.at[:10]} {fact.at[11:23]}  ", style="dim")
    text.append(f"{fact.type:<24} ", style="bold")
    text.append(f"{fact.run_id or fact.backfill_id or '':<16} ", style="cyan")
    _append_said(text, fact)
    return text


def narrow_line(fact: Shown) -> Text:
    """The same in less room: the time without its year and fraction, and columns as wide as most need."""
    text = Text()
    text.append(f"{fact.position:>5} ", style="dim")
    text.append(f"{fact.at[5:10]} {fact.at[11:19]} ", style="dim")
    text.append(f"{fact.type:<21} ", style="bold")
    text.append(f"{fact.run_id or fact.backfill_id or '':<12} ", style="cyan")
    _append_said(text, fact)
    return text


def line_for(console: Console) -> Callable[[Shown], Text]:
    """What makes the lines: on a terminal they are folded to its width, elsewhere no id is cut."""
    if not console.is_terminal:
        return line
    width, make = console.width, line if console.width >= NARROW else narrow_line

    def folded(fact: Shown) -> Text:
        text = make(fact)
        text.truncate(width, overflow="ellipsis")
        return text

    return folded


def _append_said(text: Text, fact: Shown) -> None:
    """What the fact says, and who says it where that is a person."""
    said = one_line(describe(fact.fact))
    text.append(said if len(said) <= SAID_MAX else f"{said[: SAID_MAX - 1]}…")
    if fact.actor != BY_ITSELF and not fact.actor.startswith(BY_RUN):
        text.append(f"{', ' if said else ''}by {one_line(fact.actor)}", style="dim")
    text.rstrip()
