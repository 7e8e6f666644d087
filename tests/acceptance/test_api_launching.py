"""Launches and retries over the API: with a key they are done once, however often they are sent."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.acceptance.elsewhere import Served, served_by_daemon
from tests.acceptance.house import new_house

ALL = {"selection": ["orders"], "all": True}


@pytest.fixture(scope="module")
def shop() -> Iterator[Served]:
    with new_house() as house, served_by_daemon(house) as found:
        yield found


def post(shop: Served, path: str, body: dict[str, Any], key: str | None = None) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return httpx.post(f"{shop.url}/api/v1{path}", json=body, headers=headers, timeout=60)


def launched(shop: Served) -> list[str]:
    """The ids of all backfills."""
    return [row["id"] for row in shop.house.call("backfills", "--limit", "0", "-o", "json").value]


def test_without_a_key_each_is_done(shop: Served) -> None:
    first, second = (post(shop, "/backfills", ALL).json()["id"] for _ in range(2))
    assert first != second
    assert {first, second} <= set(launched(shop))


def test_with_a_key_the_first_answer_is_given_again(shop: Served) -> None:
    body = {"selection": ["orders*"], "partitions": ["2024-01-0*"], "reason": "late", "priority": 3}
    before = launched(shop)
    first = post(shop, "/backfills", body, "mine")
    assert first.status_code == 200
    assert [post(shop, "/backfills", body, "mine").json() for _ in range(2)] == [first.json()] * 2
    assert launched(shop) == [first.json()["id"], *before]
    assert post(shop, "/backfills", body, "another").json()["id"] != first.json()["id"]


@pytest.mark.parametrize(
    "other",
    [
        {"reason": "other"},
        {"selection": ["totals"]},
        {"partitions": ["2024-01-01"]},
        {"newest_first": True},
        {"tags": {"team": "sales"}},
        {"selection": ["nothing"]},
    ],
)
def test_a_key_is_for_one_question(shop: Served, other: dict[str, Any]) -> None:
    body = {"selection": ["orders"], "partitions": ["2024-01-02"], "reason": "mine"}
    first = post(shop, "/backfills", body, "one question").json()
    before = launched(shop)
    answer = post(shop, "/backfills", body | other, "one question")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == (
        f"this idempotency key was used before, for another question, which launched backfill {first['id']}."
    )
    assert launched(shop) == before


def test_what_is_missing_is_asked_of_the_time_of_the_first(shop: Served) -> None:
    (shop.house.folder / "go").touch()
    body = {"selection": ["region"], "missing": True}
    first = post(shop, "/backfills", body, "missing").json()
    assert shop.house.call("status", first["id"], "--watch").status == 0
    assert post(shop, "/backfills", body).status_code == 409  # Nothing is missing any more.
    again = post(shop, "/backfills", body, "missing").json()
    assert again == first


def test_of_many_at_once_one_is_done(shop: Served) -> None:
    before = launched(shop)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(shop, "/backfills", ALL, "at once").json(), range(8)))
    assert {answer["id"] for answer in answers} == {answers[0]["id"]}
    assert launched(shop) == [answers[0]["id"], *before]


def test_a_retry_with_a_key_is_done_once(shop: Served) -> None:
    broken = shop.house.folder / "broken"
    broken.touch()
    failed = post(shop, "/backfills", {"selection": ["orders"], "partitions": ["2024-01-03"]}).json()["id"]
    assert shop.house.call("status", failed, "--watch").status == 1
    broken.unlink()
    first = post(shop, f"/backfills/{failed}/retry", {"reason": "mended"}, "again").json()
    assert first["parent_backfill_id"] == failed
    before = launched(shop)
    assert post(shop, f"/backfills/{failed}/retry", {"reason": "mended"}, "again").json() == first
    assert post(shop, f"/backfills/{failed}/retry", {"reason": "other"}, "again").status_code == 422
    assert post(shop, "/backfills", ALL, "again").status_code == 422
    assert launched(shop) == before


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_has_a_length(shop: Served, key: str) -> None:
    answer = post(shop, "/backfills", ALL, key)
    assert (answer.status_code, answer.json()["detail"]) == (
        422, f"an idempotency key has 1 to 255 characters, not {len(key)}.",
    )  # fmt: skip


def test_a_refusal_is_no_answer_to_keep(shop: Served) -> None:
    body = {"selection": ["later"], "all": True}
    assert post(shop, "/backfills", body, "later").status_code == 409
    assert post(shop, "/backfills", ALL, "later").status_code == 200


def test_a_parameter_that_nobody_reads_is_refused(shop: Served) -> None:
    for answer in (
        httpx.get(f"{shop.url}/api/v1/runs", params={"stauts": "failed"}, timeout=60),
        httpx.post(f"{shop.url}/api/v1/backfills", params={"dry_run": "true"}, json=ALL, timeout=60),
    ):
        assert answer.status_code == 422
    assert answer.json()["detail"] == "unknown parameter 'dry_run'."
