"""What the examples of the pages in `docs/` call."""

from collections.abc import Sequence
from datetime import UTC, datetime

from backfilld.definitions import Definitions
from backfilld.manifest import manifest_of
from daemon.planning.choice import RangeText
from daemon.planning.listed import listed
from daemon.planning.planned import Ask, plan_backfill
from daemon.refusal import Refused
from events.facts import PartitionKeys
from projections.catalog import Catalog

NOW = datetime(2024, 4, 1, 12, tzinfo=UTC)


def runs(
    definitions: Definitions,
    *selection: str,
    partitions: str | Sequence[str],
    require_upstream: bool = False,
    with_upstream: bool = False,
) -> None:
    """Prints the runs of a plan on 1 April 2024 with nothing filled, a line each, and all remarks."""
    catalog = Catalog.of({"shop": manifest_of(definitions, code_location="shop")})
    texts = (partitions,) if isinstance(partitions, str) else tuple(partitions)
    ask = Ask(selection, RangeText(texts), require_upstream=require_upstream, with_upstream=with_upstream)
    plan = plan_backfill(catalog, {}, ask, NOW)
    if isinstance(plan, Refused):
        print(f"Refused: {plan.reason}")
        return
    found = listed(plan, 0)
    for run in found.runs:
        keys = run.partitions
        assert not isinstance(keys, PartitionKeys)
        print(" ".join(run.assets) + (": " + " ".join(keys) if keys is not None else ""))
    for warning in found.warnings:
        print(f"Warning: {warning}")
    for left in found.left_out:
        print(f"Left out: {left.asset}: {left.reason}")
