"""What is typed as the value of an option."""

import re
from datetime import timedelta
from typing import Annotated, Final

import typer

from daemon.operations.errors import UsageError
from daemon.operations.fields import meaning_of
from daemon.operations.operation import PastQuestion

FOREVER: Final = "forever"
KEPT_PATTERN: Final = r"^(forever|\d{1,6}(s|min|h|d))$"

_UNITS: Final = {
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}


def kept_typed(text: str) -> timedelta | None:
    """How long something is kept; None for ever.

    :raises UsageError: it is no such time.

    >>> kept_typed("30d")
    datetime.timedelta(days=30)
    """
    if re.match(KEPT_PATTERN, text) is None:
        raise UsageError(f"{text!r} is no time to keep files: give 30d, 12h, 90min, 60s or {FOREVER}.")
    if text == FOREVER:
        return None
    number, unit = re.findall(r"\d+|[a-z]+", text)
    return int(number) * _UNITS[unit]


AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="TIME|POSITION",
        help=meaning_of(PastQuestion, "as_of"),
        show_default=False,
    ),
]
