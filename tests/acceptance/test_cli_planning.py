"""`plan` and `launch` as a user calls them: what is asked for, what is refused, and how."""

import json
from collections.abc import Iterator

import pytest

from tests.acceptance.house import House, new_house


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house whose definitions are on record; the daemon has gone home, and nothing is filled."""
    with new_house() as house:
        with house.daemon():
            pass
        yield house


def test_a_plan_in_json_has_the_targets_the_runs_and_what_they_wait_for(house: House) -> None:
    plan = house.call(
        "plan", "orders*", "--partitions", "[2024-01-02...2024-01-04], 2024-01-09", "-o", "json"
    ).value
    assert len(plan.pop("digest")) == 64
    days = {"count": 4, "ranges": [["2024-01-02", "2024-01-04"], ["2024-01-09", "2024-01-09"]]}
    assert plan == {
        "targets": {"orders": days, "totals": days, "report": {"count": 1, "ranges": None}},
        "runs": [
            {"number": 1, "assets": ["orders"], "partitions": ["2024-01-02"], "after": []},
            {"number": 2, "assets": ["orders"], "partitions": ["2024-01-03"], "after": []},
            {"number": 3, "assets": ["orders"], "partitions": ["2024-01-04"], "after": []},
            {"number": 4, "assets": ["orders"], "partitions": ["2024-01-09"], "after": []},
            {
                "number": 5,
                "assets": ["totals"],
                "partitions": ["2024-01-02", "2024-01-03", "2024-01-04"],
                "after": [1, 2, 3],
            },
            {"number": 6, "assets": ["totals"], "partitions": ["2024-01-09"], "after": [4]},
            {"number": 7, "assets": ["report"], "partitions": None, "after": [5, 6]},
        ],
        "runs_total": 7,
        "warnings": [
            "report needs 6 partitions of totals, from 2024-01-01 to 2024-01-10, that were never "  # noqa: ISC004
            "materialized and are not part of this backfill"
        ],
        "left_out": [],
    }


def test_partitions_are_named_for_each_asset_that_needs_its_own(house: House) -> None:
    asked = ("orders", "region", "--partitions", "orders=2024-01-02", "--partitions", "region=north")
    plan = house.call("plan", *asked, "-o", "json").value
    assert plan["targets"]["orders"]["ranges"] == [["2024-01-02", "2024-01-02"]]
    assert plan["targets"]["region"]["ranges"] == [["north", "north"]]
    assert house.call("plan", *asked).err.endswith(
        "backfilld launch orders region --partitions orders=2024-01-02 --partitions region=north\n"
    )


def test_a_job_is_launched_by_one_policy_and_with_its_tags(house: House) -> None:
    plan = house.call("plan", "books", "--partitions", "2024-01-02", "-o", "json").value
    assert [(run["assets"], run["partitions"]) for run in plan["runs"]] == [
        (["orders", "totals"], ["2024-01-02"])
    ]
    assert plan["warnings"][0].startswith("the assets of job 'books' have different backfill policies")
    (job,) = house.call("jobs", "-o", "json").value
    assert job == {
        "job": "books",
        "assets": ["orders", "totals"],
        "tags": {"team": "sales"},
        "code_location": "shop",
    }
    assert "team=sales" in house.call("jobs").out


def test_the_latest_is_launched_with_tags_of_its_own(house: House) -> None:
    plan = house.call("plan", "orders", "--latest", "-o", "json").value
    assert plan["targets"] == {"orders": {"count": 1, "ranges": [["2024-01-10", "2024-01-10"]]}}
    launched = house.call(
        "launch", "region", "--latest", "--tag", "team=web", "--tag", "why=late", "-o", "json"
    )
    (fact,) = house.call("log", "--backfill", launched.value["id"], "-o", "json").value
    assert fact["data"]["tags"] == {"team": "web", "why": "late"}
    assert fact["data"]["partitions_text"] == "--latest"
    for wrong in (("--tag", "team"), ("--tag", "=x"), ("--tag", "a=1", "--tag", "a=2")):
        status, _, err = house.call("launch", "orders", "--latest", *wrong)
        assert (status, "--tag" in err) == (2, True)


def test_what_is_missing_upstream_is_filled_where_that_is_wanted(house: House) -> None:
    asked = ("totals", "--partitions", "2024-01-02", "--with-upstream")
    plan = house.call("plan", *asked, "-o", "json").value
    assert set(plan["targets"]) == {"orders", "totals"}
    assert house.call("plan", *asked).err.endswith("--partitions 2024-01-02 --with-upstream\n")


def test_a_limit_bounds_the_runs_listed_and_not_the_totals(house: House) -> None:
    for limit, listed in (("2", 2), ("0", 14)):
        plan = house.call("plan", "orders*", "--all", "--limit", limit, "-o", "json").value
        assert (len(plan["runs"]), plan["runs_total"]) == (listed, 14)
        assert plan["targets"]["totals"]["count"] == 10


def test_a_plan_for_people_tells_the_same_and_how_to_launch_it(house: House) -> None:
    status, out, err = house.call("plan", "orders*", "--partitions", "2024-01-0*", "--limit", "1")
    assert status == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "orders 9 [2024-01-01...2024-01-09] a run per partition" in lines
    assert "totals 9 [2024-01-01...2024-01-09] up to 4 partitions a run" in lines
    assert "1 orders 2024-01-01" in lines
    assert "13 runs for 19 partitions of 3 assets; the first is listed." in lines
    assert any(line.startswith("Warning: report needs 2024-01-10 of totals") for line in lines)
    assert err == (
        "Nothing was launched; this does it: backfilld launch 'orders*' --partitions '2024-01-0*'\n"
    )
    assert max(map(len, out.partition("13 runs")[0].splitlines())) <= 100


def test_what_runs_wait_for_is_told_in_stretches_of_numbers(house: House) -> None:
    out = house.call("plan", "orders*", "--all", "--limit", "0").out
    rows = [line.split() for line in out.splitlines()]
    assert ["11", "totals", "[2024-01-01...2024-01-04]", "(4)", "1-4"] in rows
    assert ["14", "report", "no", "partitions", "11-13"] in rows


@pytest.mark.parametrize("command", ["plan", "launch"])
@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["orders"], 2, "Which partitions? Give --partitions TEXT"),
        (["orders", "--all", "--missing"], 2, "--all and --missing exclude each other"),
        (["orders", "--partitions", "*", "--failed"], 2, "--partitions and --failed exclude each other"),
        (["--all"], 2, "Missing argument 'SELECTION'. See `backfilld"),
        (["ordrs", "--all"], 3, "There is no asset 'ordrs'; did you mean 'orders'?"),
        (["group:none", "--all"], 3, "There is no group 'none'"),
        (["source", "--all"], 3, "'source' is an external asset"),
        (["orders", "--failed"], 3, "There is nothing to run: orders: none of its partitions failed"),
        (
            ["report", "--partitions", "2024-01-01"],
            3,
            "None of report has partitions, so '2024-01-01' names none; use --all",
        ),
        (["orders", "region", "--partitions", "north"], 3, "The most upstream partitioned assets of the"),
        (
            ["orders", "region", "--partitions", "region=north"],
            3,
            "The partitions of orders do not follow from those of region; add --partitions orders=TEXT",
        ),
        (["totals", "--all", "--require-upstream"], 3, "--require-upstream refuses a plan that needs what"),
        (["job:book", "--all"], 3, "There is no job 'book'; did you mean 'books'?"),
    ],
)
def test_a_mistake_is_one_sentence(
    house: House, command: str, arguments: list[str], code: int, sentence: str
) -> None:
    status, out, err = house.call(command, *arguments)
    assert (status, out) == (code, "")
    assert err.startswith(sentence)
    assert err.count("\n") == 1


def test_a_mistake_in_a_range_text_is_pointed_at(house: House) -> None:
    status, _, err = house.call("plan", "orders", "--partitions", "2024-01-05, 2024-01-99")
    assert status == 3
    _, text, pointer, near = err.splitlines()
    assert text[pointer.index("^") :] == "2024-01-99"
    assert near.startswith("near keys: 2024-01-09")


def test_a_launch_without_a_daemon_is_recorded_and_said_to_wait(house: House) -> None:
    status, out, err = house.call(
        "launch", "totals", "--partitions", "2024-01-10", "--reason", "late files", "--max-concurrent", "2"
    )
    assert status == 0
    first, warning = out.splitlines()
    assert first.endswith(" is launched: 1 run for totals.")
    assert warning.startswith("Warning: totals needs 2024-01-10 of orders")
    backfill_id = first.split()[1]
    assert len(backfill_id) == 8
    assert f"`backfilld status {backfill_id} --watch` follows it." in err
    assert "No daemon runs" in err
    (fact,) = house.call("log", "--backfill", backfill_id, "-o", "json").value
    assert (fact["type"], fact["actor"]) == ("BackfillRequested", "ada@office")
    assert fact["data"]["partitions_text"] == "2024-01-10"
    assert (fact["data"]["reason"], fact["data"]["max_concurrent_runs"]) == ("late files", 2)


def test_what_was_previewed_is_what_is_launched(house: House) -> None:
    asked = ("orders*", "--partitions", "2024-01-07", "-o", "json")
    plan = house.call("plan", *asked).value
    answer = house.call("launch", *asked)
    launched = answer.value
    assert answer.err.startswith("No daemon runs")
    assert launched.pop("id").isalnum()
    assert launched == {"status": "running"} | {
        key: plan[key] for key in ("digest", "runs_total", "targets", "warnings", "left_out")
    }
    position = json.loads(house.call("log", "--limit", "1", "-o", "jsonl").out)["data"]
    assert position["plan_digest"] == plan["digest"]
