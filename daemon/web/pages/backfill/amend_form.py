"""The form that amends a backfill: fields filled in as it is, of which what is changed counts."""

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

import msgspec

from daemon.operations.amending import Amend
from daemon.operations.typed import NONE, number_typed
from events.facts import RunOrder
from projections.backfill.state import Backfill
from projections.daily_hours import daily_hours

ORDERS: Final[tuple[str, ...]] = get_args(RunOrder)
LEASTS: Final = {"max_concurrent": 1, "retries": 0, "priority": None}  # a number from there on


class Form(msgspec.Struct, frozen=True):
    """What stands in the fields."""

    max_concurrent: str = ""
    order: str = ""
    priority: str = ""
    retries: str = ""
    only_between: str = ""
    drop: str = ""  # a line each: an asset, or asset=text
    reason: str = ""


def form_of(backfill: Backfill) -> Form:
    """The form of a backfill as it is."""
    return Form(
        max_concurrent=_text(backfill.max_concurrent_runs),
        order=backfill.order,
        priority=str(backfill.priority),
        retries=_text(backfill.retries_max),
        only_between=backfill.only_between or "",
    )


def typed_form(fields: Mapping[str, str]) -> Form:
    """The form as it was sent."""
    return Form(**{name: fields.get(name, "").strip() for name in Form.__struct_fields__})


def amendment_asked(backfill: Backfill, typed: Form) -> Amend | dict[str, str]:
    """What is to change, or what is wrong by field. A field that is emptied lifts the limit."""
    now, errors = form_of(backfill), dict[str, str]()
    changed: dict[str, Any] = {}
    for name, least in LEASTS.items():
        text = getattr(typed, name)
        if text == getattr(now, name) or (not text and least is None):
            continue
        number = _number(text, least)
        if number is None:
            errors[name] = f"{text!r} is no whole number{'' if least is None else f' from {least} on'}"
        changed[name] = number
    if typed.only_between != now.only_between:
        changed["only_between"] = typed.only_between or NONE
        wrong = _why_no_hours(typed.only_between)
        if wrong is not None:
            errors["only_between"] = wrong
    if typed.order != now.order and typed.order:
        changed["order"] = typed.order
        if typed.order not in ORDERS:
            errors["order"] = f"{typed.order!r} is no order, but {', '.join(ORDERS)} are"
    drops = tuple(line.strip() for line in typed.drop.splitlines() if line.strip())
    if errors:
        return errors
    if not changed and not drops:
        return {"amend": "nothing is changed in the form, so nothing was amended"}
    return Amend(backfill_id=backfill.id, drop=drops, reason=typed.reason or None, **changed)


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def _number(text: str, least: int | None) -> int | Literal["none"] | None:
    """The number, or that there is to be none; None for a text that is neither."""
    if not text:
        return NONE
    number = number_typed(text)
    return number if number is not None and (least is None or number >= least) else None


def _why_no_hours(text: str) -> str | None:
    try:
        if text:
            daily_hours(text)
    except ValueError as error:
        return str(error)
    return None
