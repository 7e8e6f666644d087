"""When runs ran: a lane for each."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from daemon.web.pages.timing import ticks_of

LANES_MAX: Final = 300  # attempts; more are counted instead (`daemon.web.pages.timeline.density`)
WIDTH: Final = 1000
HEIGHT_MAX: Final = 360
LANE_HEIGHT_MAX: Final = 14
NARROWEST: Final = 2.5  # of a run, so that it can be seen

_FILLS: Final[Mapping[str, str]] = {
    "succeeded": "materialized",
    "failed": "failed",
    "lost": "failed",
    "canceled": "canceled",
    "running": "in-progress",
    "launched": "in-progress",
}


class Lane(msgspec.Struct, frozen=True):
    """A run, from its launch to its end."""

    run_id: str
    told: str
    fill: str
    x: float
    y: float
    width: float
    height: float


class Timeline(msgspec.Struct, frozen=True):
    """The lanes, the lowest number on top, within a box of `WIDTH` times ``height``."""

    lanes: tuple[Lane, ...]
    height: float
    ticks: tuple[str, ...]  # times, evenly apart from the left to the right


def timeline_of(rows: Sequence[Mapping[str, Any]], now: datetime) -> Timeline | None:
    """The timeline of some runs, as the table of runs has them; None if there are none."""
    if not rows:
        return None
    begin = min(row["launched_at"] for row in rows)
    end = max(*(row["ended_at"] or now for row in rows), begin + timedelta(seconds=1))
    runs = sorted({(row["backfill_id"], row["number"]) for row in rows})
    lane_height = min(LANE_HEIGHT_MAX, HEIGHT_MAX / len(runs))
    tops = {run: lane_height * place for place, run in enumerate(runs)}
    span_s = (end - begin).total_seconds()

    def lanes() -> Iterator[Lane]:
        for row in sorted(rows, key=lambda row: (row["backfill_id"], row["number"], row["attempt"])):
            start_s = (row["launched_at"] - begin).total_seconds()
            took_s = ((row["ended_at"] or now) - row["launched_at"]).total_seconds()
            yield Lane(
                run_id=row["id"],
                told=f"{row['id']}: {', '.join(row['assets'])}, {row['status']}",
                fill=_FILLS.get(row["status"], "missing"),
                x=round(min(WIDTH * start_s / span_s, WIDTH - NARROWEST), 2),
                y=round(tops[row["backfill_id"], row["number"]], 2),
                width=round(max(WIDTH * took_s / span_s, NARROWEST), 2),
                height=round(lane_height * 0.85 if lane_height > 3 else lane_height, 2),
            )

    return Timeline(
        tuple(lanes()),
        round(lane_height * len(runs), 2),
        ticks_of(begin, end),
    )
