"""Partitions to draw from, with their keys and what needs what told in plain words.

Nothing here asks the code that is tested: keys are counted off by hand, and which keys upstream a key needs
is said key by key. So the checks know what must hold without the planner's own edges.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import NamedTuple, TypeAlias

from backfilld.mappings import (
    AllPartitionMapping,
    DimensionPartitionMapping,
    IdentityPartitionMapping,
    LastPartitionMapping,
    MultiPartitionMapping,
    PartitionMapping,
    SpecificPartitionsPartitionMapping,
    StaticPartitionMapping,
    TimeWindowPartitionMapping,
)
from backfilld.partitions import (
    DailyPartitionsDefinition,
    DynamicPartitionsDefinition,
    HourlyPartitionsDefinition,
    MultiPartitionsDefinition,
    PartitionsDefinition,
    StaticPartitionsDefinition,
    WeeklyPartitionsDefinition,
)

Keys: TypeAlias = tuple[str, ...]
Needs: TypeAlias = Callable[[str, Sequence[str]], set[str]]  # a key, and the keys there are upstream

ONLY = ""  # stands for the one partition of an asset without any
TENANTS = "tenants"  # the dynamic set
WHOLE_HOUR = "%Y-%m-%d-%H:00"


class Space(NamedTuple):
    """A kind of partitions: its definition, and its keys in order by the time and the dynamic set's keys."""

    name: str
    definition: PartitionsDefinition | None
    keys: Callable[[datetime, Keys], Keys]


class Link(NamedTuple):
    """How an asset of one kind may need one of another."""

    told: str
    mapping: PartitionMapping | None
    needs: Needs
    is_whole: bool = True  # or ``needs`` leaves out what is open to reading


_DAYS: Keys = tuple(f"2024-01-{day:02}" for day in range(1, 9))  # Monday to Monday
_WEEKDAYS: Keys = tuple(day for day in _DAYS if date.fromisoformat(day).isoweekday() < 6)
_WEEKS: Keys = ("2023-12-31", "2024-01-07")
_HOURS_MAX = 12  # of which a few more end while the simulation goes on
_LETTERS: Keys = ("a", "b", "c")
_PAIRS: Keys = tuple(f"{day}|{letter}" for day in _DAYS for letter in _LETTERS)


def _hours(at: datetime, _: Keys) -> Keys:
    first = datetime(2024, 6, 1, tzinfo=at.tzinfo)
    ended = min((at - first) // timedelta(hours=1), _HOURS_MAX)
    return tuple(f"{first + timedelta(hours=hour):{WHOLE_HOUR}}" for hour in range(ended))


def _those(keys: Keys) -> Callable[[datetime, Keys], Keys]:
    return lambda _at, _tenants: keys


_DAILY = DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-09")
_STATIC = StaticPartitionsDefinition(_LETTERS)

DAYS = Space("days", _DAILY, _those(_DAYS))
WEEKDAYS = Space(
    "weekdays",
    DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-09", exclusions=["0 0 * * 0,6"]),
    _those(_WEEKDAYS),
)
WEEKS = Space(
    "weeks", WeeklyPartitionsDefinition(start_date="2023-12-31", end_date="2024-01-14"), _those(_WEEKS)
)
HOURS = Space(
    "hours", HourlyPartitionsDefinition(start_date="2024-06-01-00:00", end_date="2024-06-01-12:00"), _hours
)
LETTERS = Space("letters", _STATIC, _those(_LETTERS))
PAIRS = Space("pairs", MultiPartitionsDefinition({"day": _DAILY, "letter": _STATIC}), _those(_PAIRS))
DYNAMIC = Space(TENANTS, DynamicPartitionsDefinition(name=TENANTS), lambda _at, tenants: tenants)
TENANT_DAYS = Space(
    "tenant days",
    MultiPartitionsDefinition({"day": _DAILY, "tenant": DynamicPartitionsDefinition(name=TENANTS)}),
    lambda _at, tenants: tuple(f"{day}|{tenant}" for day in _DAYS for tenant in tenants),
)
UNPARTITIONED = Space("one", None, _those((ONLY,)))

SPACES = (DAYS, WEEKDAYS, WEEKS, HOURS, LETTERS, PAIRS, DYNAMIC, TENANT_DAYS, UNPARTITIONED)
WEIGHTS = (6, 2, 2, 3, 2, 3, 3, 1, 3)


def _same(key: str, upstream: Sequence[str]) -> set[str]:
    return {key}.intersection(upstream)


def _all(_key: str, upstream: Sequence[str]) -> set[str]:
    return set(upstream)


def _last(_key: str, upstream: Sequence[str]) -> set[str]:
    return set(upstream[-1:])


def _named(*keys: str) -> Needs:
    return lambda _key, upstream: set(keys).intersection(upstream)


def _windows(first: int, last: int, form: str, step: timedelta) -> Needs:
    """The windows from the one ``first`` steps away to the one ``last`` steps away."""
    steps = [step * offset for offset in range(first, last + 1)]
    return lambda key, upstream: {_moved(key, form, by) for by in steps}.intersection(upstream)


@cache
def _moved(key: str, form: str, by: timedelta) -> str:
    start = datetime.strptime(key, form)  # noqa: DTZ007 - steps are counted in the key's own time
    return f"{start + by:{form}}"


def _days_of_week(key: str, upstream: Sequence[str]) -> set[str]:
    start = date.fromisoformat(key)
    return {f"{start + timedelta(days=day)}" for day in range(7)}.intersection(upstream)


def _week_of_day(key: str, upstream: Sequence[str]) -> set[str]:
    return {week for week in upstream if key in _days_of_week(week, [key])}


def _part(axis: int) -> Needs:
    return lambda key, upstream: {key.split("|")[axis]}.intersection(upstream)


def _pairs_with(axis: int) -> Needs:
    return lambda key, upstream: {pair for pair in upstream if pair.split("|")[axis] == key}


def _pair_before(key: str, upstream: Sequence[str]) -> set[str]:
    day, other = key.split("|")
    before = date.fromisoformat(day) - timedelta(days=1)
    return {f"{before}|{other}"}.intersection(upstream)


def _table(named: dict[str, list[str]]) -> Needs:
    return lambda key, upstream: {each for each in upstream if key in named.get(each, ())}


def _before_in_each(dimension: str) -> PartitionMapping:
    yesterday = TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)
    return MultiPartitionMapping(
        {
            "day": DimensionPartitionMapping("day", yesterday),
            dimension: DimensionPartitionMapping(dimension, IdentityPartitionMapping()),
        }
    )


_BY_LETTER = {"a": ["a", "b"], "b": ["c"]}
_DAY, _HOUR = ("%Y-%m-%d", timedelta(days=1)), (WHOLE_HOUR, timedelta(hours=1))
_TIMES = {DAYS: _DAY, HOURS: _HOUR}
_CALENDAR = {DAYS, WEEKDAYS, WEEKS}
_PARTS = {PAIRS: (DAYS, LETTERS), TENANT_DAYS: (DAYS, DYNAMIC)}

BEFORE: dict[Space, Link] = {
    **{
        space: Link("the one before", TimeWindowPartitionMapping(start_offset=-1, end_offset=-1), rule)
        for space, rule in (
            (DAYS, _windows(-1, -1, *_DAY)),
            (HOURS, _windows(-1, -1, *_HOUR)),
        )
    },
    PAIRS: Link("the day before of its letter", _before_in_each("letter"), _pair_before),
    TENANT_DAYS: Link("the day before of its tenant", _before_in_each("tenant"), _pair_before),
}
"""How an asset may need its own past."""


def links(downstream: Space, upstream: Space) -> list[Link]:
    """The ways in which an asset with the one kind of partitions may need one with the other."""
    return [*_by_default(downstream, upstream), *_by_name(downstream, upstream)]


def _by_default(downstream: Space, upstream: Space) -> Iterator[Link]:
    """What the mapping means that is inferred."""
    if UNPARTITIONED in {downstream, upstream}:
        yield Link("all", None, _all)
    elif downstream == upstream:
        yield Link("the same", None, _same)
    elif {downstream, upstream} <= _CALENDAR:
        if WEEKS not in {downstream, upstream}:
            yield Link("the same day", None, _same, is_whole=False)
        else:
            rule = _days_of_week if downstream == WEEKS else _week_of_day
            yield Link("its days", None, rule, is_whole=WEEKDAYS not in {downstream, upstream})
    elif upstream in _PARTS.get(downstream, ()):
        yield Link("its part", None, _part(_PARTS[downstream].index(upstream)))
    elif downstream in _PARTS.get(upstream, ()):
        yield Link("its pairs", None, _pairs_with(_PARTS[upstream].index(downstream)))


def _by_name(downstream: Space, upstream: Space) -> Iterator[Link]:
    """What other mappings mean."""
    if upstream != UNPARTITIONED:
        yield Link("every one", AllPartitionMapping(), _all)
        yield Link("the last", LastPartitionMapping(), _last)
    if upstream == DAYS:
        yield Link("two days", SpecificPartitionsPartitionMapping(_DAYS[1:3]), _named(*_DAYS[1:3]))
    if downstream == upstream and upstream in _TIMES:
        for first, last in ((-1, -1), (1, 1), (-2, 0)):
            mapping = TimeWindowPartitionMapping(start_offset=first, end_offset=last)
            yield Link(f"from {first} to {last}", mapping, _windows(first, last, *_TIMES[upstream]))
    if downstream == upstream == LETTERS:
        yield Link("by a table", StaticPartitionMapping(_BY_LETTER), _table(_BY_LETTER))
