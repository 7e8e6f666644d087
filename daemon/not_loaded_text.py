"""Code locations that do not load, in words: what is the matter, what waits, and how to mend it."""

from collections.abc import Mapping

from daemon.fact_text import one_line
from events.facts import Failure
from projections.world import NotLoaded


def failure_text(failure: Failure) -> str:
    """The exception and its message, on one line."""
    return one_line(f"{failure.type}: {failure.message}" if failure.message else failure.type)


def problem_text(name: str, state: NotLoaded) -> str:
    """What is the matter with a code location, and since when, in a sentence."""
    since = f"{state.since:%Y-%m-%d %H:%M:%S} UTC"
    if state.failure is None:
        return f"Code location {name} has not been given to the daemon since {since}."
    told = failure_text(state.failure)
    return f"Code location {name} has failed to load since {since}: {told}{'' if told.endswith('.') else '.'}"


def remedy_text(state: NotLoaded, *, is_served: bool) -> str:
    """What its runs do meanwhile and what a person may do, in a sentence."""
    if state.failure is None:
        return "Its runs wait until `backfilld up` is given it again; nothing is lost."
    if not state.runs_held:
        return "Its runs go on with the code loaded before; mend the code, then `backfilld reload`."
    if not is_served:
        return "Its runs wait, and nothing is lost; mend the code, then `backfilld up` loads it."
    return (
        "Its runs wait, and nothing is lost. Mend the code: it is tried again by itself; `backfilld reload` "
        "tries at once, and shows the traceback."
    )


def waiting_text(waits: Mapping[str, NotLoaded]) -> str:
    """What is waited for, in a few words; empty for nothing."""
    return "; ".join(
        f"waiting for code location {name}"
        + (", which is not given to the daemon" if state.failure is None else "")
        + (f", which fails to load: {failure_text(state.failure)}" if state.failure is not None else "")
        for name, state in waits.items()
    )
