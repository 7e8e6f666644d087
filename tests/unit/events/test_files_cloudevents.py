"""An export as JSON Lines is CloudEvents 1.0, as their own library and the specification have it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from events.envelope import Event
from events.files.opening import opened
from tests.contract.told import event, events
from tests.simulation.together import many_backfills
from tests.unit.events.exported import chained, header_of, write

INTEGER_MAX = 2**31 - 1  # of the type Integer in CloudEvents 1.0
NAME = re.compile(r"[a-z0-9]{1,20}")
UNICODE_REFUSED = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    told: list[Event] = [*many_backfills(20), event("odd", backfill_id="b", run_id="b-1-1")]
    return write(tmp_path_factory.mktemp("of") / "all.jsonl", chained(told)).read_bytes().splitlines()


def test_each_line_is_a_cloud_event_by_their_own_library(lines: list[bytes]) -> None:
    for line in lines:
        found = JSONFormat().read(CloudEvent, line)
        assert found.get_specversion() == "1.0"
        assert found.get_source() == "/backfilld/log"
        assert found.get_type().startswith("backfilld.")
        assert isinstance(found.get_data(), dict)


def test_attributes_have_names_and_types_of_the_specification(lines: list[bytes]) -> None:
    for line in lines:
        attributes: dict[str, Any] = json.loads(line)
        del attributes["data"]
        for name, value in attributes.items():
            assert NAME.fullmatch(name)
            if isinstance(value, int):
                assert 0 <= value <= INTEGER_MAX
            else:
                assert isinstance(value, str)
                assert value
                assert UNICODE_REFUSED.search(value) is None


def test_no_two_events_of_the_source_have_one_id(lines: list[bytes]) -> None:
    assert len({json.loads(line)["id"] for line in lines}) == len(lines)


def test_a_position_that_no_integer_of_theirs_holds_goes_there_and_back(tmp_path: Path) -> None:
    last = chained(events("a", 3), after=INTEGER_MAX - 1)
    path = write(tmp_path / "far.jsonl", last)
    texts = [json.loads(line)["sequence"] for line in path.read_bytes().splitlines()[1:]]
    assert texts == ["0000000002147483647", "0000000002147483648", "0000000002147483649"]
    assert texts == sorted(texts)
    file = opened(path)
    assert file.page(0) == last
    assert file.header == header_of(last)
    file.close()
