"""Facts on a line, and whole, whatever they hold."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from daemon.cli.log.shown import SAID_MAX, line_for
from daemon.cli.log.stats import size_text
from daemon.operations.log.question import Order, matching_of, order_of
from daemon.operations.log.readable import readable
from daemon.operations.log.shown import shown
from events.envelope import Recorded
from events.facts import BackfillPaused, Fact, Failure, PartitionKeys, RunFailed, RunLaunched
from events.log import Filter

AT = datetime(2024, 3, 1, 12, tzinfo=UTC)
LONG = (
    RunFailed(1.5, Failure("ValueError", "\x1b[2J\n" + "no file " * 10_000)),
    BackfillPaused("\r\n数日" * 5_000),
    RunLaunched(1, 1, tuple(f"asset_{n}" for n in range(900)), PartitionKeys((("a\nb", "c"),), 2), "x", ""),
)


def recorded(fact: Fact, actor: str = "ada@office") -> Recorded:
    return Recorded(1_234_567, "id", AT, actor, fact, "k3v9x2ab", "k3v9x2ab-1234.56.1-12")


@pytest.mark.parametrize("fact", LONG)
@pytest.mark.parametrize("columns", [60, 80, 119, 120, 200])
def test_on_a_terminal_a_fact_never_takes_more_than_its_line(fact: Fact, columns: int) -> None:
    console = Console(file=io.StringIO(), width=columns, force_terminal=True)
    text = line_for(console)(shown(recorded(fact)))
    assert text.cell_len <= columns
    assert text.plain.isprintable()


@pytest.mark.parametrize("fact", LONG)
def test_in_a_pipe_it_is_bounded_and_its_ids_are_whole(fact: Fact) -> None:
    text = line_for(Console(file=io.StringIO(), width=80))(shown(recorded(fact))).plain
    assert "k3v9x2ab-1234.56.1-12 " in text
    assert SAID_MAX < len(text) < SAID_MAX + 120
    assert text.endswith("…, by ada@office")


def test_who_says_it_is_told_of_people_only() -> None:
    make = line_for(Console(file=io.StringIO()))
    assert make(shown(recorded(BackfillPaused()))).plain.endswith(" by ada@office")
    for actor in ("daemon", "run k3v9x2ab-1-1"):
        assert " by " not in make(shown(recorded(BackfillPaused("lunch"), actor))).plain


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ({"a": 1, "b": None, "c": True, "d": "", "e": []}, ["a: 1", "b: none", "c: true", "d:", "e: none"]),
        ({"message": "one\n  two\x1b"}, ["message:", "  one", "    two"]),
        ({"tags": {"team": "sales"}, "none": {}}, ["tags:", "  team: sales", "none: none"]),
        ({"keys": ("a", "b")}, ["keys: a, b"]),
        (
            {"partitions": {"ranges": (("a", "c"), ("f", "f")), "count": 4}},
            ["partitions: [a...c], f (4)"],
        ),
        (
            {"groups": [{"assets": ["a"], "runs": 2}, {"assets": ["b"], "runs": 1}]},
            ["groups:", "  - assets: a", "    runs: 2", "  - assets: b", "    runs: 1"],
        ),
    ],
)
def test_a_whole_fact_is_readable(value: object, lines: list[str]) -> None:
    assert readable(value) == lines


def test_the_first_facts_are_meant_from_a_beginning_on_and_else_the_last() -> None:
    assert order_of(None, begins=False) is Order.LAST
    assert order_of(None, begins=True) is Order.OLDEST_FIRST
    assert order_of(True, begins=True) is Order.NEWEST_FIRST
    assert order_of(False, begins=False) is Order.OLDEST_FIRST


def test_what_a_run_says_is_looked_for_among_what_is_about_it() -> None:
    assert matching_of(Filter(actor="run b-1-1")) == Filter(actor="run b-1-1", run_id="b-1-1")
    for other in (Filter(actor="daemon"), Filter(actor="run b-1-1", run_id="b-2-1")):
        assert matching_of(other) == other


def test_sizes_are_told_in_the_unit_that_fits() -> None:
    sizes = (0, 999, 1_000, 12_345, 123_456_789)
    assert [size_text(size) for size in sizes] == ["0 B", "999 B", "1.0 kB", "12 kB", "123 MB"]
