"""Which partitions a definition has: the table's answer beside the SDK's."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from backfilld.errors import BackfilldError
from backfilld.partitions import Partitions
from backfilld.partitions.pairs import time_windows_of
from tests.conformance.answers import Difference, Rule
from tests.conformance.tables import Case, definition_of, partitions_at

LISTED_AT_EACH_END = 15


@dataclass(frozen=True)
class ComparedPartitions:
    """A definition, and what both say of it."""

    case: Case

    @property
    def family(self) -> str:
        """The definition's class."""
        return str(self.case["definition"]["class"])

    @cached_property
    def partitions(self) -> Partitions | tuple[str, str]:
        """What we have, or the stage at which we refuse and why."""
        stage = "construct"
        try:
            definition = definition_of(self.case["definition"])
            assert definition is not None
            stage = "validate"
            definition.validate()
            stage = "keys"
            return partitions_at(definition, self.case["now"])
        except BackfilldError as error:
            return stage, str(error)

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """Where refusals, keys or windows differ."""
        return tuple(self._differences())

    def _differences(self) -> Iterator[Difference]:
        error, ours = self.case.get("error"), self.partitions
        if isinstance(ours, tuple):
            if error is None or ours[0] not in stages_as_good_as(error["stage"]):
                yield Difference("refusal", error, ours)
            return
        if error is not None:
            yield Difference("refusal", error, f"{len(ours):,} partitions")
            return
        keys = list(ours)
        if sha256("\n".join(keys).encode()).hexdigest() != self.case["keys_sha256"]:
            yield Difference("keys", self.case["keys"], keys)
        elif (len(ours), listed(keys, self.case)) != (self.case["count"], self.case["keys"]):
            yield Difference("count", self.case["count"], len(ours))
        for key, window in (self.case["windows"] or {}).items():
            if ours.find(key) is not None and (found := window_of(ours, key)) != window:
                yield Difference(f"window of {key}", window, found)


def stages_as_good_as(stage: str) -> tuple[str, ...]:
    """Where we may refuse: where Dagster does, or on load what it finds out only when it lists the keys."""
    return ("validate", "keys") if stage == "keys" else (stage,)


def listed(keys: list[str], case: Case) -> list[str]:
    """The keys that a case lists."""
    return [*keys[:LISTED_AT_EACH_END], *keys[-LISTED_AT_EACH_END:]] if case.get("keys_truncated") else keys


def window_of(partitions: Partitions, key: str) -> list[str]:
    """The time window of a key, of its one time dimension for a pair, in a case's spelling."""
    windows, ordinals = time_windows_of(partitions, partitions.ranges_of([(key, key)]))
    return [at.astimezone(UTC).isoformat() for at in windows.window(ordinals.first)]


def doubted(case: Case) -> Callable[[str], bool]:
    """Whether a key of a case is one of those that its mark ``suspect`` is about."""
    marks, definition = case.get("suspect", {}), case["definition"]
    names = sorted(definition["kwargs"].get("partitions_defs", ()))
    if not names:
        return _doubted_along(marks, in_order(case))
    sides = [
        _doubted_along(marks.get(name, {}), list(dict.fromkeys(key.split("|")[at] for key in case["keys"])))
        for at, name in enumerate(names)
    ]
    return lambda key: any(side(part) for side, part in zip(sides, key.split("|"), strict=True))


def in_order(case: Case) -> list[str]:
    """All keys that a case names, in the order of the definition: some are only asked for their windows."""
    keys, at = case["keys"], LISTED_AT_EACH_END
    between = case["windows"] or {} if case.get("keys_truncated") else ()
    return list(dict.fromkeys([*keys[:at], *between, *keys[at:]]))


def _doubted_along(marks: dict[str, Any], keys: list[str]) -> Callable[[str], bool]:
    named = {
        *marks.get("past_end", ()),
        *marks.get("empty_windows", ()),
        *marks.get("lookup_refused", ()),
        *marks.get("lookup_differs", {}).get("listed", ()),
    }
    first = marks.get("off_schedule", {}).get("first")
    if first in keys:
        # The clock changes within a window, the next one starts at the change, and the one after it is the
        # first to be counted as off the schedule.
        named |= set(keys[max(0, keys.index(first) - 2) :])
    return named.__contains__


def _only_what_is_suspect(compared: ComparedPartitions, difference: Difference) -> bool:
    if difference.about == "refusal" or isinstance(compared.partitions, tuple):
        return False
    doubt = doubted(compared.case)
    if difference.about.startswith("window of "):
        return doubt(difference.about.removeprefix("window of "))
    kept = [key for key in compared.case["keys"] if not doubt(key)]
    in_doubt = [key for key in compared.case["keys"] if doubt(key)]
    ours = list(compared.partitions)
    return bool(in_doubt) and [key for key in ours if key in set(kept)] == kept


def _only_days_left_out(compared: ComparedPartitions, difference: Difference) -> bool:
    """Whether all that only Dagster has are times of a day that the zone leaves out."""
    kwargs = compared.case["definition"]["kwargs"]
    if difference.about != "keys" or isinstance(compared.partitions, tuple) or "fmt" not in kwargs:
        return False
    zone = ZoneInfo(kwargs.get("timezone", "UTC"))
    ours = set(compared.partitions)
    only_theirs = [key for key in compared.case["keys"] if key not in ours]
    days = (datetime.strptime(key, kwargs["fmt"]).replace(hour=12, tzinfo=zone) for key in only_theirs)
    gone = (day.astimezone(UTC).astimezone(zone).date() != day.date() for day in days)
    return bool(only_theirs) and all(gone)


RULES: tuple[Rule[ComparedPartitions], ...] = (
    Rule(
        "no such day",
        "Days that do not exist in a zone (Apia 2011-12-30) have no partitions.",
        _only_days_left_out,
    ),
    Rule(
        "suspect",
        "Answers marked suspect look like defects: no window is past the end, empty or off the schedule.",
        _only_what_is_suspect,
    ),
)
