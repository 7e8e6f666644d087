"""Runs a second, beside a bare loop of forks; and how soon a dependant follows."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from statistics import median, quantiles

from daemon.clock import SystemClock
from daemon.planning.choice import RangeText
from daemon.planning.planned import Ask
from events.envelope import Recorded
from events.facts import PartitionMaterialized, PoolConfigured, RunLaunched, RunStarted
from tests.benchmarks.daemons import PIPELINES, configured, daemon, filled
from tests.benchmarks.frame import Row, Surroundings, Target, awaited, row

FIRST_DAY = date(2000, 1, 1)  # of the pipelines
RUNS = 1_000
ROUNDS = 3
CHAIN_PARTITIONS = 300
LIGHT_LOAD_RUNS = 2
AS_GOOD_AS_FREE = Target("ratio", "at most", 1 / 0.9)


def runs(surroundings: Surroundings) -> Sequence[Row]:
    """1,000 runs that do nothing, and as many bare forks before each round; medians of the rounds.

    A round's time is that from the request's fact to the backfill's last, at the default concurrency.
    """
    count = surroundings.count(RUNS)
    one_at_a_time_s, two_at_a_time_s, runs_s = [], [], []
    with (
        surroundings.database() as url,
        daemon(surroundings.home(), PIPELINES / "no_op.py", database_url=url),
    ):
        for round_ in range(ROUNDS):
            one_at_a_time_s.append(bare_fork_loop_s(count, at_a_time=1))
            two_at_a_time_s.append(bare_fork_loop_s(count, at_a_time=2))
            facts = awaited(filled, url, Ask(("no_op",), days(count, after=round_ * count)))
            runs_s.append(took_s(facts))
    run_s = median(runs_s)
    loops_s = {"one": median(one_at_a_time_s), "two": median(two_at_a_time_s)}
    twice_the_better = {min(loops_s, key=loops_s.__getitem__): Target("ratio", "at most", 2)}
    rows = [
        row(
            f"{count:,} runs that do nothing",
            count / run_s,
            "runs/s",
            target=Target("measured", "at least", 100),
        )
    ]
    for name, loop_s in loops_s.items():
        rows.append(row(f"bare forks, {name} at a time", count / loop_s, "forks/s"))
        text = f"{count:,} runs, beside bare forks {name} at a time"
        rows.append(row(text, run_s, "s", baseline=loop_s, target=twice_the_better.get(name)))
    return rows


def limited(surroundings: Surroundings) -> Sequence[Row]:
    """Runs under every kind of limit, none of which is reached, beside as many without; medians of rounds."""
    hours = "{:%H:%M}-{:%H:%M}".format(*(SystemClock().now() + timedelta(hours=by) for by in (-1, 6)))
    count = surroundings.count(RUNS)
    free_s, limited_s = [], []
    with (
        surroundings.database() as url,
        daemon(surroundings.home(), PIPELINES / "no_op.py", database_url=url),
    ):
        pool = PoolConfigured("warehouse", slots=RUNS, rate_per_minute=60.0 * RUNS, only_between=hours)
        awaited(configured, url, pool)
        for round_ in range(ROUNDS):
            chosen = days(count, after=round_ * count)
            free_s.append(took_s(awaited(filled, url, Ask(("no_op",), chosen))))
            ask = Ask(("pooled",), chosen, max_concurrent_runs=RUNS, priority=1, only_between=hours)
            limited_s.append(took_s(awaited(filled, url, ask)))
    text = f"{count:,} runs with limits, beside as many without"
    return [row(text, median(limited_s), "s", baseline=median(free_s), target=AS_GOOD_AS_FREE)]


def took_s(facts: Sequence[Recorded]) -> float:
    """Seconds from a backfill's first fact to its last."""
    return (facts[-1].at - facts[0].at).total_seconds()


def bare_fork_loop_s(count: int, *, at_a_time: int) -> float:
    """The seconds a process like a zygote takes to fork `count` children that do nothing."""
    command = [
        *(sys.executable, "-m", "tests.benchmarks.fork_loop"),
        *(str(PIPELINES / "no_op.py"), str(count), str(at_a_time)),
    ]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def reaction(surroundings: Surroundings) -> Sequence[Row]:
    """Milliseconds from a worker's report of a partition to the launch of what waited for just that one.

    Two runs at a time of a chain of two assets. The times are those of the facts, by one machine's clock: the
    worker's when it has filled the partition, before it syncs its report; the daemon's when it decides; the
    next worker's when it has become a process.
    """
    count = surroundings.count(CHAIN_PARTITIONS)
    with (
        surroundings.database() as url,
        daemon(surroundings.home(), PIPELINES / "chain.py", database_url=url),
    ):
        ask = Ask(("first", "second"), days(count), max_concurrent_runs=LIGHT_LOAD_RUNS)
        facts = awaited(filled, url, ask)
    to_launch_ms, to_start_ms = reactions_ms(facts)
    assert len(to_launch_ms) == len(to_start_ms) == count, "each run of `second` waits for one of `first`"
    return [
        row(
            "materialized to dependant's launch, median",
            median(to_launch_ms),
            "ms",
            target=Target("measured", "at most", 10),
        ),
        row("materialized to dependant's launch, 9 of 10", quantiles(to_launch_ms, n=10)[-1], "ms"),
        row("materialized to dependant's process, median", median(to_start_ms), "ms"),
    ]


def reactions_ms(facts: Sequence[Recorded]) -> tuple[list[float], list[float]]:
    """For each run that a materialization led to: the time to its launch, and to its process."""
    materialized = {each.id: each.at for each in facts if isinstance(each.fact, PartitionMaterialized)}
    began: dict[str | None, datetime] = {}  # by run: when what it waited for was there
    to_launch, to_start = [], []
    for each in facts:
        match each.fact:
            case RunLaunched() if each.causation_id in materialized:
                began[each.run_id] = materialized[each.causation_id]
                to_launch.append(each.at - began[each.run_id])
            case RunStarted() if each.run_id in began:
                to_start.append(each.at - began[each.run_id])
    return in_ms(to_launch), in_ms(to_start)


def in_ms(times: Sequence[timedelta]) -> list[float]:
    """Milliseconds."""
    return [each / timedelta(milliseconds=1) for each in times]


def days(count: int, *, after: int = 0) -> RangeText:
    """So many days of the pipelines' partitions."""
    first = FIRST_DAY + timedelta(days=after)
    return RangeText((f"[{first}...{first + timedelta(days=count - 1)}]",))
