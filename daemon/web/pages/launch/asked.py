"""What a form asks for, and what is wrong with it, field by field."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from anyio import to_thread

from daemon.operations.errors import UsageError
from daemon.operations.fields import REASON_MAX
from daemon.operations.launching import LaunchAsked
from daemon.operations.planning import ask_of, statuses_kept
from daemon.operations.typed import number_typed, tags_typed
from daemon.planning.choice import choice_text, named_choice
from daemon.planning.overlap import with_overlaps
from daemon.planning.planned import PlannedBackfill, plan_backfill
from daemon.planning.selection import select
from daemon.planning.targets import NONE_OF_THEM, by_status_of
from daemon.refusal import Refused
from daemon.web.pages.launch.roots import Root, roots_of
from daemon.web.pages.launch.typed import Typed
from events.facts import BackfillRequested, RunOrder
from projections.asset_status import AssetStatus
from projections.catalog import AssetNode, Catalog
from projections.daily_hours import daily_hours
from projections.world import World

ORDERS: Final[Mapping[RunOrder, str]] = {
    "oldest_first": "oldest first",
    "newest_first": "newest first",
    "random": "in an order of chance",
}
NOTHING_LOADED: Final = "no definitions have been loaded yet; `backfilld up CODE` loads them"


class Meant(msgspec.Struct, frozen=True, kw_only=True):
    """What a form comes to."""

    typed: Typed
    selected: tuple[str, ...] = ()
    policies: dict[str, str] = {}  # of what is selected, in words
    roots: tuple[Root, ...] = ()
    errors: dict[str, str] = {}  # by field; under "plan" what none of them is to blame for
    wanted: LaunchAsked | None = None  # None: some field makes no sense
    found: PlannedBackfill | None = None  # None: it is refused, or nothing is selected yet

    @property
    def has_bad_texts(self) -> bool:
        """Whether partitions are named that make no sense."""
        return any(root.is_refused for root in self.roots)

    def is_of(self, request: BackfillRequested) -> bool:
        """Whether it is this that was asked for, whatever came of partitions since."""
        if self.wanted is None:
            return False
        text = choice_text(ask_of(self.wanted).choice)
        return (request.selection, request.partitions_text) == (self.wanted.selection, text)


async def meant(world: World, typed: Typed, now: datetime) -> Meant:
    """The plan that a form stands for, or why there is none.

    Texts and plans may take seconds where there are a million partitions: others look and ask meanwhile.
    """
    if not world.known.manifests:
        return Meant(typed=typed, errors={"plan": NOTHING_LOADED})
    statuses = statuses_kept(world, typed.terms, now)
    found = await to_thread.run_sync(meant_alone, world.catalog, statuses, typed, now, abandon_on_cancel=True)
    if found.found is None:
        return found
    return msgspec.structs.replace(found, found=with_overlaps(world, found.found))


def meant_alone(catalog: Catalog, statuses: Mapping[str, AssetStatus], typed: Typed, now: datetime) -> Meant:
    """As `meant`, by what is known of partitions, and whatever other backfills do."""
    if not typed.terms:
        return Meant(typed=typed)
    selected = select(catalog, typed.terms)
    if isinstance(selected, Refused):
        return Meant(typed=typed, errors={"selection": selected.reason})
    roots = roots_of(catalog, selected.assets, typed, now)
    limits, errors = _limits(typed)
    meant = Meant(
        typed=typed,
        selected=selected.assets,
        policies={asset: _policy_text(catalog.assets[asset]) for asset in selected.assets},
        roots=tuple(_noted(statuses, root) for root in roots),
        errors=errors,
    )
    if errors or any(root.is_refused for root in roots):
        return meant
    wanted = LaunchAsked(
        selection=typed.terms,
        reason=typed.reason or None,
        strict=typed.strict,
        require_upstream=typed.require_upstream,
        with_upstream=typed.with_upstream,
        **_which(typed, roots),
        **limits,
    )
    answer = plan_backfill(catalog, statuses, ask_of(wanted), now)
    if isinstance(answer, Refused):
        return msgspec.structs.replace(meant, errors={answer.option or "plan": answer.reason}, wanted=wanted)
    return msgspec.structs.replace(meant, wanted=wanted, found=answer)


def _policy_text(node: AssetNode) -> str:
    return "one run" if node.definition is None else node.policy_text


def _noted(statuses: Mapping[str, AssetStatus], root: Root) -> Root:
    """The root, with a note if what is chosen of it by status is none of it."""
    choice = named_choice(root.which)
    if choice is None or choice == "latest":
        return root
    if any(by_status_of(choice, statuses.get(asset), root.partitions) for asset in root.assets):
        return root
    return msgspec.structs.replace(root, note=f"{NONE_OF_THEM[choice]}.")


def _which(typed: Typed, roots: Sequence[Root]) -> dict[str, Any]:
    """The options that choose partitions. Where there are none, all are meant."""
    if not roots:
        return {"all": True}
    if typed.which == "each":
        return {
            "roots": {asset: choice for root in roots for asset, choice in root.named.items()},
            "partitions": tuple(text for root in roots if root.which == "text" for text in root.texts),
        }
    if typed.which == "text":
        return {"partitions": tuple(text for root in roots for text in root.texts)}
    return dict.fromkeys(typed.which.split("_and_"), True)


def _limits(typed: Typed) -> tuple[dict[str, Any], dict[str, str]]:
    """The options of how it is run, and what is wrong with their texts."""
    found: dict[str, Any] = {"order": typed.order if typed.order in ORDERS else "oldest_first"}
    errors: dict[str, str] = {}
    if len(typed.reason) > REASON_MAX:
        errors["reason"] = f"it has {len(typed.reason):,} characters; it can have {REASON_MAX:,}"
    for name, text, least in (
        ("max_concurrent", typed.max_concurrent, 1),
        ("priority", typed.priority, None),
    ):
        if not text:
            continue
        number = number_typed(text)
        if number is None or (least is not None and number < least):
            errors[name] = f"{text!r} is no whole number{'' if least is None else f' from {least} on'}"
        else:
            found[name] = number
    try:
        if typed.only_between:
            daily_hours(typed.only_between)
            found["only_between"] = typed.only_between
    except ValueError as error:
        errors["only_between"] = str(error)
    try:
        found["tags"] = tags_typed([text for text in typed.tags.split(",") if text.strip()])
    except UsageError as error:
        errors["tags"] = str(error)
    return found, errors
