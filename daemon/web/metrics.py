"""Figures for Prometheus: how the log, the backfills and this process do."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from daemon.operations.standing import DaemonStanding
from projections.held import held_runs_of
from projections.world import World

MEDIA_TYPE: Final = "text/plain; version=0.0.4"  # in UTF-8, which is said behind it for every text
STATUSES: Final = ("running", "paused", "canceling", "succeeded", "failed", "canceled")
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0)
NO_ROUTE: Final = "none"  # of what is not found: an address is anybody's to make up
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})  # and so are others


class Metrics:
    """What is counted as requests come, beside what is worked out when somebody asks."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._durations = Histogram(
            "backfilld_http_request_duration_seconds",
            "How long answers took, by route; streams are not among them.",
            ("method", "route", "status"),
            buckets=BUCKETS,
            registry=self._registry,
        )

    def answered(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count an answer."""
        named = method if method in METHODS else "other"
        self._durations.labels(named, route or NO_ROUTE, f"{status // 100}xx").observe(seconds)

    def text(self, world: World, lag: int, daemon: DaemonStanding, streams: int) -> bytes:
        """All figures as Prometheus reads them.

        :param lag: facts that this process had not folded yet when it was asked.
        """
        now = CollectorRegistry()
        now.register(_Once(_figures(world, lag, daemon, streams)))
        return generate_latest(now) + generate_latest(self._registry)


class _Once(Collector):
    """Figures that are known already."""

    def __init__(self, figures: Iterator[Metric]) -> None:
        self._figures = list(figures)

    def collect(self) -> list[Metric]:
        return self._figures


def _figures(world: World, lag: int, daemon: DaemonStanding, streams: int) -> Iterator[Metric]:
    yield _gauge(
        "log_head_position", "Position of the newest fact, which is how many there are.", world.position
    )
    yield _gauge("log_lag_facts", "Facts that the web process had not folded when it was asked.", lag)
    counts = Counter(
        backfill.status for backfill in (*world.known.active.values(), *world.known.ended.values())
    )
    backfills = GaugeMetricFamily("backfilld_backfills", "Backfills by how they stand.", labels=("status",))
    for status in STATUSES:
        backfills.add_metric((status,), counts[status])
    yield backfills
    held = sum(held_runs_of(world, backfill) for backfill in world.known.active.values())
    runs = GaugeMetricFamily(
        "backfilld_runs", "Runs that have not ended, by how they stand.", labels=("status",)
    )
    runs.add_metric(("in_progress",), world.live_runs() - held)
    runs.add_metric(("held",), held)
    yield runs
    yield _gauge("daemon_serving", "Whether a daemon leads the log.", int(daemon.serving))
    yield _gauge("daemons_standing_by", "Daemons that wait to take over.", len(daemon.standbys))
    yield _gauge("web_streams", "Streams of server-sent events that are being sent.", streams)


def _gauge(name: str, told: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"backfilld_{name}", told, value=value)
