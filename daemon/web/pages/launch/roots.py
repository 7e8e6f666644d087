"""Which partitions are meant of the most upstream assets: a field for each of them and each dimension."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from backfilld.errors import BackfilldError
from backfilld.partitions import MultiPartitions, Partitions, PartitionsDefinition
from backfilld.range_text import format_ranges, parse_range_text
from backfilld.range_text.cursor import MARKS_OF_TWO, quoted
from backfilld.range_text.one_dimension import format_items
from backfilld.ranges import Ranges
from daemon.planning.choice import ByStatus, Latest, named_choice, texts_by_asset
from daemon.planning.targets import root_assets
from daemon.refusal import Refused
from daemon.web.pages.launch.typed import OF_A_ROOT, Typed
from projections.catalog import Catalog, partitions_at

EXAMPLE_KEYS = 7  # in the range that a field gives as an example


class Field(msgspec.Struct, frozen=True):
    """A text about one dimension, or about partitions of one."""

    dimension: str  # empty: there is one
    text: str
    partitions: Partitions  # that it names some of
    error: str | None = None

    @property
    def latest(self) -> str:
        """The text of the newest."""
        count = len(self.partitions)
        return self._written(Ranges.span(max(0, count - 1), count))

    @property
    def example(self) -> str:
        """The text of a few."""
        count = len(self.partitions)
        return self._written(Ranges.span(max(0, count - EXAMPLE_KEYS), count))

    @property
    def ends(self) -> tuple[str, str]:
        """The first key and the last one; empty where there are none."""
        count = len(self.partitions)
        return (self.partitions.key(0), self.partitions.key(count - 1)) if count else ("", "")

    def _written(self, ordinals: Ranges) -> str:
        return (
            format_items(ordinals, self.partitions, MARKS_OF_TWO)
            if self.dimension
            else format_ranges(ordinals, self.partitions)
        )


class Root(msgspec.Struct, frozen=True):
    """What is meant of one of the most upstream assets, or of several that are alike."""

    assets: tuple[str, ...]
    is_only: bool  # there are no others: its text need not name it
    partitions: Partitions
    fields: tuple[Field, ...]
    which: str = "text"  # of it is chosen, as its field has it
    error: str | None = None  # of that choice
    note: str | None = None  # that it chooses nothing

    @property
    def named(self) -> dict[str, ByStatus | Latest]:
        """What is chosen of its assets, if they have a choice of their own that is no text."""
        choice = named_choice(self.which)
        return {} if choice is None else dict.fromkeys(self.assets, choice)

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts as the command line takes them."""
        text = self._text()
        return (text,) if self.is_only else tuple(f"{asset}={text}" for asset in self.assets)

    def _text(self) -> str:
        if not self.fields[0].dimension:
            return self.fields[0].text
        sides = [
            f"{quoted(field.dimension, MARKS_OF_TWO)}={field.text}" for field in self.fields if field.text
        ]
        return ", ".join(sides)

    @property
    def shape(self) -> str:
        """What its fields are: where that stays the same, texts can stay."""
        return "/".join((*self.assets, *(field.dimension for field in self.fields)))

    @property
    def is_refused(self) -> bool:
        """Whether a text of it makes no sense."""
        return self.error is not None or any(field.error for field in self.fields)


def roots_of(catalog: Catalog, selected: Sequence[str], typed: Typed, now: datetime) -> tuple[Root, ...]:
    """The roots with what was typed about each; they are checked if partitions are chosen by text."""
    roots = root_assets(catalog, selected)
    alike: dict[PartitionsDefinition | None, list[str]] = {}
    for key in roots:
        alike.setdefault(catalog.assets[key].definition, []).append(key)
    existing = {key: partitions_at(catalog.assets[key].definition, now) for key in selected}
    texts = _texts(typed, existing, roots)
    into, _, filled = typed.fill.partition("=")
    made = []
    for number, (definition, assets) in enumerate(alike.items()):
        partitions = partitions_at(definition, now)
        fields = tuple(
            msgspec.structs.replace(field, text=filled) if into == f"text-{number}-{axis}" else field
            for axis, field in enumerate(_fields(typed, texts, assets, partitions))
        )
        root = Root(tuple(assets), len(alike) == 1, partitions, fields)
        made.append(_checked(root, typed))
    return tuple(made)


def _texts(typed: Typed, partitions: Mapping[str, Partitions], roots: Sequence[str]) -> Mapping[str, str]:
    """The texts of an address, by root; one that is for all of them is left out where it makes no sense."""
    if not typed.partitions or not roots:
        return {}
    found = texts_by_asset(typed.partitions, partitions, roots)
    if isinstance(found, Refused):
        return {}
    if found is not None:
        return found
    (text,) = typed.partitions
    is_alone = len({partitions[root] for root in roots}) == 1
    return {root: text for root in roots if is_alone or _makes_sense(text, partitions[root])}


def _makes_sense(text: str, partitions: Partitions) -> bool:
    try:
        return bool(parse_range_text(text, partitions))
    except BackfilldError:
        return False


def _fields(
    typed: Typed, texts: Mapping[str, str], assets: Sequence[str], partitions: Partitions
) -> tuple[Field, ...]:
    of_form = {each.dimension: each.text for each in typed.texts if each.asset in assets}
    whole = of_form.get("", "") if of_form else texts.get(assets[0], "")
    if not isinstance(partitions, MultiPartitions):
        return (Field("", whole, partitions),)
    sides = _sides(whole, partitions) if whole else {name: of_form.get(name, "") for name in partitions.names}
    if sides is None:
        return (Field("", whole, partitions),)
    return tuple(
        Field(name, sides[name], dimension)
        for name, dimension in zip(partitions.names, partitions.dimensions, strict=True)
    )


def _sides(text: str, partitions: MultiPartitions) -> dict[str, str] | None:
    """What a text says of each dimension; None where that is not one box, or it says nothing that is."""
    try:
        boxes = partitions.boxes(parse_range_text(text, partitions))
    except BackfilldError:
        return None
    if len(boxes) != 1:
        return None
    return {
        name: "*" if len(side) == len(dimension) else format_items(side, dimension, MARKS_OF_TWO)
        for name, side, dimension in zip(partitions.names, boxes[0], partitions.dimensions, strict=True)
    }


def _checked(root: Root, typed: Typed) -> Root:
    if typed.which == "each":
        chosen = next((typed.roots[asset] for asset in root.assets if asset in typed.roots), "latest")
        root = msgspec.structs.replace(root, which=chosen)
        if chosen not in OF_A_ROOT:
            return msgspec.structs.replace(root, error=f"{chosen!r} is no choice; there are {_choices()}.")
        if not len(root.partitions):
            return msgspec.structs.replace(root, error="There are none yet.")
    if typed.which != "text" and not (typed.which == "each" and root.which == "text"):
        return root
    fields = tuple(msgspec.structs.replace(field, error=_error(root, field)) for field in root.fields)
    return msgspec.structs.replace(root, fields=fields)


def _choices() -> str:
    return ", ".join(OF_A_ROOT)


def _error(root: Root, field: Field) -> str | None:
    """Why a text will not do. A dimension of which nothing is said is meant whole, if the other is not."""
    if not field.text:
        if any(other.text for other in root.fields):
            return None
        if not len(field.partitions):
            return "There are none yet."
        return f"Which ones? Name some, such as {field.example}."
    try:
        chosen = parse_range_text(field.text, field.partitions)
    except BackfilldError as error:
        return str(error)
    return None if chosen else f"{field.text!r} names none; there are {field.partitions.described()}."
