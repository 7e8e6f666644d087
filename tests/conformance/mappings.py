"""Which partitions need which: the table's answer beside the SDK's."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from backfilld.errors import BackfilldError
from backfilld.mappings import PartitionMapping
from backfilld.partitions import Partitions, PartitionsDefinition, TimeWindowPartitionsDefinition
from tests.conformance.answers import Difference, Rule
from tests.conformance.tables import (
    Case,
    as_set,
    definition_of,
    keys_or_true,
    mapping_between,
    ordinals,
    partitions_at,
)

LONGER_THAN_ANY_WINDOW = timedelta(days=3 * 366)
ENDS = ("end_date", "end", "end_offset")


@dataclass(frozen=True)
class ComparedMapping:
    """A mapping between two definitions, and what both say it maps."""

    case: Case

    @property
    def family(self) -> str:
        """The class of the mapping in use."""
        given = (self.case["mapping"] or {}).get("class", "inferred")
        return str(self.case.get("effective_mapping", given))

    @cached_property
    def definitions(self) -> tuple[PartitionsDefinition | None, PartitionsDefinition | None]:
        """Upstream and downstream."""
        return definition_of(self.case["upstream"]), definition_of(self.case["downstream"])

    @cached_property
    def mapping(self) -> PartitionMapping:
        """The mapping given, or the inferred one."""
        return mapping_between(self.case["mapping"], *self.definitions)

    @cached_property
    def partitions(self) -> tuple[Partitions, Partitions]:
        """Upstream and downstream."""
        upstream, downstream = (partitions_at(side, self.case["now"]) for side in self.definitions)
        return upstream, downstream

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """Where refusals, the mapping in use or what is mapped differ."""
        return tuple(self._differences())

    def _differences(self) -> Iterator[Difference]:
        error = self.case.get("error")
        try:
            self.mapping.validate(*self.definitions)
        except BackfilldError as refusal:
            if error is None:
                yield Difference("refusal", None, str(refusal))
            return
        in_use = type(self.mapping).__name__
        if error is not None:
            yield Difference("refusal", error, f"{in_use} is accepted")
            return
        if in_use != self.case["effective_mapping"]:
            yield Difference("mapping in use", self.case["effective_mapping"], in_use)
        for asked in self.case["to_upstream"]:
            yield from _differs("to upstream", asked, self._to_upstream(asked))
        for asked in self.case["to_downstream"]:
            yield from _differs("to downstream", asked, self._to_downstream(asked))

    def _to_upstream(self, asked: Case) -> Case:
        upstream, downstream = self.partitions
        try:
            found = self.mapping.upstream_of(
                ordinals(downstream, asked["downstream_keys"]),
                downstream_partitions=downstream,
                upstream_partitions=upstream,
            )
        except BackfilldError as error:
            return {"error": str(error)}
        return {
            "upstream_keys": keys_or_true(upstream, found.existing),
            "required_but_nonexistent": set(found.nonexistent),
        }

    def _to_downstream(self, asked: Case) -> Case:
        upstream, downstream = self.partitions
        try:
            found = self.mapping.downstream_of(
                ordinals(upstream, asked["upstream_keys"]),
                upstream_partitions=upstream,
                downstream_partitions=downstream,
            )
        except BackfilldError as error:
            return {"error": str(error)}
        return {"downstream_keys": keys_or_true(downstream, found)}


def _differs(about: str, asked: Case, ours: Case) -> Iterator[Difference]:
    if "error" in asked or "error" in ours:
        same = "error" in asked and "error" in ours
    else:
        same = all(as_set(asked[name]) == found for name, found in ours.items())
    if not same:
        yield Difference(about, asked, ours)


def past_end(plain: Case | None, key: str) -> bool:
    """Whether a key names a window that begins before its definition's end and ends after it."""
    definition = definition_of(plain)
    if plain is None or not isinstance(definition, TimeWindowPartitionsDefinition) or definition.end is None:
        return False
    without = {name: value for name, value in plain["kwargs"].items() if name not in ENDS}
    endless = definition_of({**plain, "kwargs": without})
    assert isinstance(endless, TimeWindowPartitionsDefinition)
    partitions = endless.partitions(definition.end + LONGER_THAN_ANY_WINDOW)
    ordinal = partitions.find(key)
    if ordinal is None:
        return False
    start, end = partitions.window(ordinal)
    return start < definition.end < end


def _only_windows_past_the_end(compared: ComparedMapping, difference: Difference) -> bool:
    """What was asked about, or what is needed of the other side, are windows that we do not have."""
    match difference.about:
        case "to upstream":
            asked_side, found_side = "downstream", "upstream"
        case "to downstream":
            asked_side, found_side = "upstream", "downstream"
        case _:
            return False
    asked, found = (difference.theirs.get(f"{side}_keys") for side in (asked_side, found_side))
    if not isinstance(asked, list) or not isinstance(found, list):
        return False
    if "error" in difference.ours:
        partitions = compared.partitions[asked_side == "downstream"]
        more, side = {key for key in asked if partitions.find(key) is None}, asked_side
    else:
        ours = difference.ours[f"{found_side}_keys"]
        more, side = set(found) - ours if ours <= set(found) else set(), found_side
    return bool(more) and all(past_end(compared.case[side], key) for key in more)


RULES: tuple[Rule[ComparedMapping], ...] = (
    Rule(
        "past the end",
        "A partition exists once its window has ended, and none ends after the definition's end.",
        _only_windows_past_the_end,
    ),
)
