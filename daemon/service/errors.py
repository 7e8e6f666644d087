"""Why the daemon does not start."""

from daemon.launching.code_location import LoadFailure
from events.facts import LeaderElected


class ServeError(Exception):
    """The daemon cannot serve; the message says why and what to do."""


class AlreadyServedError(ServeError):
    """Another daemon has the home folder or the log."""


class WebRefusedError(ServeError):
    """Pages and API cannot be served as somebody asked for it."""


class SupersededError(ServeError):
    """Another daemon has taken over the log: this one decides nothing any more."""


class RunsElsewhereError(ServeError):
    """Runs are under way in a home that this process cannot reach: it does not know what becomes of them."""

    def __init__(self, leader: LeaderElected, *, runs: int, position: int) -> None:
        self.leader = leader  # where they are
        self.position = position  # where the log ended when it was so
        counted = "1 run is" if runs == 1 else f"{runs} runs are"
        super().__init__(
            f"{counted} under way in the home {leader.home} on {leader.host}, out of reach from here; start "
            f"a daemon there, or, if nothing runs there any more, give them up with --give-up-unreachable"
        )


class CodeNotImportedError(ServeError):
    """User code failed to import; ``failures`` has one entry for each code location that did."""

    def __init__(self, failures: tuple[LoadFailure, ...]) -> None:
        self.failures = failures
        names = ", ".join(failure.code_location for failure in failures)
        first = failures[0]
        super().__init__(
            f"code location {names} could not be imported ({first.type}: {first.message}); mend the code and "
            f"start again"
        )


class DefinitionsRefusedError(ServeError):
    """Code was imported, but what it declares makes no sense."""
