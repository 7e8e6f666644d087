"""What is asked for in `plan` and `launch`: a selection of assets, and which of their partitions."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from daemon.operations.errors import RefusedError, UsageError
from daemon.operations.operation import Question, Reason, Tags
from daemon.operations.records import sentence
from daemon.operations.typed import hours_typed
from daemon.planning.choice import ByRoot, ByStatus, Choice, Latest, RangeText, choice_text, without_text
from daemon.planning.overlap import with_overlaps
from daemon.planning.planned import Ask, PlannedBackfill, plan_backfill
from daemon.planning.selection import select
from daemon.refusal import Refused
from events.facts import RunOrder
from projections.asset_status import AssetStatus
from projections.catalog import Catalog
from projections.world import World


class Wanted(Question, frozen=True, kw_only=True):
    """A backfill that is wanted: of partitions, all, missing, failed, latest and roots exactly one is given.

    Failed and missing may go together, and so may roots and partitions.
    """

    selection: tuple[str, ...]  # assets: names, '*a', 'a*', group:g, tag:k=v, '*', or a job's name
    partitions: tuple[str, ...] = ()  # range text for the most upstream assets, or 'asset=text' for each
    all: bool = False  # all that exist now
    missing: bool = False  # those never materialized
    failed: bool = False  # those that failed or were skipped
    latest: bool = False  # the newest of the most upstream assets, and what follows from it
    # Of a most upstream asset, and what is downstream of it; the others have partitions 'asset=text'.
    roots: dict[str, ByStatus | Latest] = msgspec.field(default_factory=dict)
    strict: bool = False  # refuse a plan that leaves out any of the selection
    require_upstream: bool = False  # refuse a plan that needs what was never materialized
    with_upstream: bool = False  # fill that too
    reason: Reason | None = None  # for the record
    max_concurrent: int | None = None  # runs of it at the same time
    order: RunOrder | None = None  # the oldest first if none is given
    newest_first: bool = False  # the same as that order
    random: bool = False  # likewise
    priority: int = 0
    only_between: str | None = None  # hours of the day and a time zone
    tags: Tags = msgspec.field(default_factory=dict)


def ask_of(wanted: Wanted) -> Ask:
    """What is asked for.

    :raises UsageError: it makes no sense.
    """
    return Ask(
        selection=wanted.selection,
        choice=choice_of(
            wanted.partitions,
            wanted.roots,
            all=wanted.all,
            missing=wanted.missing,
            failed=wanted.failed,
            latest=wanted.latest,
        ),
        reason=wanted.reason,
        max_concurrent_runs=wanted.max_concurrent,
        order=order_of(wanted.order, newest_first=wanted.newest_first, random=wanted.random)
        or "oldest_first",
        priority=wanted.priority,
        only_between=hours_typed(wanted.only_between),
        tags=wanted.tags,
        strict=wanted.strict,
        require_upstream=wanted.require_upstream,
        with_upstream=wanted.with_upstream,
    )


def order_of(order: RunOrder | None = None, *, newest_first: bool, random: bool) -> RunOrder | None:
    """The order that was asked for; None if none was.

    :raises UsageError: two were.
    """
    if newest_first and random:
        raise UsageError("--newest-first and --random exclude each other; give one of them.")
    if order is not None and (newest_first or random):
        raise UsageError("--order excludes --newest-first and --random; give one of them.")
    return "newest_first" if newest_first else "random" if random else order


def choice_of(
    partitions: Sequence[str] | None,
    roots: Mapping[str, ByStatus | Latest] | None = None,
    **by_status: bool,
) -> Choice:
    """Which partitions are meant.

    :raises UsageError: it is not said, or said twice.
    """
    chosen = without_text([name for name, is_given in by_status.items() if is_given])
    if roots and not chosen:
        return ByRoot(dict(roots), tuple(partitions or ()))
    if partitions and not chosen:
        return RangeText(tuple(partitions))
    if len(chosen) == 1 and not partitions and not roots:
        return chosen[0]
    named = {"--root": roots, "--partitions": partitions}
    given = [
        *(option for option, value in named.items() if value),
        *(choice_text(choice) for choice in chosen),
    ]
    if given:
        raise UsageError(f"{' and '.join(given)} exclude each other; give one of them.")
    raise UsageError(
        "which partitions? Give --partitions TEXT, such as '[2024-01-01...2024-01-31]', or --all, --missing, "
        "--failed or --latest."
    )


def planned(world: World, ask: Ask, now: datetime) -> PlannedBackfill:
    """The plan for what is asked, among the partitions that exist now.

    :raises RefusedError: it makes no sense, or there are no definitions to plan with.
    """
    check_loaded(world)
    return with_overlaps(world, planned_alone(world.catalog, world.statuses(now), ask, now))


def check_loaded(world: World) -> None:
    """Nothing, if there are definitions to plan with.

    :raises RefusedError: there are none.
    """
    if not world.known.manifests:
        raise RefusedError("no definitions have been loaded yet; `backfilld up CODE` loads them.")


def planned_alone(
    catalog: Catalog, statuses: Mapping[str, AssetStatus], ask: Ask, now: datetime
) -> PlannedBackfill:
    """As `planned`, by what is known of partitions, and whatever other backfills do.

    :raises RefusedError: it makes no sense.
    """
    answer = plan_backfill(catalog, statuses, ask, now)
    if isinstance(answer, Refused):
        raise RefusedError(sentence(answer))
    return answer


def statuses_kept(world: World, terms: Sequence[str], now: datetime) -> dict[str, AssetStatus]:
    """What is known now of all that a plan for a selection looks at; it stays as it is."""
    selected = select(world.catalog, terms)
    if isinstance(selected, Refused):
        return {}
    known, seen, left = world.statuses(now), set[str](), list(selected.assets)
    while left:
        asset = left.pop()
        if asset not in seen:
            seen.add(asset)
            left += world.catalog.upstream(asset)
    return {asset: known[asset].copied() for asset in seen if asset in known}
