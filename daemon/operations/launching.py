"""Backfills launched: a plan made and recorded as a request, which a daemon then carries out.

Whoever sends a launch over a network and hears nothing cannot know whether it was done. With a key of their
own they may send it again (`Idempotency-Key`): the backfill's id is made from the actor and the key, so that
the log itself, which is all there is, tells a second time from the first. What was answered first is planned
once more, at the position and time at which it was recorded. A question is the same where it would have
launched the same there; no digest of it need be kept.
"""

import secrets
import string
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec
from anyio import to_thread
from msgspec import UNSET, UnsetType

from daemon.commands import find_backfill
from daemon.operations.errors import RefusedError, UsageError
from daemon.operations.fields import AsRanges, BackfillId, Why
from daemon.operations.operation import Question, operation
from daemon.operations.planning import (
    Wanted,
    ask_of,
    check_loaded,
    planned,
    planned_alone,
    statuses_kept,
)
from daemon.operations.records import Records, sentence
from daemon.planning.choice import follows_statuses
from daemon.planning.listed import ListedLeftOut, ListedTarget, listed
from daemon.planning.overlap import with_overlaps
from daemon.planning.planned import Ask, PlannedBackfill
from daemon.planning.retrying import ask_retry
from daemon.refusal import Refused
from events.facts import BackfillRequested
from projections.backfill.state import Backfill
from projections.catalog import Catalog
from projections.held import waits_for
from projections.world import NotLoaded, World

ID_LETTERS: Final = string.ascii_lowercase + string.digits
ID_LENGTH: Final = 8
KEY_LENGTH_MAX: Final = 255

Asked = Callable[[World, datetime], Ask | Refused]


class LaunchAsked(Wanted, frozen=True, kw_only=True):
    """Which backfill, and how it is told."""

    as_ranges: AsRanges = False


class RetryAsked(Question, frozen=True, kw_only=True):
    """Of which backfill, why, and how it is told."""

    backfill_id: BackfillId
    reason: Why = None
    as_ranges: AsRanges = False


class Launched(msgspec.Struct, frozen=True, kw_only=True):
    """A backfill that is launched, and what one should know of its plan."""

    id: str
    status: str
    parent_backfill_id: str | UnsetType = UNSET  # of which it is a retry
    digest: str
    runs_total: int
    targets: dict[str, ListedTarget]
    warnings: tuple[str, ...]
    left_out: tuple[ListedLeftOut, ...]
    is_served: bool  # a daemon is there to carry it out
    waits_for: dict[str, NotLoaded]  # by code location: nothing of it can be launched


@operation("POST", "/backfills", takes_key=True)
async def launch(records: Records, asked: LaunchAsked) -> Launched:
    """Launch a backfill. Works while no daemon runs: it is then begun by the next one.

    The same key in `Idempotency-Key` launches it once, however often it is sent.
    """
    ask = ask_of(asked)
    return await _launched(records, lambda *_: ask, as_ranges=asked.as_ranges)


@operation("POST", "/backfills/{backfill_id}/retry", takes_key=True)
async def retry(records: Records, asked: RetryAsked) -> Launched:
    """Launch a successor of a backfill that has ended, over all that failed, was skipped or was canceled.

    It has the same concurrency, order, priority and tags, names its parent, and is planned with the code as
    it is now. The same key in `Idempotency-Key` launches it once, however often it is sent.
    """

    def ask(world: World, now: datetime) -> Ask | Refused:
        backfill = find_backfill(world, asked.backfill_id)
        return backfill if isinstance(backfill, Refused) else ask_retry(world, backfill, asked.reason, now)

    await records.backfill(await records.world(), asked.backfill_id)
    return await _launched(records, ask, as_ranges=asked.as_ranges)


async def _launched(records: Records, asked: Asked, *, as_ranges: bool) -> Launched:
    key = records.place.key
    backfill_id = new_backfill_id() if key is None else backfill_id_of(records.place.actor, key)
    world = await records.world()
    found = await request(records, world, asked, backfill_id)
    backfill = world.backfill(backfill_id)
    assert backfill is not None, "it has been recorded"
    if found is None:
        found = await _planned_then(records, backfill, asked)
    plan = listed(found, 1, as_ranges=as_ranges)
    parent = found.ask.parent_backfill_id
    waits = waits_for(world, backfill)
    return Launched(
        id=backfill_id,
        status="running",
        parent_backfill_id=UNSET if parent is None else parent,
        digest=plan.digest,
        runs_total=plan.runs_total,
        targets=plan.targets,
        warnings=plan.warnings,
        left_out=plan.left_out,
        is_served=await records.is_served(),
        waits_for=waits,
    )


async def request(records: Records, world: World, asked: Asked, backfill_id: str) -> PlannedBackfill | None:
    """The plan that was recorded as a request; None where there is such a backfill already.

    The world then holds the backfill.

    :raises RefusedError: there is no such plan.
    """
    latest: list[_Made] = []
    if world.backfill(backfill_id) is None:
        latest.append(await _made_beside(records, world, asked))

    def decide(at_head: World) -> tuple[BackfillRequested, ...] | Refused:
        if at_head.backfill(backfill_id) is not None:
            latest.clear()
            return ()
        if not (latest and latest[-1].holds(at_head)):
            now = records.clock.now()
            ask = asked(at_head, now)
            if isinstance(ask, Refused):
                return ask
            latest.append(_Made(planned(at_head, ask, now), at_head.catalog, at_head.position))
        return (latest[-1].plan.request(at_head.known.manifests),)

    await records.record(world, backfill_id, decide)
    return latest[-1].plan if latest else None


class _Made(NamedTuple):
    """A plan, and what it was made with."""

    plan: PlannedBackfill
    catalog: Catalog
    position: int

    def holds(self, at_head: World) -> bool:
        """Whether planning again, after more facts, would give the same runs.

        Without this, a plan that takes long to make would never be recorded while a daemon is busy.
        """
        ask = self.plan.ask
        moves = follows_statuses(ask.choice) or ask.with_upstream or ask.require_upstream
        return at_head.position == self.position or (self.catalog is at_head.catalog and not moves)


async def _made_beside(records: Records, world: World, asked: Asked) -> _Made:
    """A plan that is made beside the event loop: a large one takes seconds, and others ask meanwhile.

    :raises RefusedError: there is none.
    """
    check_loaded(world)
    now, catalog, position = records.clock.now(), world.catalog, world.position
    ask = asked(world, now)
    if isinstance(ask, Refused):
        raise RefusedError(sentence(ask))
    plan = await to_thread.run_sync(
        planned_alone, catalog, statuses_kept(world, ask.selection, now), ask, now, abandon_on_cancel=True
    )
    return _Made(with_overlaps(world, plan), catalog, position)


async def _planned_then(records: Records, backfill: Backfill, asked: Asked) -> PlannedBackfill:
    """The plan of a backfill that was launched with the key before, as it was made then.

    :raises UsageError: what is asked now would have launched something else.
    """
    before = await records.world_at(backfill.request_position - 1)
    at = datetime.fromisoformat(backfill.request.partitions_as_of)
    other = UsageError(
        f"this idempotency key was used before, for another question, which launched backfill {backfill.id}."
    )
    ask = asked(before, at)
    if isinstance(ask, Refused):
        raise other
    try:
        found = await to_thread.run_sync(planned, before, ask, at)
    except RefusedError as error:
        raise other from error
    if found.request(before.known.manifests) != backfill.request:
        raise other
    return found


def new_backfill_id() -> str:
    """Eight random letters and digits: 2.8e12 of them."""
    return "".join(secrets.choice(ID_LETTERS) for _ in range(ID_LENGTH))


def backfill_id_of(actor: str, key: str) -> str:
    """The id of the backfill that an actor launches with a key, always the same.

    :raises UsageError: it is no key.
    """
    if not 0 < len(key) <= KEY_LENGTH_MAX:
        raise UsageError(f"an idempotency key has 1 to {KEY_LENGTH_MAX} characters, not {len(key)}.")
    # A JSON array keeps ("ab", "c") and ("a", "bc") apart.
    number = int.from_bytes(sha256(msgspec.json.encode([actor, key])).digest())
    letters = []
    for _ in range(ID_LENGTH):
        number, letter = divmod(number, len(ID_LETTERS))
        letters.append(ID_LETTERS[letter])
    return "".join(letters)
