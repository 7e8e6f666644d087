"""What the web process needs to know."""

from pathlib import Path

import msgspec


class WebSettings(msgspec.Struct, frozen=True):
    """How to serve, and what."""

    home: Path
    database_url: str
    host: str = "127.0.0.1"
    port: int = 8340  # 0: any that is free
