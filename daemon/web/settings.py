"""What the web process needs to know."""

from pathlib import Path
from typing import Final

import msgspec

from daemon.service_log import Level
from daemon.web.bounds import Bounds

HOST_DEFAULT: Final = "127.0.0.1"
PORT_DEFAULT: Final = 8340


class WebSettings(msgspec.Struct, frozen=True):
    """How to serve, and what."""

    home: Path
    database_url: str
    local_name: str  # the actor of whoever needs no token
    host: str = HOST_DEFAULT
    port: int = PORT_DEFAULT  # 0: any that is free
    insists: bool = False  # somebody asked for that port or host: a daemon that cannot have it does not start
    hosts: tuple[str, ...] = ()  # names that it is reached under beside its own address, as proxies have them
    requires_tokens: bool = False  # on loopback too
    bounds: Bounds = Bounds()
    log_level: Level = Level.INFO
    log_is_json: bool = False


class Handed(msgspec.Struct, frozen=True):
    """What a daemon hands to its web process."""

    settings: WebSettings
    descriptor: int  # of the socket that listens, which the process inherits


def encoded(handed: Handed) -> bytes:
    """It on one line."""
    return msgspec.json.encode(handed, enc_hook=str) + b"\n"


def decoded(line: bytes) -> Handed:
    """What was `encoded`."""
    return msgspec.json.decode(line, type=Handed, dec_hook=lambda kind, text: kind(text))
