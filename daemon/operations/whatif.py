"""A recorded backfill simulated under another policy, beside what it was."""

from functools import partial
from typing import Annotated, Literal

import msgspec
from anyio import to_thread

from daemon.operations.errors import RefusedError, UsageError, did_you_mean
from daemon.operations.fields import BackfillId, OtherMaxConcurrent, OtherOrder, said
from daemon.operations.operation import Question, Role, operation
from daemon.operations.planning import order_of
from daemon.operations.records import Records, sentence
from daemon.operations.typed import NONE, hours_typed, number_from
from daemon.refusal import Refused
from daemon.whatif.course import Policy
from daemon.whatif.figures import Figures
from daemon.whatif.record import SURROUNDINGS
from daemon.whatif.replaying import compare
from events.envelope import Recorded
from events.log import Filter
from projections.backfill.state import Backfill
from projections.world import World


class WhatIf(Question, frozen=True, kw_only=True):
    """Which backfill, and what is to be other than it was; ``"none"`` lifts a limit."""

    backfill_id: BackfillId
    max_concurrent: OtherMaxConcurrent = None
    order: OtherOrder = None
    newest_first: Annotated[bool, said("Launch the newest first.")] = False
    random: Annotated[bool, said("Launch in an order of chance.")] = False
    retries: Annotated[
        int | Literal["none"] | None,
        said("Of a run that fails: at most N; none: as its assets' retry policies say."),
    ] = None
    only_between: Annotated[
        str | None,
        said("Launch its runs only at these hours: '22:00-06:00 Europe/Berlin'; none: at any hour."),
    ] = None
    pool: Annotated[
        dict[str, int | Literal["none"]], said("Pools by name with so many slots, or none for any number.")
    ] = msgspec.field(default_factory=dict)
    max_runs: Annotated[int | None, said("At most N runs at the same time of all that the daemon has.")] = (
        None
    )


class Compared(msgspec.Struct, frozen=True):
    """A backfill as it was and as it would have been, as JSON shows it."""

    policy: Policy
    backfill_id: str
    recorded: Figures
    simulated: Figures  # under the policy that it had: how near simulating comes to what was
    what_if: Figures
    notes: tuple[str, ...]  # what was taken for granted, a sentence each


@operation("POST", "/backfills/{backfill_id}/whatif", role=Role.VIEWER)
async def whatif(records: Records, asked: WhatIf) -> Compared:
    """Simulate a backfill that is on record under another policy, and compare. Nothing is launched.

    Its runs take as long as they did, and fail where they did; who may be launched when is decided anew.

    :raises UnknownError: there is no such backfill.
    :raises RefusedError: no run of it takes part in such a pool, or its plan cannot be read any more.
    """
    policy = policy_of(asked)
    # A world of its own: simulating takes seconds, in which neither the event loop waits nor the world moves.
    world = await records.world_at(await records.log.head())
    backfill = await records.backfill(world, asked.backfill_id)
    check_pools(world, backfill, policy)
    own = await all_of(records, Filter(backfill_id=backfill.id), upto=world.position)
    until = own[-1].position if backfill.completed is not None else world.position
    around = await all_of(records, Filter(types=SURROUNDINGS), upto=until)
    history = await records.durations()
    found = await to_thread.run_sync(partial(compare, world, own, around, policy=policy, history=history))
    if isinstance(found, Refused):
        raise RefusedError(sentence(found))
    return Compared(policy, **msgspec.structs.asdict(found))


def policy_of(asked: WhatIf) -> Policy:
    """What is to be other than it was.

    :raises UsageError: it makes no sense, or nothing is to be.
    """
    for name, slots in asked.pool.items():
        number_from(f"--pool {name}=", slots, at_least=1)
    policy = Policy(
        max_concurrent_runs=number_from("--max-concurrent", asked.max_concurrent, at_least=1),
        order=order_of(asked.order, newest_first=asked.newest_first, random=asked.random),
        retries_max=number_from("--retries", asked.retries, at_least=0),
        only_between=hours_typed(asked.only_between, or_none=True),
        pool_slots={name: None if slots == NONE else slots for name, slots in asked.pool.items()},
        runs_max=asked.max_runs,
    )
    if asked.max_runs is not None and asked.max_runs < 1:
        raise UsageError(f"--max-runs takes a number from 1 on, and not '{asked.max_runs}'.")
    if policy == Policy():
        raise UsageError(
            "what if what? Give --max-concurrent, --order, --retries, --only-between, --pool or --max-runs."
        )
    return policy


async def all_of(records: Records, matching: Filter, *, upto: int) -> list[Recorded]:
    """The facts that match, in order."""
    return [each async for batch in records.log.read(matching=matching, upto=upto) for each in batch]


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
