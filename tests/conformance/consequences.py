"""What may come out differently once something has: downstream of it, and beside it in a run that fails."""

from collections.abc import Iterable, Iterator

from tests.conformance.plans import ComparedPlan
from tests.conformance.playing import Cell, Keys, Played, Run


def launched(played: Played, asset: str) -> Keys:
    """What was launched of an asset, whatever came of it."""
    return frozenset().union(*(run.partitions for run in played.runs if asset in run.assets))


def waves(played: Played, asset: str) -> dict[str | None, int]:
    """In which wave each partition of an asset was launched."""
    return {key: run.wave for run in played.runs if asset in run.assets for key in run.partitions}


def failing_apart(compared: ComparedPlan) -> Iterator[tuple[str, frozenset[Cell]]]:
    """Each listed failure that meets runs of two shapes: its asset, and what only one of them takes along."""
    for asset, key in compared.listed:
        one, other = (_run_of(played, asset, key) for played in (compared.theirs, compared.played))
        if one is not None and other is not None and one.cells != other.cells:
            yield asset, one.cells ^ other.cells


def _run_of(played: Played, asset: str, key: str | None) -> Run | None:
    return next((run for run in played.runs if (asset, key) in run.cells), None)


def consequences(compared: ComparedPlan, cells: Iterable[Cell]) -> frozenset[Cell]:
    """The cells, all targeted ones downstream of them, and what shares a run with one of these that fails."""
    failing = [run.cells for played in (compared.theirs, compared.played) for run in played.runs]
    failing = [run for run in failing if run & compared.listed]
    found: set[Cell] = set()
    edge = set(cells)
    while edge:
        found |= edge
        downstream = {below for cell in edge for below in compared.needing.get(cell, ())}
        beside = {cell for run in failing if run & compared.listed & edge for cell in run}
        edge = (downstream | beside) - found
    return frozenset(found)
