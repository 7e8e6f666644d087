"""`backfilld whatif`: a recorded backfill simulated under another policy, beside what it was."""

from collections.abc import Sequence
from typing import Annotated, Literal

import typer

from daemon.cli.amend import HoursOption, MaxConcurrentOption, OrderOption, number_or_none
from daemon.cli.asking import NewestFirstOption, RandomOption
from daemon.cli.invocation import Invocation, command
from daemon.cli.launch import IdArgument
from daemon.cli.opening import ask
from daemon.cli.output import Format
from daemon.cli.whatif_text import show
from daemon.operations.errors import UsageError
from daemon.operations.fields import meaning_of
from daemon.operations.typed import NONE
from daemon.operations.whatif import WhatIf, policy_of
from daemon.operations.whatif import whatif as compare

RetriesOption = Annotated[
    str | None,
    typer.Option(
        "--retries",
        metavar="N|none",
        help=meaning_of(WhatIf, "retries"),
        show_default=False,
    ),
]
PoolOption = Annotated[
    list[str] | None,
    typer.Option(
        "--pool",
        metavar="NAME=SLOTS",
        help="A pool with so many slots, or none for any number. Again for others.",
        show_default=False,
    ),
]
MaxRunsOption = Annotated[
    int | None,
    typer.Option(
        "--max-runs",
        min=1,
        metavar="N",
        help=meaning_of(WhatIf, "max_runs"),
        show_default=False,
    ),
]


@command
def whatif(
    invocation: Invocation,
    backfill_id: IdArgument,
    *,
    max_concurrent: MaxConcurrentOption = None,
    order: OrderOption = None,
    newest_first: NewestFirstOption = False,
    random: RandomOption = False,
    retries: RetriesOption = None,
    only_between: HoursOption = None,
    pool: PoolOption = None,
    max_runs: MaxRunsOption = None,
) -> None:
    """Simulate a backfill that is on record under another policy, and compare. Nothing is launched.

    Its runs take as long as they did, and fail where they did; who may be launched when is decided anew, by
    the code that the daemon decides by. What is not given stays as it was.

    backfilld whatif k3v9x2ab --max-concurrent 8 --newest-first --pool warehouse=5
    """
    asked = WhatIf(
        backfill_id=backfill_id,
        max_concurrent=number_or_none("--max-concurrent", max_concurrent, at_least=1),
        order=None if order is None else order.of_runs,
        newest_first=newest_first,
        random=random,
        retries=number_or_none("--retries", retries, at_least=0),
        only_between=only_between,
        pool=pools_typed(pool or ()),
        max_runs=max_runs,
    )
    policy_of(asked)  # What makes no sense needs no log to say so.
    found = ask(invocation, compare, asked)
    invocation.output.value(found, lambda console: show(console, found))
    if invocation.output.form is Format.TEXT:
        invocation.output.note("Nothing was launched, and nothing recorded.")


def pools_typed(typed: Sequence[str]) -> dict[str, int | Literal["none"]]:
    """The slots of each pool; none for any number.

    :raises UsageError: one of them is no pool with slots.
    """
    pools: dict[str, int | Literal["none"]] = {}
    for text in typed:
        name, separator, slots = (part.strip() for part in text.rpartition("="))
        if not separator or not name or not (slots == NONE or (slots.isdecimal() and int(slots) > 0)):
            raise UsageError(
                f"--pool takes NAME=SLOTS, such as warehouse=5 or warehouse=none, and not {text!r}."
            )
        pools[name] = "none" if slots == NONE else int(slots)
    return pools
