"""Groups of commands that show something by its name alone, as `partitions ASSET` and `run ID` do."""

from typing import Any

from typer.core import TyperGroup

HELP_OPTIONS = frozenset({"-h", "--help"})


class ShowOrCommand(TyperGroup):
    """Commands of which `show` need not be named: a first word that is none of them is what to show."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 -- Typer has no name for it
        """What is left to the command, which is put in front where it is `show`."""
        if args and first_word(args) not in self.commands and not set(args[:1]) & HELP_OPTIONS:
            args = ["show", *args]
        return super().parse_args(ctx, args)


def first_word(arguments: list[str]) -> str | None:
    """The first argument that is neither an option nor its value.

    >>> first_word(["-o", "json", "--limit=3", "orders", "--status", "missing"])
    'orders'
    """
    at = 0
    while at < len(arguments) and arguments[at].startswith("-"):
        is_alone = arguments[at] in HELP_OPTIONS or "=" in arguments[at] or is_short_with_value(arguments[at])
        at += 1 if is_alone else 2
    return arguments[at] if at < len(arguments) else None


def is_short_with_value(argument: str) -> bool:
    """Whether this is an option of one letter with its value, such as ``-ojson``."""
    return not argument.startswith("--") and len(argument) > 2
