"""`backfilld token`, and a daemon that does not listen to others without one."""

import json
import signal
from collections.abc import Iterator

import httpx
import pytest

from tests.acceptance.house import House, line_of, new_house

TIMEOUT_S = 60.0


@pytest.fixture
def house() -> Iterator[House]:
    with new_house() as made:
        yield made


def test_a_daemon_listens_to_others_only_with_a_token(house: House) -> None:
    listening = ("up", "shop.py", "--listen", "0.0.0.0", "--port", "0", "-o", "json", "--log-level", "error")
    with house.begin(*listening) as refused:
        out, err = refused.communicate(timeout=TIMEOUT_S)
    assert (refused.returncode, out) == (2, "")
    assert err == (
        "Whoever reaches 0.0.0.0 could do everything here: make a token first, with `backfilld token create "
        "NAME --role admin`, or listen on 127.0.0.1.\n"
    )
    made = house.call("token", "create", "ops", "--role", "operator", "--expires", "90d")
    assert made.status == 0
    secret = made.out.strip()
    assert made.err.startswith("The token of ops, operator, until 20")
    with house.begin(*listening) as up:
        try:
            url = json.loads(line_of(up))["url"]
            assert httpx.get(f"{url}/api/v1/jobs", timeout=TIMEOUT_S).status_code == 401
            headers = {"authorization": f"Bearer {secret}"}
            assert httpx.get(f"{url}/api/v1/jobs", headers=headers, timeout=TIMEOUT_S).status_code == 200
        finally:
            up.send_signal(signal.SIGTERM)
            up.communicate(timeout=TIMEOUT_S)


def test_tokens_are_made_listed_and_revoked(house: House) -> None:
    with house.daemon():
        pass
    value = house.call("token", "create", "ci", "--role", "viewer", "-o", "json").value
    assert value["secret"].startswith("bfd_")
    assert house.call("token", "create", "ci", "--role", "viewer").status == 3
    assert house.call("token", "create", "x", "--role", "viewer", "--expires", "soon").status == 2
    assert house.call("token", "create", "x", "--role", "king").status == 2
    assert house.call("token", "revoke", "ci", "--reason", "lost").out == "Token ci is revoked.\n"
    assert house.call("token", "revoke", "ci").out == "Token ci was revoked already.\n"
    unknown = house.call("token", "revoke", "cii")
    assert (unknown.status, unknown.err) == (3, "There is no token 'cii'; did you mean ci?\n")
    (row,) = house.call("token", "list", "-o", "json").value
    assert (row["name"], row["role"], row["state"]) == ("ci", "viewer", "revoked")
    assert (row["created_by"], row["revoked_by"]) == ("ada@office", "ada@office")
    told = house.call("log", "-o", "jsonl").out
    assert "TokenCreated" in told
    assert value["secret"] not in told
