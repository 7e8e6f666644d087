"""By which names a server may be called."""

from pathlib import Path

import pytest

from daemon.web.hosts import host_of, is_ours
from daemon.web.settings import WebSettings


def settings(host: str = "127.0.0.1", *hosts: str) -> WebSettings:
    return WebSettings(Path(), "", "ada", host=host, hosts=hosts)


def ours(header: str, given: WebSettings) -> bool:
    host = host_of(header)
    return host is not None and is_ours(host, given, 8340)


@pytest.mark.parametrize(
    "header", ["127.0.0.1:8340", "localhost:8340", "LOCALHOST:8340", "[::1]:8340", "127.9.9.9:8340"]
)
def test_this_machine_calls_itself_so(header: str) -> None:
    assert ours(header, settings())
    assert ours(header, settings("0.0.0.0"))


@pytest.mark.parametrize(
    "header",
    [
        *(
            "",
            "evil.example",
            "evil.example:8340",
            "127.0.0.1",
            "127.0.0.1:80",
            "127.0.0.1:8341",
            "192.0.2.1:8340",
        ),
        *(
            "127.0.0.1.evil.example:8340",
            "localhost.evil.example:8340",
            "localhost:8340@evil.example",
            "a@localhost:8340",
        ),
        *(
            "localhost:8340/x",
            "localhost:8340?x",
            "localhost:99999",
            "localhost:x",
            "[::1",
            "::1:8340",
            "2130706433:8340",
        ),
    ],
)
def test_nobody_else_does(header: str) -> None:
    assert not ours(header, settings())


def test_what_listens_on_other_addresses_is_called_by_them_and_by_configured_names() -> None:
    assert ours("192.0.2.1:8340", settings("0.0.0.0"))
    assert ours("box.lan:8340", settings("box.lan"))
    assert not ours("other.lan:8340", settings("0.0.0.0"))
    named = settings("127.0.0.1", "Fill.example", "fill.example:8443")
    assert ours("fill.example", named)
    assert ours("fill.EXAMPLE:99", named)
    assert not ours("fill.example.evil.example", named)
