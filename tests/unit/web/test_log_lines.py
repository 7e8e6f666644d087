"""Facts as the log's page shows them."""

from daemon.operations.log.shown import Shown
from daemon.web.pages.log import line_of
from events.facts import DynamicPartitionsAdded


def shown(keys: int) -> Shown:
    fact = DynamicPartitionsAdded("customers", tuple(f"customer {key}" for key in range(keys)))
    return Shown(
        7, "id", "2024-01-01T00:00:00Z", "DynamicPartitionsAdded", 1, "ada", None, None, None, None, fact
    )


def test_a_short_fact_is_there_whole() -> None:
    assert line_of(shown(2)).whole == ("name: customers", "keys: customer 0, customer 1", "reason: none")


def test_of_a_long_one_there_is_the_beginning_and_where_the_rest_is() -> None:
    beginning, rest = line_of(shown(10_000), bytes_max=100).whole
    assert len(beginning) == 100
    assert "`backfilld log show 7 -o json` shows all of it" in rest
