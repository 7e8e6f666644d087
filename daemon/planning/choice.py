"""Which partitions a person chooses: by text, asset by asset, by what became of them, or exactly these."""

import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from backfilld.partitions import MultiPartitions, Partitions
from daemon.refusal import Refused
from events.facts import PartitionKeys

ByStatus: TypeAlias = Literal["all", "missing", "failed", "failed_and_missing"]
Latest: TypeAlias = Literal["latest"]  # the newest of the most upstream assets, and what follows from it

_WORDS: Final[dict[ByStatus | Latest, tuple[str, ...]]] = {
    "all": ("--all",),
    "missing": ("--missing",),
    "failed": ("--failed",),
    "failed_and_missing": ("--failed", "--missing"),
    "latest": ("--latest",),
}


class RangeText(msgspec.Struct, frozen=True):
    """Partitions of the roots, or of each asset (``asset=text``), as a person wrote them."""

    texts: tuple[str, ...]

    def arguments(self) -> list[str]:
        """The command line's words for it."""
        return [word for text in self.texts for word in ("--partitions", text)]

    def as_typed(self) -> str:
        """For the record: the text alone where there is one."""
        return self.texts[0] if len(self.texts) == 1 else shlex.join(self.arguments())


class ByRoot(msgspec.Struct, frozen=True):
    """For each of the most upstream assets what is chosen of it, and with it of what lies downstream."""

    named: dict[str, ByStatus | Latest]
    texts: tuple[str, ...] = ()  # 'asset=text' for the others

    def arguments(self) -> list[str]:
        """The command line's words for it."""
        roots = [word for root, choice in self.named.items() for word in ("--root", f"{root}={choice}")]
        return [*roots, *RangeText(self.texts).arguments()]


class Exactly(msgspec.Struct, frozen=True):
    """These partitions of these assets, such as what another backfill left undone."""

    keys: dict[str, PartitionKeys | None]
    told: str  # how it came about, for the record
    vanished: dict[str, PartitionKeys | None] = {}  # meant too, and not there any more


Choice: TypeAlias = RangeText | ByRoot | Exactly | ByStatus | Latest


def choice_text(choice: Choice) -> str:
    """The choice as the record keeps it."""
    match choice:
        case RangeText():
            return choice.as_typed()
        case Exactly():
            return choice.told
        case ByRoot():
            return shlex.join(choice.arguments())
        case _:
            return " ".join(_WORDS[choice])


def words_of(recorded: str) -> str:
    """A choice as the record keeps it, without the command line's dashes.

    >>> words_of("--failed --missing"), words_of("[2024-01-01...2024-01-31]")
    ('failed and missing', '[2024-01-01...2024-01-31]')
    """
    named = {" ".join(words): name for name, words in _WORDS.items()}
    return named[recorded].replace("_", " ") if recorded in named else recorded


def arguments(choice: RangeText | ByRoot | ByStatus | Latest) -> list[str]:
    """The command line's words for a choice."""
    return list(_WORDS[choice]) if isinstance(choice, str) else choice.arguments()


def named_choice(name: str) -> ByStatus | Latest | None:
    """The choice of that name."""
    return next((choice for choice in _WORDS if choice == name), None)


def without_text(names: Collection[str]) -> list[ByStatus | Latest]:
    """The choices that named options stand for; each excludes the others, but failed and missing are one."""
    both = {"failed", "missing"} <= set(names)
    given = {*names} - {"failed", "missing"} | {"failed_and_missing"} if both else {*names}
    return [choice for choice in _WORDS if choice in given]


def follows_statuses(choice: Choice) -> bool:
    """Whether what is chosen depends on what came of partitions so far."""
    if isinstance(choice, ByRoot):
        return any(map(follows_statuses, choice.named.values()))
    return choice in ("missing", "failed", "failed_and_missing")


def texts_by_asset(
    texts: Sequence[str], partitions: Mapping[str, Partitions], roots: Sequence[str]
) -> Mapping[str, str] | Refused | None:
    """The text for each asset that is named by one; None where one text is that of all roots.

    A single text ``city=oslo`` names the dimension, not the asset, where the roots have one of that name.
    """
    found: dict[str, str] = {}
    for text in texts:
        asset, separator, rest = (part.strip() for part in text.partition("="))
        if not separator or asset not in partitions:
            if len(texts) == 1:
                return None
            return Refused(
                f"with several --partitions each begins with a selected asset's name and '=', and {text!r} "
                f"does not; the assets are {', '.join(partitions)}"
            )
        if len(texts) == 1 and any(_has_dimension(partitions[root], asset) for root in roots):
            return None
        found[asset] = f"{found[asset]}, {rest}" if asset in found else rest
    return found


def _has_dimension(partitions: Partitions, name: str) -> bool:
    return isinstance(partitions, MultiPartitions) and name in partitions.names
