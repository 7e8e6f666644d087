"""By address, what is not answered is said in one sentence, with the exit code that it has here."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from tests.acceptance.house import Answer, House

PROBLEM = {"content-type": "application/problem+json"}
HTML = {"content-type": "text/html; charset=utf-8"}
JSON = {"content-type": "application/json"}


class Said(NamedTuple):
    """What is answered; nothing where the connection is ended instead."""

    status: int
    headers: dict[str, str]
    body: bytes


class Heard(NamedTuple):
    """What was asked."""

    line: str
    headers: dict[str, str]
    body: bytes


Say = Callable[[Heard, int], Said | None]  # to the question of that number, from 0


def problem(status: int, title: str, detail: str, **headers: str) -> Said:
    told = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return Said(status, PROBLEM | headers, msgspec.json.encode(told))


@contextmanager
def speaking(say: Say) -> Iterator[tuple[str, list[Heard]]]:
    """An address that answers so, and what it heard."""
    heard: list[Heard] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            heard.append(Heard(f"{self.command} {self.path}", headers, body))
            said = say(heard[-1], len(heard) - 1)
            self.close_connection = True
            if said is None:
                return
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.body)

        do_GET = do_POST = do_PUT = answer  # noqa: N815 -- as the server calls them

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", heard
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def asked(house: House, said: Said | None, *arguments: str) -> Answer:
    """What `jobs` comes to where that is answered, with the address as URL."""
    with speaking(lambda *_: said) as (url, _):
        answer = house.call("jobs", "--url", url, *arguments)
    return Answer(answer.status, answer.out, answer.err.replace(url, "URL"))


@pytest.mark.parametrize(
    ("said", "status", "sentence"),
    [
        (
            problem(401, "NotAuthorized", "who asks?"),
            3,
            "The daemon at URL asks for a token: give one with --token-file or $BACKFILLD_TOKEN.",
        ),
        (
            problem(403, "PermissionDenied", "the token of eve is a viewer's, and this needs an operator's."),
            3,
            "The token of eve is a viewer's, and this needs an operator's.",
        ),
        (
            problem(429, "TooMany", "too many attempts", **{"retry-after": "30"}),
            3,
            "The daemon at URL takes no more for now: too many attempts. Try again in 30 s.",
        ),
        (
            problem(429, "TooMany", "too many tokens; try again in 37 s.", **{"retry-after": "37"}),
            3,
            "The daemon at URL takes no more for now: too many tokens; try again in 37 s.",
        ),
        (problem(404, "Not found", "there is no backfill 'x'."), 3, "There is no backfill 'x'."),
        (problem(409, "Refused", "that is done."), 3, "That is done."),
        (problem(422, "Makes no sense", "limit: not 0."), 2, "Limit: not 0."),
        (
            problem(503, "The log cannot be reached", "the database is gone."),
            4,
            "The database is gone.",
        ),
        (
            problem(500, "Internal error", "a defect of backfilld; its log says more."),
            4,
            "Nothing can be asked at URL: it could not answer, a defect of backfilld; its log says more.",
        ),
        (
            Said(200, HTML, b"<html>Log in</html>"),
            4,
            "Nothing can be asked at URL: what answers is no daemon of backfilld.",
        ),
        (
            Said(404, HTML, b"<html>Not here</html>"),
            4,
            "Nothing can be asked at URL: what answers is no daemon of backfilld (status 404, text/html).",
        ),
        (
            Said(502, {}, b""),
            4,
            "Nothing can be asked at URL: what answers is no daemon of backfilld (status 502, nothing).",
        ),
        (
            Said(301, {"location": "https://fill.example/"}, b""),
            4,
            "Nothing can be asked at URL: it is served by https; write https:// in place of http://.",
        ),
        (
            Said(302, {"location": "/login"}, b""),
            4,
            "Nothing can be asked at URL: it sends on to /login; give the address of the daemon itself.",
        ),
    ],
)
def test_a_refusal_has_its_sentence_and_exit_code(
    house: House, said: Said, status: int, sentence: str
) -> None:
    assert asked(house, said) == Answer(status, "", f"{sentence}\n")


@pytest.mark.parametrize(
    "said",
    [
        problem(404, "NotFound", "Not Found"),
        problem(405, "MethodNotAllowed", "Method Not Allowed"),
        problem(422, "Makes no sense", "the body: Object contains unknown field `latest`"),
        problem(422, "Makes no sense", "unknown parameter 'latest'."),
        Said(200, JSON, b'{"items": [{"job": 1}]}'),
        Said(200, JSON, b"[]"),
    ],
)
def test_another_version_says_which(house: House, said: Said) -> None:
    def say(heard: Heard, _: int) -> Said:
        described = Said(200, JSON, b'{"info": {"version": "9.9.0"}}')
        return described if heard.line == "GET /schema/openapi.json" else said

    with speaking(say) as (url, _):
        answer = house.call("jobs", "--url", url)
    assert answer.status == 3
    assert answer.err.startswith(
        f"The daemon at {url} (version 9.9.0) does not understand this command line ("
    )
    assert asked(house, said).err.startswith("The daemon at URL (another version) does not understand")


def test_nobody_there(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    answer = house.call("jobs", "--url", url)
    assert answer.status == 4
    assert answer.err == f"No daemon answers at {url}: All connection attempts failed.\n"


def test_the_wrong_scheme(house: House) -> None:
    with speaking(lambda *_: None) as (url, _):
        answer = house.call("jobs", "--url", url.replace("http:", "https:"))
    assert answer.status == 4
    assert answer.err.endswith(
        ": what answers there does not speak https; write http:// in place of https://.\n"
    )
    with speaking(lambda *_: None) as (url, _):
        answer = house.call("pause", "x", "--url", url)
    assert answer.status == 4
    assert (
        "the connection was ended without an answer (where it is served by https, write https://)"
        in answer.err
    )


@pytest.mark.parametrize("line", ["launch orders --all -o json", "retry k3v9x2ab -o json"])
def test_a_launch_is_sent_again_with_its_key_where_the_connection_is_lost(house: House, line: str) -> None:
    launched = {
        "id": "k3v9x2ac", "status": "running", "digest": "d", "runs_total": 1, "targets": {}, "warnings": [],
        "left_out": [], "is_served": True, "waits_for": {},
    }  # fmt: skip
    told = Said(200, JSON, msgspec.json.encode(launched))
    with speaking(lambda _, number: None if number < 2 else told) as (url, heard):
        answer = house.call(*line.split(), "--url", url)
    assert answer.value["id"] == "k3v9x2ac"
    assert len(heard) == 3
    assert len({(each.line, each.headers["idempotency-key"], each.body) for each in heard}) == 1
    with speaking(lambda *_: told) as (url, others):
        house.call(*line.split(), "--url", url)
    assert others[0].headers["idempotency-key"] != heard[0].headers["idempotency-key"]


def test_what_has_no_key_is_sent_once(house: House) -> None:
    with speaking(lambda *_: None) as (url, heard):
        answer = house.call("cancel", "x", "--url", url)
    assert answer.status == 4
    assert answer.err.endswith("; it may have been done all the same; look before you ask again.\n")
    assert [each.line for each in heard] == ["POST /api/v1/backfills/x/cancel"]


def test_a_token_is_sent(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    file = house.folder / "token"
    file.write_text("t0ken\n")
    with speaking(lambda *_: Said(200, JSON, b'{"items": []}')) as (url, heard):
        assert house.call("jobs", "--url", url, "--token-file", str(file), "-o", "json").value == []
        with monkeypatch.context() as patched:
            patched.setattr(
                House, "environment", lambda _: {"BACKFILLD_URL": url, "BACKFILLD_TOKEN": "other"}
            )
            assert house.call("jobs", "-o", "json").value == []
        assert house.call("jobs", "--url", url, "-o", "json").value == []
    assert [each.headers.get("authorization") for each in heard] == ["Bearer t0ken", "Bearer other", None]
    refused = asked(house, problem(401, "NotAuthorized", "who?"), "--token-file", str(file))
    assert refused.err == (
        "The daemon at URL does not take this token: it is unknown, has expired or was revoked.\n"
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "jobs --url http://x --home h",
            "--url names a daemon elsewhere, and --home what is here: give one of them.",
        ),
        (
            "--url http://x jobs --file f",
            "--url names a daemon elsewhere, and --file what is here: give one of them.",
        ),
        (
            "jobs --url ftp://x",
            "--url: 'ftp://x' is no address of a daemon; `backfilld up` prints it: http://127.0.0.1:8340.",
        ),
        (
            "jobs --url localhost:1",
            "--url: 'localhost:1' is no address of a daemon; `backfilld up` prints it: http://127.0.0.1:8340.",
        ),
        (
            "jobs --url http://ada:pass@x",
            "--url: who asks is said by a token, with --token-file or $BACKFILLD_TOKEN.",
        ),
        ("jobs --token-file t", "--token-file is for --url: no database or file asks for a token."),
        *(
            (
                f"{command} --url http://x",
                "This is done where the database is, and not through --url; leave it out.",
            )
            for command in ("up shop.py", "doctor", "export f.jsonl", "import f.jsonl", "web")
        ),
        (
            "verify f.jsonl --url http://x",
            "This reads the file, which is here, and asks no daemon: leave --url out.",
        ),
        *(
            (
                f"{command} --file f.jsonl --url http://x",
                "--url names a daemon elsewhere, and --file what is here: give one of them.",
            )
            for command in (
                "log",
                "log verify",
                "log stats",
                "log show 1",
                "diff --from 1",
                "replay k3v9x2ab",
            )
        ),
        (
            "demo --url http://x",
            "The demo makes a home and a database of its own; leave --home, --database and --url away.",
        ),
    ],
)
def test_what_makes_no_sense(house: House, line: str, sentence: str) -> None:
    assert house.call(*line.split()) == Answer(2, "", f"{sentence}\n")
    assert not house.home.exists()


@pytest.mark.parametrize("text", ["", " \n", "two words", "ümlaut"])
def test_a_file_without_a_token(house: House, text: str) -> None:
    (house.folder / "token").write_text(text)
    status, _, err = house.call("jobs", "--url", "http://x", "--token-file", "token")
    assert (status, err) == (2, "--token-file: token holds no token; `backfilld token create` makes one.\n")
    assert house.call("jobs", "--url", "http://x", "--token-file", "none").status == 2


def test_a_place_that_is_named_goes_before_an_address_in_the_environment(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(House, "environment", lambda _: {"BACKFILLD_URL": "http://127.0.0.1:9"})
    status, _, err = house.call("jobs", "--home", "h")
    assert status == 4
    assert "no log in" in err.lower()
    assert house.call("doctor").err == (
        "This is done where the database is, and not through $BACKFILLD_URL; unset it, or name the place "
        "with --home.\n"
    )


def standing(status: str, done: int) -> bytes:
    """How a backfill of four runs stands."""
    counts = {
        "targeted": 4, "waiting": 4 - done, "in_progress": 0, "materialized": done, "failed": 0, "skipped": 0,
        "canceled": 0,
    }  # fmt: skip
    told = {
        "id": "k3v9x2ab", "status": status, "requested_at": "2024-03-01T12:00:00Z", "requested_by": "ada",
        "reason": None, "selection": ["orders"], "partitions": "--all", "parent_backfill_id": None,
        "runs_total": 4, "runs_done": done, "runs_in_progress": 0, "partitions_targeted": 4,
        "partitions_settled": done, "progress": {"orders": counts}, "elapsed_s": done * 1.0,
        "runs_per_s": None, "left_s": None, "is_served": True,
        "ended_at": "2024-03-01T12:00:04Z" if status == "succeeded" else None,
    }  # fmt: skip
    return msgspec.json.encode(told)


def stream(*standings: bytes) -> Said:
    """Events, after which the connection ends."""
    events = b"".join(b"id: 7\nevent: progress\ndata: %s\n\n: still here\n\n" % each for each in standings)
    return Said(200, {"content-type": "text/event-stream"}, events)


@pytest.mark.parametrize(
    "gone",
    [
        Said(502, HTML, b"<html>no daemon behind it</html>"),
        problem(503, "The log cannot be reached", "the database cannot be reached."),
    ],
)
def test_a_backfill_is_followed_over_a_lost_connection(house: House, gone: Said) -> None:
    streams = [
        stream(standing("running", 0), standing("running", 1)),
        *(gone, gone, stream(), stream(standing("running", 1), standing("succeeded", 4))),
    ]

    def say(heard: Heard, _: int) -> Said:
        is_followed = heard.line == "GET /api/v1/backfills/k3v9x2ab/progress"
        return streams.pop(0) if is_followed else Said(200, JSON, standing("succeeded", 4))

    with speaking(say) as (url, _):
        answer = house.call("status", "k3v9x2ab", "--watch", "--url", url)
    assert answer.status == 0
    assert answer.err.count("It is tried again.") == 1
    assert " 25 %  1 of 4 partitions, 1 of 4 runs, 1.0 s, running" in answer.err
    assert "100 %  4 of 4 partitions, 4 of 4 runs, 4.0 s, succeeded" in answer.err
    assert answer.out.startswith("Backfill k3v9x2ab succeeded")
    assert not streams
