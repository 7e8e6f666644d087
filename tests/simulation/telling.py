"""A simulation told for people: what happened, and every fact as it was recorded."""

from collections.abc import Callable, Sequence

from daemon.fact_text import describe
from events.envelope import Recorded
from tests.simulation.stage import Mix


class Happened:
    """A fact in the trace."""

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded

    def __call__(self) -> str:
        each = self._recorded
        about = each.run_id or each.backfill_id or ""
        return f"   {each.position:4} {type(each.fact).__name__} {about}: {describe(each.fact)} [{each.id}]"


def told(
    seed: int,
    mix: Mix,
    trace: Sequence[tuple[float, Callable[[], str] | str]],
    violation: str | None,
) -> str:
    """The whole story."""
    lines = [f"simulation {seed}", f"{mix}"]
    lines += [f"{at_s:10.3f}  {what if isinstance(what, str) else what()}" for at_s, what in trace]
    lines.append(f"violation: {violation}" if violation is not None else "all is well")
    return "\n".join([*lines, ""])
