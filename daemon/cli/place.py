"""Where a command looks: at a database or a home that is here, or at a daemon elsewhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer

from daemon.loopback import is_loopback
from daemon.operations.errors import UsageError

URL_VARIABLE: Final = "BACKFILLD_URL"
TOKEN_VARIABLE: Final = "BACKFILLD_TOKEN"  # noqa: S105 -- the name of a variable
API_PATH: Final = "/api/v1"

UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help=f"Ask the daemon at this address, in place of the database: by default ${URL_VARIABLE}.",
        rich_help_panel="Options of every command",
        show_default=False,
    ),
]
TokenFileOption = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help=f"With --url: the file with the token that is sent, by default the one in ${TOKEN_VARIABLE}.",
        rich_help_panel="Options of every command",
        show_default=False,
    ),
]


def url_typed(text: str, source: str) -> str:
    """The address of a daemon as it was typed, without what comes after it.

    :raises UsageError: it is none.

    >>> url_typed("http://fill.example:8340/api/v1/", "--url")
    'http://fill.example:8340'
    """
    wrong = UsageError(
        f"{source}: {text!r} is no address of a daemon; `backfilld up` prints it: http://127.0.0.1:8340."
    )
    try:
        parts = urlsplit(text.strip())
        is_address = parts.hostname and parts.port != 0
    except ValueError:
        raise wrong from None
    if not is_address or parts.scheme not in {"http", "https"} or parts.query or parts.fragment:
        raise wrong
    if "@" in parts.netloc:
        raise UsageError(f"{source}: who asks is said by a token, with --token-file or ${TOKEN_VARIABLE}.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix(API_PATH)}"


def is_here(url: str) -> bool:
    """Whether an address is on this machine, where no proxy is asked."""
    return is_loopback(urlsplit(url).hostname or "")


def token_given(file: Path | None, environment: Mapping[str, str]) -> str | None:
    """The token to send, from the file or the environment.

    :raises UsageError: there is none in it.
    """
    if file is None:
        text, source = environment.get(TOKEN_VARIABLE), f"${TOKEN_VARIABLE}"
        if not text:
            return None
    else:
        source = f"--token-file: {file}"
        try:
            text = file.expanduser().read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{source} cannot be read: {error}.") from error
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(f"{source} holds no token; `backfilld token create` makes one.")
    return token
