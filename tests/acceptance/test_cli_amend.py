"""`amend` as a user calls it, with a real daemon and runs."""

from collections.abc import Iterator

import pytest

from tests.acceptance.house import House, new_house


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house with a daemon, whose runs of `region` end once there is a file `go`."""
    with new_house() as house, house.daemon():
        yield house


@pytest.fixture(scope="module")
def own(house: House) -> str:
    """A backfill of region, of which the run over north is under way."""
    return str(house.call("launch", "region", "--all", "--max-concurrent", "1", "-o", "json").value["id"])


def test_limits_order_and_priority_are_changed_and_recorded_with_who_and_why(house: House) -> None:
    launched = house.call("launch", "region", "--all", "--max-concurrent", "1", "-o", "json").value["id"]
    house.call("pause", launched)
    told = house.call(
        *("amend", launched, "--max-concurrent", "2", "--order", "newest-first", "--priority", "-3"),
        *("--retries", "0", "--only-between", "22:00-06:00 Europe/Berlin", "--reason", "leave room"),
    )
    assert (told.status, told.err) == (0, "")
    assert told.out == (
        f"Backfill {launched} is amended: at most 2 runs at a time, newest first, priority -3, no retries, "
        "only between 22:00-06:00 Europe/Berlin.\n"
    )
    lifted = house.call(
        *("amend", launched, "--max-concurrent", "none", "--retries", "none", "--only-between", "none"),
        *("-o", "json"),
    ).value
    assert lifted == {
        "id": launched,
        "status": "paused",
        "changed": True,
        "max_concurrent_runs": None,
        "order": "newest_first",
        "priority": -3,
        "retries_max": None,
        "only_between": None,
        "dropped": {},
        "under_way": {},
        "runs_under_way": [],
        "settled": {},
    }
    again = house.call("amend", launched, "--priority", "-3", "--retries", "none")
    assert again == (0, f"Backfill {launched} stays as it is: nothing of this changes it.\n", "")
    facts = house.call("log", "--backfill", launched, "--type", "BackfillAmended", "-o", "json").value
    assert [(fact["actor"], fact["data"]["reason"]) for fact in facts] == [
        ("ada@office", "leave room"),
        ("ada@office", None),
    ]
    house.call("cancel", launched)


def test_what_is_not_launched_yet_is_dropped_and_the_rest_goes_on(house: House, own: str) -> None:
    status, out, err = house.call("amend", own, "--drop", "region", "--reason", "north will do")
    assert (status, out) == (0, f"Backfill {own} is amended: dropped region south.\n")
    assert err == (
        f"Not dropped, since it is under way: region north. `backfilld run cancel` ends a run ({own}-1-1).\n"
    )
    stands = house.call("status", own, "-o", "json").value["progress"]["region"]
    assert (stands["in_progress"], stands["canceled"]) == (1, 1)
    (house.folder / "go").touch()
    ended = house.call("status", own, "--watch")
    assert ended.status == 1
    assert "1 of 2 partitions materialized, 1 canceled" in ended.out
    assert ended.err.endswith(f"`backfilld retry {own}` fills what was not reached.\n")
    retried = house.call("retry", own, "--wait", "-o", "json").value
    assert retried["targets"]["region"]["ranges"] == [["south", "south"]]
    assert retried["status"] == "succeeded"


def test_what_needs_what_was_dropped_says_so() -> None:
    """Amended while no daemon runs, carried out by the next one."""
    with new_house() as house:
        with house.daemon():
            pass
        own = house.call("launch", "orders*", "--all", "-o", "json").value["id"]
        assert (
            house.call("amend", own, "--drop", "orders=[2024-01-09...]", "--reason", "no file yet").err == ""
        )
        with house.daemon():
            ended = house.call("status", own, "--watch")
        assert "16 of 21 partitions materialized, 3 skipped, 2 canceled" in ended.out
        skips = house.call("log", "--backfill", own, "--type", "PartitionSkipped", "-o", "json").value
        assert [skip["data"]["asset"] for skip in skips] == ["totals", "report"]
        causes = {skip["data"]["causes"][-1]["reason"] for skip in skips}
        assert causes == {"dropped by ada@office: no file yet"}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (
            [],
            2,
            "What changes? Give --max-concurrent, --order, --priority, --retries, --only-between or --drop.",
        ),
        (["--max-concurrent", "0"], 2, "--max-concurrent takes a number from 1 on, or none, and not '0'."),
        (["--retries", "few"], 2, "--retries takes a number from 0 on, or none, and not 'few'."),
        (["--order", "fastest"], 2, "Invalid value for '--order': "),
        (
            ["--priority", "1"],
            3,
            "Backfill {own} has ended (canceled) and cannot be amended; `backfilld retry",
        ),
    ],
)
def test_a_mistake_is_one_sentence(
    house: House, own: str, arguments: list[str], code: int, sentence: str
) -> None:
    house.call("cancel", own)
    house.call("status", own, "--watch")
    status, out, err = house.call("amend", own, *arguments)
    assert (status, out) == (code, "")
    assert err.startswith(sentence.format(own=own))


def test_what_is_no_part_of_it_is_refused(house: House) -> None:
    (house.folder / "go").unlink(missing_ok=True)
    launched = house.call("launch", "region", "--partitions", "north", "-o", "json").value["id"]
    for drop, reason in (
        ("regions", f"Backfill {launched} fills nothing of 'regions'; did you mean region?\n"),
        ("region=south", f"Backfill {launched} does not fill south of region; of what it fills, north, name"),
    ):
        status, out, err = house.call("amend", launched, "--drop", drop)
        assert (status, out, err.startswith(reason)) == (3, "", True)
    house.call("cancel", launched)
