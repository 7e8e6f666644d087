"""What a run says at length is cut before it is recorded, and the cut text says where the whole is."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.house import House, new_house

TALKATIVE = """
from backfilld import MaterializeResult, asset


@asset
def fails():
    raise ValueError("begins " + "x" * 100_000 + f" MIDDLE {40 + 2} " + "x" * 100_000 + " ends")


@asset
def tells():
    return MaterializeResult(metadata={"text": "y" * 40_000 + "INSIDE" + "y" * 40_000, "rows": 3})


@asset
def tells_much():
    return MaterializeResult(metadata={f"n{number}": "z" * 9_000 for number in range(20)})
"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house whose assets have said what they have to say."""
    with new_house() as house:
        (house.folder / "talkative.py").write_text(TALKATIVE)
        with house.daemon("talkative.py"):
            for asset in ("fails", "tells", "tells_much"):
                house.call("launch", asset, "--all", "--wait")
            yield house


def run_of(house: House, asset: str) -> tuple[Path, dict[str, dict[str, object]]]:
    """The folder of the run that was for an asset, and what its facts say, by type."""
    (run,) = [each for each in house.call("runs", "-o", "json").value if asset in each["assets"]]
    shown = house.call("run", run["id"], "-o", "json").value
    told = house.call("run", run["id"]).out
    assert f"Its files are in {shown['folder']}." in told
    return Path(shown["folder"]), {each["type"]: each["data"] for each in shown["facts"]}


def test_a_long_error_is_whole_in_what_the_run_printed(house: House) -> None:
    folder, facts = run_of(house, "fails")
    failure = facts["PartitionFailed"]["failure"]
    assert isinstance(failure, dict)
    for part, characters_max in (("message", 8_192), ("traceback", 32_768)):
        assert "left out; the whole is in stderr.log of the run ...]" in failure[part]
        assert len(failure[part]) < characters_max + 100
        assert "MIDDLE 42" not in failure[part]
    assert "x MIDDLE 42 x" in (folder / "stderr.log").read_text()


@pytest.mark.parametrize(("asset", "part"), [("tells", "INSIDE"), ("tells_much", "n19")])
def test_long_metadata_is_whole_in_a_file_of_its_own(house: House, asset: str, part: str) -> None:
    folder, facts = run_of(house, asset)
    metadata = facts["PartitionMaterialized"]["metadata"]
    assert isinstance(metadata, dict)
    assert metadata["backfilld.whole_in"] == "metadata.jsonl"
    assert part not in json.dumps(metadata)
    assert len(json.dumps(metadata)) < 65_536 + 100
    (line,) = (folder / "metadata.jsonl").read_text().splitlines()
    assert part in line
    assert json.loads(line).keys() >= metadata.keys() - {"backfilld.whole_in", "backfilld.left_out"}
