"""Which partitions a person chooses: by text, asset by asset, by what became of them, or exactly these."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from backfilld.partitions import MultiPartitions, Partitions
from daemon.refusal import Refused
from events.facts import PartitionKeys

ByStatus: TypeAlias = Literal["all", "missing", "failed"]


class RangeText(msgspec.Struct, frozen=True):
    """Partitions of the roots, or of each asset (``asset=text``), as a person wrote them."""

    texts: tuple[str, ...]

    def arguments(self) -> list[str]:
        """The command line's words for it."""
        return [word for text in self.texts for word in ("--partitions", text)]

    def as_typed(self) -> str:
        """For the record: the text alone where there is one."""
        return self.texts[0] if len(self.texts) == 1 else shlex.join(self.arguments())


class Exactly(msgspec.Struct, frozen=True):
    """These partitions of these assets, such as what another backfill left undone."""

    keys: dict[str, PartitionKeys | None]
    told: str  # how it came about, for the record
    vanished: dict[str, PartitionKeys | None] = {}  # meant too, and not there any more


Choice: TypeAlias = RangeText | Exactly | ByStatus


def choice_text(choice: Choice) -> str:
    """The choice as the record keeps it."""
    match choice:
        case RangeText():
            return choice.as_typed()
        case Exactly():
            return choice.told
        case _:
            return f"--{choice}"


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
