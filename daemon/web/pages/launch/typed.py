"""The form as it was typed: every field a text, whether it means anything or not."""

from collections.abc import Iterable
from typing import Final

import msgspec

WHICH: Final = {  # the name of a choice, and what it means
    "latest": ("Latest", "The newest of the most upstream assets, and downstream what follows."),
    "missing": ("Missing", "Of each asset what was never filled."),
    "failed_and_missing": (
        "Failed and missing",
        "Of each asset what failed, was skipped or was never filled.",
    ),
    "failed": ("Failed", "Of each asset what failed or was skipped the last time."),
    "all": ("All", "Of each asset all partitions that exist now."),
    "text": (
        "By text",
        "Of the most upstream assets those named here, and downstream what follows.",
    ),
    "each": (
        "Each its own",
        "Of each of the most upstream assets what is chosen there, and likewise of what is downstream of it.",
    ),
}


OF_A_ROOT: Final = tuple(name for name in WHICH if name != "each")  # what can be chosen of one alone


class TypedText(msgspec.Struct, frozen=True):
    """Partitions as somebody wrote them."""

    asset: str  # a root, and those that are like it
    dimension: str  # empty: of the partitions, whatever dimensions they have
    text: str


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the form, or in the address that leads to it."""

    assets: tuple[str, ...] = ()
    selection: str = ""
    which: str = "latest"
    partitions: tuple[str, ...] = ()  # of an address: texts as the command line takes them
    texts: tuple[TypedText, ...] = ()  # of the form
    roots: dict[str, str] = {}  # of the form: what is chosen of each root, if each has its own choice
    order: str = "oldest_first"
    max_concurrent: str = ""
    priority: str = ""
    only_between: str = ""
    reason: str = ""
    tags: str = ""
    strict: bool = False
    require_upstream: bool = False
    with_upstream: bool = False
    fill: str = ""  # "text-0-1=TEXT": the button beside a field was pressed that puts a text in
    is_estimated: bool = False
    key: str = ""  # of the launch: the same one launches once
    digest: str = ""  # of the plan that was looked at

    @property
    def terms(self) -> tuple[str, ...]:
        """The selection."""
        return (*self.assets, *([self.selection] if self.selection else []))

    @property
    def has_limits(self) -> bool:
        """Whether anything is set that is seldom set."""
        return bool(
            self.order != "oldest_first"
            or self.max_concurrent
            or self.priority not in ("", "0")
            or self.only_between
            or self.tags
        )


def typed_of(fields: Iterable[tuple[str, str]]) -> Typed:
    """The form from its fields in their order; what it does not know is left."""
    given: dict[str, list[str]] = {}
    for name, value in fields:
        given.setdefault(name, []).append(value.strip())

    def one(name: str, otherwise: str = "") -> str:
        return given.get(name, [otherwise])[-1]

    partitions = tuple(filter(None, given.get("partitions", ())))
    texts = zip(given.get("of", ()), given.get("along", ()), given.get("text", ()), strict=False)
    which = one("which", "text" if partitions else "latest")
    return Typed(
        assets=tuple(dict.fromkeys(filter(None, given.get("asset", ())))),
        selection=one("selection"),
        which=which if which in WHICH else "latest",
        partitions=partitions,
        texts=tuple(TypedText(*each) for each in texts),
        roots=dict(zip(given.get("root", ()), given.get("root_which", ()), strict=False)),
        order=one("order", "oldest_first"),
        max_concurrent=one("max_concurrent"),
        priority=one("priority"),
        only_between=one("only_between"),
        reason=one("reason"),
        tags=one("tags"),
        strict=bool(one("strict")),
        require_upstream=bool(one("require_upstream")),
        with_upstream=bool(one("with_upstream")),
        fill=one("fill"),
        is_estimated=bool(one("estimate")),
        key=one("key"),
        digest=one("digest"),
    )
