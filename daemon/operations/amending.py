"""A backfill changed while it is under way."""

from typing import Annotated, Literal

import msgspec

from daemon.amending import Amending, Amendment
from daemon.amending import amend as decide_amend
from daemon.fact_text import amendments, ranges_text
from daemon.operations.errors import UsageError
from daemon.operations.fields import BackfillId, OtherMaxConcurrent, OtherOrder, Why, said
from daemon.operations.operation import Question, operation
from daemon.operations.records import Records
from daemon.operations.typed import hours_typed, number_from
from daemon.refusal import Refused
from events.facts import Fact, PartitionKeys, RunOrder
from projections.backfill.state import Backfill
from projections.world import World

RUNS_TOLD_MAX = 3


class Amend(Question, frozen=True, kw_only=True):
    """What is to change of which backfill; what is not given stays as it is, ``"none"`` lifts a limit."""

    backfill_id: BackfillId
    max_concurrent: OtherMaxConcurrent = None
    order: OtherOrder = None
    priority: Annotated[int | None, said("Before other backfills of a lower one; may be negative.")] = None
    retries: Annotated[
        int | Literal["none"] | None,
        said(
            "Of a run that fails from now on: at most N, whatever its assets' retry policies say; "
            "none: as those say."
        ),
    ] = None
    only_between: Annotated[
        str | None,
        said("Launch its runs only at these hours: '22:00-06:00 Europe/Berlin'; none: at any hour."),
    ] = None
    drop: Annotated[
        tuple[str, ...],
        said(
            "Do not fill these partitions, 'a=2024-01-05, 2024-02-*', or nothing more of an asset, "
            "'a'. Again for others."
        ),
    ] = ()
    reason: Why = None


class Amended(msgspec.Struct, frozen=True):
    """The backfill as it is then, and what of the partitions to be dropped was not."""

    id: str
    status: str
    changed: bool
    max_concurrent_runs: int | None
    order: RunOrder
    priority: int
    retries_max: int | None
    only_between: str | None
    dropped: dict[str, PartitionKeys | None]
    under_way: dict[str, PartitionKeys | None]
    runs_under_way: tuple[str, ...]
    settled: dict[str, PartitionKeys | None]
    told: str  # what was changed, in words


@operation("POST", "/backfills/{backfill_id}/amend")
async def amend(records: Records, asked: Amend) -> Amended:
    """Change a backfill while it is under way. What is not given stays as it is.

    What is dropped is canceled in this backfill, and what needs it is skipped. Only what was not launched yet
    can be dropped.
    """
    wanted = amendment_of(asked)
    world = await records.world()
    latest: list[Amending] = []

    def decide(at_head: World) -> tuple[Fact, ...] | Refused:
        answer = decide_amend(at_head, asked.backfill_id, wanted)
        if isinstance(answer, Refused):
            return answer
        latest.append(answer)
        return () if answer.fact is None else (answer.fact,)

    await records.backfill(world, asked.backfill_id)
    await records.record(world, asked.backfill_id, decide)
    backfill = world.backfill(asked.backfill_id)
    assert backfill is not None, "what was decided about a backfill is refused where there is none"
    return _amended(backfill, latest[-1])


def amendment_of(asked: Amend) -> Amendment:
    """What is wanted.

    :raises UsageError: it makes no sense, or nothing is to change.
    """
    wanted = Amendment(
        reason=asked.reason,
        max_concurrent_runs=number_from("--max-concurrent", asked.max_concurrent, at_least=1),
        order=asked.order,
        priority=asked.priority,
        retries_max=number_from("--retries", asked.retries, at_least=0),
        only_between=hours_typed(asked.only_between, or_none=True),
        drops=asked.drop,
    )
    if wanted == Amendment(reason=asked.reason):
        raise UsageError(
            "what changes? Give --max-concurrent, --order, --priority, --retries, --only-between or --drop."
        )
    return wanted


def _amended(backfill: Backfill, amending: Amending) -> Amended:
    fact = amending.fact
    return Amended(
        id=backfill.id,
        status=backfill.status,
        changed=fact is not None,
        max_concurrent_runs=backfill.max_concurrent_runs,
        order=backfill.order,
        priority=backfill.priority,
        retries_max=backfill.retries_max,
        only_between=backfill.only_between,
        dropped={} if fact is None else fact.dropped,
        under_way=amending.under_way,
        runs_under_way=amending.runs_under_way,
        settled=amending.settled,
        told="" if fact is None else amendments(fact),
    )


def left_standing(amended: Amended) -> list[str]:
    """What was to be dropped and is not, and why."""
    told = []
    if amended.under_way:
        runs = ", ".join(amended.runs_under_way[:RUNS_TOLD_MAX])
        more = ", …" if len(amended.runs_under_way) > RUNS_TOLD_MAX else ""
        told.append(
            f"Not dropped, since it is under way: {_keys_text(amended.under_way)}. `backfilld run cancel` "
            f"ends a run ({runs}{more})."
        )
    if amended.settled:
        told.append(f"Not dropped, since nothing more will be done: {_keys_text(amended.settled)}.")
    return told


def _keys_text(keys: dict[str, PartitionKeys | None]) -> str:
    """The partitions of each asset."""
    return "; ".join(
        asset if partitions is None else f"{asset} {ranges_text(partitions)}"
        for asset, partitions in keys.items()
    )
