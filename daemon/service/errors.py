"""Why the daemon does not start."""

from daemon.launching.code_location import LoadFailure


class ServeError(Exception):
    """The daemon cannot serve; the message says why and what to do."""


class AlreadyServedError(ServeError):
    """Another daemon has the home folder or the log."""


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
