"""`backfilld whatif`: a recorded backfill simulated under another policy, beside what it was."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer

from daemon.cli.amend import HoursOption, MaxConcurrentOption, OrderOption, number_or_none
from daemon.cli.asking import NewestFirstOption, RandomOption
from daemon.cli.invocation import Invocation, command
from daemon.cli.launch import IdArgument
from daemon.cli.opening import with_records
from daemon.cli.output import Format
from daemon.cli.whatif_text import show
from daemon.commands import find_backfill
from daemon.operations.errors import RefusedError, UsageError, did_you_mean
from daemon.operations.planning import order_of
from daemon.operations.records import Records, sentence
from daemon.operations.typed import NONE, hours_typed
from daemon.refusal import Refused
from daemon.whatif.course import Policy
from daemon.whatif.record import SURROUNDINGS
from daemon.whatif.replaying import Comparison, compare
from events.envelope import Recorded
from events.log import Filter
from projections.backfill.state import Backfill
from projections.world import World

RetriesOption = Annotated[
    str | None,
    typer.Option(
        "--retries",
        metavar="N|none",
        help="Of a run that fails: at most N; none: as its assets' retry policies say.",
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
        help="At most N runs at the same time of all that the daemon has.",
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
    policy = Policy(
        max_concurrent_runs=number_or_none("--max-concurrent", max_concurrent, at_least=1),
        order=order_of(None if order is None else order.of_runs, newest_first=newest_first, random=random),
        retries_max=number_or_none("--retries", retries, at_least=0),
        only_between=hours_typed(only_between, or_none=True),
        pool_slots=pools_typed(pool or ()),
        runs_max=max_runs,
    )
    if policy == Policy():
        raise UsageError(
            "what if what? Give --max-concurrent, --order, --retries, --only-between, --pool or --max-runs."
        )

    async def read(records: Records) -> Comparison:
        world = await records.world()
        backfill = find_backfill(world, backfill_id)
        if isinstance(backfill, Refused):
            raise RefusedError(sentence(backfill))
        check_pools(world, backfill, policy)
        own = await all_of(records, Filter(backfill_id=backfill_id), upto=world.position)
        until = own[-1].position if backfill.completed is not None else world.position
        around = await all_of(records, Filter(types=SURROUNDINGS), upto=until)
        found = compare(world, own, around, policy=policy, history=await records.durations())
        if isinstance(found, Refused):
            raise RefusedError(sentence(found))
        return found

    found = with_records(invocation, read)
    value = {"policy": policy, **msgspec.structs.asdict(found)}
    invocation.output.value(value, lambda console: show(console, found))
    if invocation.output.form is Format.TEXT:
        invocation.output.note("Nothing was launched, and nothing recorded.")


async def all_of(records: Records, matching: Filter, *, upto: int) -> list[Recorded]:
    """The facts that match, in order."""
    return [each async for batch in records.log.read(matching=matching, upto=upto) for each in batch]


def pools_typed(typed: Sequence[str]) -> dict[str, int | None]:
    """The slots of each pool; None for any number.

    :raises UsageError: one of them is no pool with slots.
    """
    pools: dict[str, int | None] = {}
    for text in typed:
        name, separator, slots = (part.strip() for part in text.rpartition("="))
        if not separator or not name or not (slots == NONE or (slots.isdecimal() and int(slots) > 0)):
            raise UsageError(
                f"--pool takes NAME=SLOTS, such as warehouse=5 or warehouse=none, and not {text!r}."
            )
        pools[name] = None if slots == NONE else int(slots)
    return pools


def check_pools(world: World, backfill: Backfill, policy: Policy) -> None:
    """:raises RefusedError: a pool is named that no run of the backfill takes part in."""
    plan = world.plans.get(backfill.id) or world.plan_of(backfill.request, backfill.request_position)
    if plan is None:
        return
    own = sorted({pool for group in plan.groups for pool in group.pools})
    for name in policy.pool_slots:
        if name not in own:
            hint = did_you_mean(name, own) or f" They take part in {', '.join(own) or 'none'}."
            raise RefusedError(f"no run of backfill {backfill.id} takes part in pool {name!r}.{hint}")
