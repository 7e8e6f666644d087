"""What is asked for in `plan` and `launch`: a selection of assets, and which of their partitions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

import msgspec

from daemon.operations.errors import RefusedError, UsageError
from daemon.operations.fields import Tags, Why, said
from daemon.operations.operation import Question
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

    selection: Annotated[
        tuple[str, ...],
        said(
            "Assets: a name; '*a' (or +a, 2+a) with all (or the next) it needs, 'a*' with what needs "
            "it; group:g; tag:k=v; '*' for all; or a job's name."
        ),
    ]
    partitions: Annotated[
        tuple[str, ...],
        said(
            "Those of the most upstream assets: '2024-01-05, [2024-02-01...2024-02-29], 2024-03-*'. "
            "Or those of one asset, 'a=2024-01-05', and again for others."
        ),
    ] = ()
    all: Annotated[bool, said("All that exist now.")] = False
    missing: Annotated[bool, said("Those never materialized; with failed those too.")] = False
    failed: Annotated[bool, said("Those that failed or were skipped.")] = False
    latest: Annotated[bool, said("The newest of the most upstream assets, and what follows from it.")] = False
    roots: Annotated[
        dict[str, ByStatus | Latest],
        said(
            "Which of each most upstream asset, and downstream of it: all, missing, failed, "
            "failed_and_missing or latest. The others have partitions 'asset=text'."
        ),
    ] = msgspec.field(default_factory=dict)
    strict: Annotated[bool, said("Refuse a plan that leaves out any of the selection.")] = False
    require_upstream: Annotated[
        bool, said("Refuse a plan that needs partitions upstream that were never materialized.")
    ] = False
    with_upstream: Annotated[
        bool, said("Fill partitions upstream that were never materialized too, however far upstream.")
    ] = False
    reason: Why = None
    max_concurrent: Annotated[int | None, said("At most N runs of it at the same time.")] = None
    order: Annotated[
        RunOrder | None, said("Which of its runs that are ready go first; the oldest, if nothing is given.")
    ] = None
    newest_first: Annotated[bool, said("Launch the newest first.")] = False
    random: Annotated[bool, said("Launch in an order of chance.")] = False
    priority: Annotated[
        int,
        said("Before backfills of a lower one, which gain one with each minute they wait; may be negative."),
    ] = 0
    only_between: Annotated[
        str | None, said("Launch runs only at these hours: '22:00-06:00 Europe/Berlin'.")
    ] = None
    tags: Annotated[Tags, said("Tags of the backfill, to find it by; those of a job are kept.")] = (
        msgspec.field(default_factory=dict)
    )


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
