"""Which facts a `Filter` means, said of one fact at a time: for logs without a database, and for followers.

The facts about an asset are those of the backfills that target it, except what these say of other assets:

- what is about the backfill as a whole: `BackfillRequested`, `BackfillPaused`, ..., `BackfillCompleted`;
- `PartitionMaterialized`, `PartitionFailed` and `PartitionSkipped` of the asset itself;
- whatever else is about a run of the groups that fill it: `RunLaunched`, `RunStarted`, `RunSucceeded`, ...
  (a repeated attempt at a part of such a run counts too).

So definitions, pools and leaders are about no asset.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from events import codec
from events.envelope import Recorded
from events.facts import (
    BackfillRequested,
    Fact,
    PartitionFailed,
    PartitionMaterialized,
    PartitionSkipped,
)
from events.log import Filter

PARTITION_TYPES: Final = ("PartitionFailed", "PartitionMaterialized", "PartitionSkipped")
RUN_NUMBER: Final = r"-([0-9]{1,15})[.0-9]*-[0-9]+$"  # in a run's id; PostgreSQL reads it the same

_run_number: Final = re.compile(RUN_NUMBER).search
_UPPER_TO_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}

RunNumbers = tuple[tuple[int, int], ...]  # inclusive, ascending


def numbers_of(asset: str, groups: Iterable[tuple[Iterable[str], int]]) -> RunNumbers:
    """The numbers of the runs that fill the asset, of groups as (their assets, how many runs).

    >>> numbers_of("b", [(("a",), 3), (("b", "c"), 2)])
    ((4, 5),)
    """
    found = []
    before = 0
    for assets, runs_total in groups:
        if asset in assets:
            found.append((before + 1, before + runs_total))
        before += runs_total
    return tuple(found)


class Matcher:
    """Tells the facts that a filter means. It must see the requests of backfills before what follows them."""

    def __init__(self, matching: Filter) -> None:
        self._matching = matching
        self._runs: dict[str, RunNumbers] = {}  # by backfill that targets the asset
        self._text = None if matching.text is None else lower(matching.text)

    def matches(self, recorded: Recorded) -> bool:
        """Whether the fact is one of them."""
        wanted, fact = self._matching, recorded.fact
        self.learn(recorded)
        return (
            wanted.id in {None, recorded.id}
            and wanted.backfill_id in {None, recorded.backfill_id}
            and wanted.run_id in {None, recorded.run_id}
            and (not wanted.run_ids or recorded.run_id in wanted.run_ids)
            and (not wanted.positions or recorded.position in wanted.positions)
            and wanted.actor in {None, recorded.actor}
            and wanted.causation_id in {None, recorded.causation_id}
            and (not wanted.types or type(fact).__name__ in wanted.types)
            and (wanted.since is None or recorded.at >= wanted.since)
            and (wanted.until is None or recorded.at < wanted.until)
            and (wanted.asset is None or self._is_about(wanted.asset, recorded))
            and (self._text is None or self._text in lower(jsonb_text(fact)))
        )

    def learn(self, recorded: Recorded) -> None:
        """Take note of what a fact says about others; `matches` does so too."""
        asset, fact = self._matching.asset, recorded.fact
        if asset is None or recorded.backfill_id is None or not isinstance(fact, BackfillRequested):
            return
        if found := numbers_of(asset, ((group.assets, group.runs_total) for group in fact.groups)):
            self._runs[recorded.backfill_id] = found

    def _is_about(self, asset: str, recorded: Recorded) -> bool:
        numbers = None if recorded.backfill_id is None else self._runs.get(recorded.backfill_id)
        if numbers is None:
            return False
        if isinstance(recorded.fact, (PartitionFailed, PartitionMaterialized, PartitionSkipped)):
            return recorded.fact.asset == asset
        if recorded.run_id is None:
            return True
        number = number_of(recorded.run_id)
        return number is not None and any(first <= number <= last for first, last in numbers)


def number_of(run_id: str) -> int | None:
    """The number in the plan of the run that has this id; None if it is none of a daemon's.

    >>> number_of("k3v9x2ab-12.4-2")
    12
    """
    found = _run_number(run_id)
    return None if found is None else int(found[1])


def lower(text: str) -> str:
    """The text with A to Z as a to z, and everything else as it is: the same in every database."""
    return text.translate(_UPPER_TO_LOWER)


def jsonb_text(fact: Fact) -> str:
    """The fact's data as PostgreSQL writes a ``jsonb``: with spaces, short keys first."""
    _, _, data = codec.encode(fact)
    return json.dumps(_keys_in_order(json.loads(data)), ensure_ascii=False)


def _keys_in_order(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    match value:
        case Mapping():
            by_length = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
            return {key: _keys_in_order(value[key]) for key in by_length}
        case list():
            return [_keys_in_order(each) for each in value]
        case _:
            return value
