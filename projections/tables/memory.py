"""The listed tables folded in memory, where there is no database to keep them in."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol

from events.log import Log
from projections import durations
from projections.durations import Durations
from projections.tables.changes import Changes, Row, changes
from projections.world import World, evolve

if TYPE_CHECKING:
    from projections.tables.counted import Launched


class Named(Protocol):
    """A table, by its name."""

    @property
    def name(self) -> str:
        """Such as "runs"."""
        ...


class FoldedStore:
    """Answers as the `ProjectionStore` does, from the facts alone: nothing is kept anywhere."""

    def __init__(self) -> None:
        self._position = 0
        self._backfills: dict[str, Row] = {}
        self._runs: dict[str, Row] = {}
        self._durations = Durations()

    async def load_world(self, log: Log, *, upto: int | None = None) -> World:
        """See `ProjectionStore.load_world`."""
        world = World()
        async with aclosing(log.read(upto=upto)) as batches:
            async for batch in batches:
                for recorded in batch:
                    evolve(world, recorded)
        return world

    async def bring_up_to_date(self, log: Log) -> int:
        """See `ProjectionStore.bring_up_to_date`."""
        async with aclosing(log.read(after=self._position)) as batches:
            async for batch in batches:
                self._apply(changes(batch))
                for recorded in batch:
                    durations.evolve(self._durations, recorded)
                self._position = batch[-1].position
        return self._position

    async def rows(
        self,
        table: Named,
        *,
        where: Mapping[str, str | Collection[str]],
        limit: int,
        upto: int | None = None,
        without: Collection[str] = (),
        launched: "Launched | None" = None,
    ) -> list[dict[str, Any]]:
        """See `ProjectionStore.rows`; there are "backfills" and "runs"."""
        folded = {"backfills": self._backfills, "runs": self._runs}[table.name]
        found = [
            row
            for row in folded.values()
            if (upto is None or row["position"] <= upto)
            and row["id"] not in without
            and (launched is None or launched.holds(row))
            and all(_holds(row, column, wanted) for column, wanted in where.items())
        ]
        found.sort(key=lambda row: row["position"], reverse=True)
        return found[: limit or None]

    async def attempts_at(self, asset: str, keys: Sequence[str] | None, *, most: int) -> None:
        """None: nothing is indexed here, so that all facts must be read."""

    async def runs_at(self, asset: str, keys: Sequence[str], *, most: int) -> None:
        """None, as `attempts_at`."""

    async def durations(self, wanted: Collection[tuple[str, ...]] | None = None) -> Durations:  # noqa: ARG002
        """See `ProjectionStore.durations`."""
        return self._durations

    def _apply(self, made: Changes) -> None:
        for key, row in made.new_backfills.items():
            self._backfills[key] = {"ended_at": None} | row
        for key, row in made.new_runs.items():
            self._runs[key] = {"started_at": None, "ended_at": None, "error": None} | row
        for rows, changed in ((self._backfills, made.backfills), (self._runs, made.runs)):
            for key, columns in changed.items():
                if key in rows:
                    rows[key].update(columns)
        for key, more in made.materialized.items():
            if key in self._backfills:
                self._backfills[key]["partitions_materialized"] += more


def _holds(row: Row, column: str, wanted: str | Collection[str]) -> bool:
    if column == "asset":
        return wanted in row["assets"]
    return row[column] == wanted if isinstance(wanted, str) else row[column] in wanted
