"""What comes of a case: nothing to tell, or differences, each with or without a rule that explains it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from tests.conformance.tables import Case

SHOWN_MAX = 600


@dataclass(frozen=True)
class Difference:
    """One thing that the two answer differently."""

    about: str
    theirs: Any
    ours: Any
    assets: frozenset[str] = frozenset()  # of a plan: those it concerns


class Compared(Protocol):
    """A case with both answers."""

    @property
    def case(self) -> Case: ...

    @property
    def family(self) -> str:
        """What the case is counted under."""

    @property
    def differences(self) -> Sequence[Difference]: ...


C = TypeVar("C", bound=Compared)


@dataclass(frozen=True)
class Rule(Generic[C]):
    """Why we answer differently on purpose. It is judged from the case and the answers, never from an id."""

    name: str
    says: str
    explains: Callable[[C, Difference], bool]


@dataclass(frozen=True)
class Verdict:
    """A case, and each difference with the name of the rule that explains it."""

    case_id: str
    family: str
    differences: tuple[tuple[Difference, str | None], ...]

    @property
    def agrees(self) -> bool:
        """Both answer the same."""
        return not self.differences

    @property
    def explained(self) -> bool:
        """They differ, and rules explain all of it."""
        return bool(self.differences) and None not in {rule for _, rule in self.differences}

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the rules that explain something of the case."""
        return tuple(sorted({rule for _, rule in self.differences if rule is not None}))


def judged(compared: C, rules: Sequence[Rule[C]]) -> Verdict:
    """The verdict about a case; where several rules explain a difference, the first is named."""
    return Verdict(
        compared.case["id"],
        compared.family,
        tuple(
            (difference, next((rule.name for rule in rules if rule.explains(compared, difference)), None))
            for difference in compared.differences
        ),
    )


def shown(answer: object) -> str:
    """An answer as one line of bounded length; sets in the order of their text."""
    if isinstance(answer, set | frozenset):
        answer = sorted("all of it" if each is None else str(each) for each in answer)
    text = ", ".join(map(str, answer)) if isinstance(answer, list) else str(answer)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]} ... ({len(text):,} characters)"
