from typing import get_args

import pytest

from daemon.fact_text import describe
from events.facts import (
    BackfillAmended,
    BackfillCancelRequested,
    BackfillCompleted,
    BackfillPaused,
    BackfillRequested,
    BackfillResumed,
    Cause,
    DefinitionsFailed,
    DefinitionsLoaded,
    DefinitionsWithdrawn,
    DynamicPartitionsAdded,
    DynamicPartitionsRemoved,
    Fact,
    Failure,
    LeaderElected,
    PartitionFailed,
    PartitionKeys,
    PartitionMaterialized,
    PartitionSkipped,
    PoolConfigured,
    RunCanceled,
    RunCancelRequested,
    RunFailed,
    RunLaunched,
    RunLost,
    RunStarted,
    RunSucceeded,
    RunTimedOut,
    TokenCreated,
    TokenRevoked,
)

DAY = PartitionKeys(ranges=(("d1", "d1"),), count=1)
DAYS = PartitionKeys(ranges=(("d1", "d3"), ("d5", "d5")), count=4)
MANY = PartitionKeys(ranges=(("a", "a"), ("c", "c"), ("e", "e"), ("g", "g")), count=4)
BROKE = Failure("ValueError", "two\nlines\x1b[31m")

DESCRIBED: list[tuple[Fact, str]] = [
    (
        DefinitionsLoaded("weather", "ab" * 32, {"assets": [{}, {}]}),
        "weather: 2 assets, manifest abababababab",
    ),
    (DefinitionsLoaded("weather", "ab" * 32, None), "weather: manifest abababababab, as before"),
    (DefinitionsFailed("weather", BROKE), "weather: ValueError: two lines [31m"),
    (
        DefinitionsFailed("weather", BROKE, runs_held=True),
        "weather: ValueError: two lines [31m; its runs wait",
    ),
    (DefinitionsWithdrawn("weather"), "weather is not given to the daemon any more"),
    (
        BackfillRequested(
            ("raw", "clean"), "--all", {}, "2024-01-01T00:00:00Z", (), 1461, "0", reason="late\nrows"
        ),
        "raw clean, 1,461 runs: late rows",
    ),
    (BackfillPaused("lunch"), "lunch"),
    (BackfillResumed(), ""),
    (
        BackfillAmended(reason="slow", max_concurrent_runs=2, priority=0, dropped={"raw": DAYS, "all": None}),
        "at most 2 runs at a time, priority 0, dropped raw [d1...d3], d5 (4), dropped all: slow",
    ),
    (
        BackfillAmended(order="newest_first", retries_max=0),
        "newest first, no retries",
    ),
    (
        BackfillAmended(lifted=("max_concurrent_runs", "retries_max")),
        "no limit of its own on runs at a time, retries as its assets say",
    ),
    (BackfillAmended(only_between="22:00-06:00"), "only between 22:00-06:00"),
    (BackfillAmended(lifted=("only_between",)), "at any hour"),
    (BackfillCancelRequested(), ""),
    (
        BackfillCompleted("failed", materialized={"a": 1000, "b": 1}, skipped={"c": 2}),
        "failed: 1,001 materialized, 2 skipped",
    ),
    (RunLaunched(7, 2, ("raw", "clean"), DAY, "weather", "0"), "run 7, attempt 2: raw clean d1"),
    (RunStarted(12, "host"), "pid 12 on host"),
    (RunCancelRequested("stuck\nagain"), "stuck again"),
    (RunTimedOut(90.0), "longer than 90 s; it is being ended"),
    (PartitionMaterialized("raw", MANY), "raw a, c, e, … (4)"),
    (PartitionMaterialized("total", None), "total"),
    (PartitionFailed("raw", DAY, BROKE), "raw d1: ValueError: two lines [31m"),
    (PartitionSkipped("clean", DAY, (Cause("raw", DAY, "failed"),)), "clean d1: raw failed"),
    (RunSucceeded(0.126), "0.13 s"),
    (RunFailed(2, Failure("KeyError", "'x'")), "2.00 s: KeyError: 'x'"),
    (RunCanceled(), ""),
    (RunCanceled(1.5), "1.50 s"),
    (RunLost("ended by signal 9"), "ended by signal 9"),
    (DynamicPartitionsAdded("cities", ("a", "b"), "new\nshops"), "cities: a, b: new shops"),
    (DynamicPartitionsRemoved("cities", ("a", "b", "c", "d")), "cities: a, b, c, … (4)"),
    (PoolConfigured("api", 3), "api: 3 slots"),
    (PoolConfigured("api"), "api: no limit"),
    (TokenCreated("ci", "operator", "ab" * 32), "ci: operator"),
    (
        TokenCreated("ci", "viewer", "ab" * 32, "2024-03-01T12:00:00+00:00", "the\nwall"),
        "ci: viewer, until 2024-03-01T12:00:00+00:00: the wall",
    ),
    (TokenRevoked("ci", "it leaked"), "ci: it leaked"),
    (LeaderElected("x", "host", 12, "0.1.0"), "pid 12 on host, version 0.1.0"),
]


@pytest.mark.parametrize(("fact", "text"), DESCRIBED, ids=lambda value: type(value).__name__)
def test_a_fact_in_a_few_words(fact: Fact, text: str) -> None:
    assert describe(fact) == text


def test_every_fact_is_tried() -> None:
    assert {type(fact) for fact, _ in DESCRIBED} == set(get_args(Fact))
