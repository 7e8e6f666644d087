"""What a form asks for, and what is wrong with it, field by field."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from daemon.operations.errors import UsageError
from daemon.operations.launching import LaunchAsked
from daemon.operations.planning import ask_of
from daemon.operations.typed import NUMBER_MAX, tags_typed
from daemon.planning.choice import choice_text, named_choice
from daemon.planning.overlap import with_overlaps
from daemon.planning.planned import PlannedBackfill, plan_backfill
from daemon.planning.selection import select
from daemon.planning.targets import NONE_OF_THEM, by_status_of
from daemon.refusal import Refused
from daemon.web.pages.launch.roots import Root, roots_of
from daemon.web.pages.launch.typed import Typed
from events.facts import BackfillRequested, RunOrder
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


def meant(world: World, typed: Typed, now: datetime) -> Meant:
    """The plan that a form stands for, or why there is none."""
    if not world.known.manifests:
        return Meant(typed=typed, errors={"plan": NOTHING_LOADED})
    if not typed.terms:
        return Meant(typed=typed)
    selected = select(world.catalog, typed.terms)
    if isinstance(selected, Refused):
        return Meant(typed=typed, errors={"selection": selected.reason})
    roots = tuple(_noted(world, root, now) for root in roots_of(world.catalog, selected.assets, typed, now))
    limits, errors = _limits(typed)
    if errors or any(root.is_refused for root in roots):
        return Meant(typed=typed, selected=selected.assets, roots=roots, errors=errors)
    wanted = LaunchAsked(
        selection=typed.terms,
        reason=typed.reason or None,
        strict=typed.strict,
        require_upstream=typed.require_upstream,
        with_upstream=typed.with_upstream,
        **_which(typed, roots),
        **limits,
    )
    answer = plan_backfill(world.catalog, world.statuses(now), ask_of(wanted), now)
    if isinstance(answer, Refused):
        errors = {answer.option or "plan": answer.reason}
        return Meant(typed=typed, selected=selected.assets, roots=roots, errors=errors, wanted=wanted)
    found = with_overlaps(world, answer)
    return Meant(typed=typed, selected=selected.assets, roots=roots, wanted=wanted, found=found)


def _noted(world: World, root: Root, now: datetime) -> Root:
    """The root, with a note if what is chosen of it by status is none of it."""
    choice = named_choice(root.which)
    if choice is None or choice == "latest":
        return root
    statuses = world.statuses(now)
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
    for name, text, least in (
        ("max_concurrent", typed.max_concurrent, 1),
        ("priority", typed.priority, None),
    ):
        if not text:
            continue
        number = _number(text)
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


def _number(text: str) -> int | None:
    try:
        number = int(text)
    except ValueError:
        return None
    return number if abs(number) <= NUMBER_MAX else None
