"""What questions have in common: fields, their bounds, and what is said of them.

What is said of a field of a question is said once, beside it: the API's description and `--help` have it.
"""

from typing import Annotated, Final, Literal, get_type_hints

import msgspec

from events.facts import RunOrder


def said(description: str) -> msgspec.Meta:
    """What a field means, in a sentence or two; to stand in its annotation."""
    return msgspec.Meta(description=description)


def spoken(field: str) -> str:
    """The name of a field as the API has it, where Python keeps the word for itself.

    >>> spoken("from_"), spoken("max_concurrent")
    ('from', 'max_concurrent')
    """
    return field.removesuffix("_")


def meaning_of(question: type[msgspec.Struct], name: str) -> str:
    """What is said of a field of a question."""
    metadata = getattr(get_type_hints(question, include_extras=True)[name], "__metadata__", ())
    found = [each.description for each in metadata if isinstance(each, msgspec.Meta) and each.description]
    return found[-1] if found else ""


LIMIT_MAX: Final = 1_000
PART_MAX: Final = 10_000
REASON_MAX: Final = 4_000  # characters
TAGS_MAX: Final = 100
TAG_MAX: Final = 1_000  # characters of a name, and of a value

# 0: all; of an API as many as it gives at once.
Limit = Annotated[
    int,
    msgspec.Meta(ge=0, le=LIMIT_MAX),
    said(f"At most so many of them; 0 for as many as come at once, {LIMIT_MAX:,}."),
]
# The same of what one answer lists that has no `next`.
Part = Annotated[int, msgspec.Meta(ge=0, le=PART_MAX)]
Cursor = Annotated[
    str | None,
    said("Where to go on: the `next` of the answer before. From the beginning, where none is given."),
]
Reason = Annotated[str, msgspec.Meta(max_length=REASON_MAX)]
Why = Annotated[Reason | None, said("Why, for the record.")]
Tag = Annotated[str, msgspec.Meta(max_length=TAG_MAX)]
Tags = Annotated[dict[Tag, Tag], msgspec.Meta(max_length=TAGS_MAX)]

AsOf = Annotated[
    str | None,
    said("As it was known then: a time (2024-03-01T12:00, UTC), a time ago (2h), a position of the log."),
]
BackfillId = Annotated[str, said("A backfill, such as k3v9x2ab.")]
RunId = Annotated[str, said("A run, such as k3v9x2ab-17-1: its backfill, its number and the attempt.")]
AssetKey = Annotated[str, said("An asset, such as daily_sales or a/b.")]
# What may be other than a backfill has it.
OtherMaxConcurrent = Annotated[
    int | Literal["none"] | None,
    said("At most N runs of it at the same time; none: only the daemon's own limit."),
]
OtherOrder = Annotated[RunOrder | None, said("Which of its runs that are ready go first.")]
AsRanges = Annotated[
    bool, said("Tell the keys and numbers of runs as ranges, with their counts, and not one by one.")
]
WithText = Annotated[bool, said("Tell the ranges in range text too, for people.")]
