"""The API gives what the command line does, in a form that can be read again, and lists part by part."""

import json
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import pytest
from litestar import Litestar
from litestar.exceptions import LitestarDeprecationWarning
from litestar.testing import TestClient

from daemon.operations.every import EVERY
from daemon.operations.fields import LIMIT_MAX
from daemon.web.app import make_app
from daemon.web.settings import WebSettings
from events.embedded import embedded_database
from tests.acceptance.house import House, new_house

OPERATIONS = {operation.name: operation for operation in EVERY}
ENCODER = msgspec.json.Encoder(enc_hook=str)
KEYS = ("abe", "bea", "cleo", "dan", "eve")


class Case(NamedTuple):
    """An operation as it is asked over HTTP, and the command that says the same."""

    name: str
    path: str
    given: Mapping[str, Any]  # as the query, or as the body
    command: tuple[str, ...]


CASES = (
    Case("status", "/status", {}, ("status",)),
    Case("status", "/status", {"as_of": "9"}, ("status", "--as-of", "9")),
    Case("backfill", "/backfills/{failed}", {}, ("status", "{failed}")),
    Case("backfill", "/backfills/{failed}", {"as_of": "9"}, ("status", "{failed}", "--as-of", "9")),
    Case("backfill", "/backfills/{waiting}", {}, ("status", "{waiting}")),
    Case("backfills", "/backfills", {}, ("backfills",)),
    Case(
        "backfills",
        "/backfills",
        {"limit": 1, "as_of": "9"},
        ("backfills", "--limit", "1", "--as-of", "9"),
    ),
    Case("runs", "/runs", {}, ("runs",)),
    Case("runs", "/runs", {"status": "failed"}, ("runs", "--status", "failed")),
    Case(
        "runs",
        "/runs",
        {"backfill": "{failed}", "as_of": "9"},
        ("runs", "--backfill", "{failed}", "--as-of", "9"),
    ),
    Case("run", "/runs/{failed}-3-1", {"lines": 1}, ("run", "{failed}-3-1", "--lines", "1")),
    Case("run", "/runs/{failed}-1-1", {"as_of": "6"}, ("run", "{failed}-1-1", "--as-of", "6")),
    Case("explain", "/backfills/{waiting}/explain", {}, ("explain", "{waiting}")),
    Case("explain", "/backfills/{failed}/explain", {"as_of": "9"}, ("explain", "{failed}", "--as-of", "9")),
    Case(
        "explain_partition",
        "/backfills/{failed}/explain/totals",
        {"partition": "2024-01-03", "limit": 3},
        ("explain", "{failed}", "--asset", "totals", "--partition", "2024-01-03", "--limit", "3"),
    ),
    Case(
        "explain_partition",
        "/backfills/{failed}/explain/report",
        {},
        ("explain", "{failed}", "--asset", "report"),
    ),
    Case("assets", "/assets", {}, ("assets",)),
    Case("assets", "/assets", {"as_of": "9"}, ("assets", "--as-of", "9")),
    Case("manifests", "/manifests", {}, ("assets", "--history")),
    Case("partitions", "/partitions/orders", {}, ("partitions", "orders")),
    Case("partitions", "/partitions/report", {}, ("partitions", "report")),
    Case(
        "partitions",
        "/partitions/orders",
        {"status": "materialized", "limit": 1, "as_of": "9"},
        ("partitions", "orders", "--status", "materialized", "--limit", "1", "--as-of", "9"),
    ),
    Case("dynamic_sets", "/dynamic-partitions", {}, ("partitions", "list")),
    Case("dynamic_set", "/dynamic-partitions/customers", {}, ("partitions", "list", "customers")),
    Case("pools", "/pools", {}, ("pool", "list")),
    Case("jobs", "/jobs", {}, ("jobs",)),
    Case(
        "whatif",
        "/backfills/{failed}/whatif",
        {"max_concurrent": 1, "retries": "none", "order": "newest_first", "max_runs": 3},
        (
            *("whatif", "{failed}", "--max-concurrent", "1"),
            *("--retries", "none", "--newest-first", "--max-runs", "3"),
        ),
    ),
    Case("verify_log", "/log/verify", {}, ("log", "verify")),
    Case("rebuild_projections", "/projections/rebuild", {}, ("projections", "rebuild")),
    Case("check_projections", "/projections/check", {}, ("projections", "check")),
    Case("diff", "/diff", {"from": "0", "to": "30"}, ("diff", "--from", "0", "--to", "30")),
    Case(
        "diff",
        "/diff",
        {"from": "6", "to": "30", "backfill": "{failed}", "limit": 1},
        ("diff", "--from", "6", "--to", "30", "--backfill", "{failed}", "--limit", "1"),
    ),
    Case(
        "diff",
        "/diff",
        {"from": "6", "to": "30", "asset": "totals"},
        ("diff", "--from", "6", "--to", "30", "--asset", "totals"),
    ),
    Case("plan", "/plans", {"selection": ["orders*"], "missing": True}, ("plan", "orders*", "--missing")),
    Case(
        "plan",
        "/plans",
        {"selection": ["orders"], "all": True, "estimate": True, "limit": 2, "max_concurrent_runs": 4},
        ("plan", "orders", "--all", "--estimate", "--limit", "2"),
    ),
)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house in which a backfill has failed for a day, and another waits, since no daemon runs."""
    with new_house() as house:
        with house.daemon():
            (house.folder / "broken").touch()
            assert house.call("launch", "orders*", "--all", "--wait").status == 1
            (house.folder / "broken").unlink()
            assert house.call("partitions", "add", "customers", *KEYS).status == 0
            assert house.call("pool", "set", "warehouse", "--slots", "2").status == 0
        assert house.call("launch", "region", "--all").status == 0
        yield house


@pytest.fixture(scope="module")
def api(house: House) -> Iterator[TestClient[Litestar]]:
    with embedded_database(house.home) as url:
        settings = WebSettings(house.home, url, local_name="ada@office")
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", LitestarDeprecationWarning
            )  # What Litestar 3 will want otherwise.
            app = make_app(settings)
        with TestClient(app, base_url="http://127.0.0.1") as client:
            yield client


@pytest.fixture(scope="module")
def ids(house: House) -> dict[str, str]:
    """The backfills by what became of them."""
    waiting, failed = (row["id"] for row in house.call("backfills", "-o", "json").value)
    return {"failed": failed, "waiting": waiting}


def asked(api: TestClient[Litestar], name: str, path: str, given: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- JSON
    """The answer, which reads as the operation's own, and is the same when it is written again."""
    operation = OPERATIONS[name]
    address = f"/api/v1{path}"
    response = api.get(address, params=given) if operation.method == "GET" else api.post(address, json=given)
    assert response.status_code == 200, response.text
    answer = msgspec.json.decode(response.content, type=operation.answer)
    assert ENCODER.encode(answer) == response.content
    return response.json()


def refused(api: TestClient[Litestar], path: str, **query: str | int) -> tuple[int, str]:
    response = api.get(f"/api/v1{path}", params=query)
    return response.status_code, response.json()["detail"]


def all_pages(api: TestClient[Litestar], name: str, path: str, limit: int) -> list[Any]:
    """The rows of a list that is read part by part."""
    rows: list[Any] = []
    cursor: dict[str, Any] = {}
    while True:
        answer = asked(api, name, path, {"limit": limit, **cursor})
        found = answer["items" if "items" in answer else "keys"]
        assert len(found) <= limit
        rows += found
        if answer.get("next") is None:
            return rows
        assert len(found) == limit
        cursor = {"cursor": answer["next"]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case.command))
def test_the_api_says_what_the_command_line_says(
    api: TestClient[Litestar], house: House, ids: dict[str, str], case: Case
) -> None:
    given = {
        name: value.format(**ids) if isinstance(value, str) else value for name, value in case.given.items()
    }
    answer = asked(api, case.name, case.path.format(**ids), given)
    value = house.call(*(word.format(**ids) for word in case.command), "-o", "json").value
    assert answer.get("items", answer) == value


def test_what_people_are_told_besides_is_read_again_too(
    api: TestClient[Litestar], ids: dict[str, str]
) -> None:
    standing = asked(api, "backfill", f"/backfills/{ids['waiting']}", {"with_daemon": True})
    assert standing["is_served"] is False
    waiting = asked(api, "explain", f"/backfills/{ids['waiting']}/explain", {"with_runs": True})
    assert waiting["under_way"] == {"count": 0, "first": []}
    told = asked(api, "partitions", "/partitions/orders", {"with_text": True, "limit": 1})["text"]
    assert told["statuses"]["materialized"] == {"text": "[2024-01-01...2024-01-02]", "ranges_left": 1}
    plan = asked(api, "plan", "/plans", {"selection": ["totals"], "all": True, "as_ranges": True})
    assert plan["targets"]["totals"]["policy"] == "up to 4 partitions a run"
    assert plan["runs"][0]["partitions"] == {"ranges": [["2024-01-01", "2024-01-04"]], "count": 4}


def test_an_asset_is_shown_with_all_that_is_known_of_it(
    api: TestClient[Litestar], house: House, ids: dict[str, str]
) -> None:
    row = next(row for row in house.call("assets", "-o", "json").value if row["asset"] == "totals")
    totals = asked(api, "asset", "/assets/totals", {})
    assert {name: totals[name] for name in row} == row
    assert totals["kind"] == "daily"
    assert totals["needs"] == [{"asset": "orders", "needs": "the windows that overlap", "external": False}]
    assert [each["asset"] for each in totals["needed_by"]] == ["report"]
    assert totals["jobs"] == ["books"]
    assert totals["latest"]["backfill_id"] == ids["failed"]
    assert asked(api, "asset", "/assets/source", {})["external"] is True
    assert asked(api, "asset", "/assets/totals", {"as_of": "3"})["latest"] is None
    status, detail = refused(api, "/assets/total")
    assert (status, detail) == (404, "there is no asset 'total'. Did you mean totals?")


def test_lists_go_on_where_they_stopped(api: TestClient[Litestar], house: House) -> None:
    for name, path, command in (
        ("runs", "/runs", ("runs",)),
        ("backfills", "/backfills", ("backfills",)),
        ("assets", "/assets", ("assets",)),
        ("manifests", "/manifests", ("assets", "--history")),
        ("pools", "/pools", ("pool", "list")),
        ("jobs", "/jobs", ("jobs",)),
        ("dynamic_sets", "/dynamic-partitions", ("partitions", "list")),
    ):
        whole = house.call(*command, "--limit", "0", "-o", "json").value
        assert all_pages(api, name, path, 1) == whole
        assert all_pages(api, name, path, 2) == whole
    assert all_pages(api, "dynamic_set", "/dynamic-partitions/customers", 2) == list(KEYS)


@pytest.mark.parametrize("asset", ["orders", "totals"])
def test_attempts_go_on_where_they_stopped(api: TestClient[Litestar], house: House, asset: str) -> None:
    whole = house.call("audit", asset, "-o", "json").value
    assert len(whole) > 2
    for limit in (1, 2, 1_000):
        rows: list[Any] = []
        question: dict[str, Any] = {"asset": asset, "limit": limit}
        page = asked(api, "audit", "/audit", question)
        while page["next"] is not None:
            rows += page["items"]
            page = asked(api, "audit", "/audit", question | {"cursor": page["next"]})
        assert rows + page["items"] == whole
    for cursor_text in ("nowhere", "12", "1-2-3", "-1-1"):
        assert refused(api, "/audit", asset=asset, cursor=cursor_text)[0] == 422


def test_all_partitions_are_listed_in_their_order_as_ranges_that_stand_alike(
    api: TestClient[Litestar],
) -> None:
    ranges = all_pages(api, "partition_ranges", "/partition-ranges/orders", 1)
    assert [(each["status"], each["first"], each["last"], each["count"]) for each in ranges] == [
        ("materialized", "2024-01-01", "2024-01-02", 2),
        ("failed", "2024-01-03", "2024-01-03", 1),
        ("materialized", "2024-01-04", "2024-01-10", 7),
    ]
    failed = asked(api, "partition_ranges", "/partition-ranges/orders", {"status": "failed"})
    assert failed["items"] == ranges[1:2]
    # A cursor may lie within a range.
    rest = asked(api, "partition_ranges", "/partition-ranges/orders", {"cursor": "2024-01-08"})
    assert [(each["first"], each["count"]) for each in rest["items"]] == [("2024-01-09", 2)]


def test_the_space_that_is_used_is_told(api: TestClient[Litestar], house: House) -> None:
    found = asked(api, "log_stats", "/log/stats", {})
    value = house.call("log", "stats", "-o", "json").value
    assert found["log"]["by_day"] == value["log"]["by_day"]
    assert list(found["log"]["by_type"]) == list(value["log"]["by_type"])
    assert found["run_files"] == value["run_files"]
    assert found["embedded_database"]["files"] > 0


def test_a_run_s_output_is_read_from_a_byte_on(api: TestClient[Litestar], ids: dict[str, str]) -> None:
    path = f"/runs/{ids['failed']}-1-1/output"
    first = asked(api, "run_output", path, {"limit": 6})
    assert (first["text"], first["next"], first["has_ended"]) == ("orders", 6, False)
    rest = asked(api, "run_output", path, {"offset": first["next"]})
    assert (rest["text"], rest["size"], rest["has_ended"]) == (" of 2024-01-01\n", 21, True)
    again = asked(api, "run_output", path, {"offset": rest["next"]})
    assert (again["text"], again["next"], again["has_ended"]) == ("", 21, True)
    assert asked(api, "run_output", path, {"stream": "stderr"})["text"] == "reading slowly\n"
    assert refused(api, "/runs/nobody-1-1/output")[0] == 404
    assert refused(api, path, stream="stdin")[0] == 422


def test_what_makes_no_sense_is_refused(api: TestClient[Litestar]) -> None:
    assert refused(api, "/runs", limit=LIMIT_MAX + 1)[0] == 422
    assert refused(api, "/runs", limit=-1)[0] == 422
    for path in ("/runs", "/backfills", "/assets", "/manifests", "/dynamic-partitions/customers"):
        status, detail = refused(api, path, cursor="nowhere")
        assert (status, detail) == (
            422,
            "cursor: 'nowhere' is no place to go on from; begin again without it.",
        )
    assert refused(api, "/partition-ranges/report")[0] == 422
    assert refused(api, "/partitions/orders", status="gone")[0] == 422
    assert refused(api, "/dynamic-partitions/nobody")[0] == 404
    assert refused(api, "/backfills/nobody/explain")[0] == 404


def test_every_operation_is_described(api: TestClient[Litestar]) -> None:
    described = api.get("/schema/openapi.json").json()
    ids = {each["operationId"] for path in described["paths"].values() for each in path.values()}
    assert ids >= set(OPERATIONS)
    assert json.dumps(described)
