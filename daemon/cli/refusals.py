"""What a daemon elsewhere did not answer, as the errors and sentences that it would be here."""

import re
import ssl
from importlib.metadata import version

import httpx
import msgspec

from daemon.cli.place import TOKEN_VARIABLE
from daemon.operations.errors import DatabaseError, OperationError, RefusedError, UnknownError, UsageError

PROBLEM_JSON = "application/problem+json"
NOT_KNOWN = re.compile(r"unknown (field|parameter)\b")  # a command line sends none, unless it is a newer one
UNKNOWN_TITLE = "Not found"  # of what an operation did not find; a path that nobody serves has another


class UnreachableError(DatabaseError):
    """There is no daemon to ask."""


class Told(msgspec.Struct, frozen=True):
    """A problem as it is told (RFC 9457)."""

    status: int
    detail: str = ""
    title: str = ""
    details: str | None = None


def unreachable(url: str, why: httpx.TransportError | str, *, so: str | None = None) -> UnreachableError:
    """The error for an address at which no daemon answers."""
    if isinstance(why, str):
        return UnreachableError(f"nothing can be asked at {url}: {why}.")
    reason = {
        httpx.ConnectTimeout: "nobody takes the connection",
        httpx.ReadTimeout: "it takes too long to answer",
        httpx.RemoteProtocolError: "the connection was ended without an answer",
        httpx.ReadError: "the connection was lost",
    }.get(type(why), str(why) or type(why).__name__)
    if secured := secure_text(why):
        reason = secured
    elif isinstance(why, httpx.RemoteProtocolError) and url.startswith("http:"):
        reason += " (where it is served by https, write https://)"
    end = "" if so is None else f"; {so}"
    return UnreachableError(f"no daemon answers at {url}: {reason.rstrip('.')}{end}.")


def secure_text(error: BaseException | None) -> str | None:
    """What is wrong with a secure connection; None for another error."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted here, {error.verify_message}"
        if isinstance(error, ssl.SSLError) or "SSL" in str(error):
            return "what answers there does not speak https; write http:// in place of https://"
        error = error.__cause__ or error.__context__
    return None


def refusal(  # noqa: PLR0911 -- one case a status
    response: httpx.Response, url: str, *, has_token: bool
) -> OperationError | None:
    """The error that was told; None for a question that a daemon of that version does not know."""
    if response.is_redirect:
        return unreachable(url, redirected(url, response.headers.get("location", "")))
    told = told_in(response)
    if told is None:
        kind = response.headers.get("content-type", "nothing").split(";")[0]
        return unreachable(
            url, f"what answers is no daemon of backfilld (status {response.status_code}, {kind})"
        )
    detail, details = told.detail or told.title, told.details
    match response.status_code:
        case 404 | 405:
            return UnknownError(detail, details=details) if told.title == UNKNOWN_TITLE else None
        case 422 if NOT_KNOWN.search(detail):
            return None
        case 422:
            return UsageError(detail, details=details)
        case 401:
            return RefusedError(token_text(url, has_token=has_token))
        case 429:
            return RefusedError(
                f"the daemon at {url} takes no more for now: {as_sentence(detail)}{when(response, detail)}"
            )
        case 503:
            return DatabaseError(detail, details=details)
        case status if status >= 500:
            return unreachable(url, f"it could not answer, {detail.rstrip('.')}")
        case _:
            return RefusedError(detail, details=details)


def told_in(response: httpx.Response) -> Told | None:
    """The problem that was answered; None where it is something else."""
    if not response.headers.get("content-type", "").startswith(PROBLEM_JSON):
        return None
    try:
        return msgspec.json.decode(response.content, type=Told)
    except msgspec.DecodeError:
        return None


def token_text(url: str, *, has_token: bool) -> str:
    """What whoever is not let in may do."""
    if has_token:
        return f"the daemon at {url} does not take this token: it is unknown, has expired or was revoked."
    return f"the daemon at {url} asks for a token: give one with --token-file or ${TOKEN_VARIABLE}."


def redirected(url: str, location: str) -> str:
    """Why somebody who is sent on does not go."""
    if url.startswith("http:") and location.startswith("https:"):
        return "it is served by https; write https:// in place of http://"
    return f"it sends on to {location}; give the address of the daemon itself"


def when(response: httpx.Response, detail: str) -> str:
    """After which time it may be tried again, where that is not told already."""
    if "try again" in detail:
        return ""
    after = response.headers.get("retry-after", "")
    return f" Try again in {after} s." if after.isdecimal() else ""


def as_sentence(text: str) -> str:
    """It with a full stop."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def another_version(url: str, theirs: str | None) -> RefusedError:
    """The error for a daemon that does not know what is asked, or whose answer is not known here."""
    ours = version("backfilld-daemon")
    told = f"version {theirs}" if theirs is not None else "another version"
    return RefusedError(
        f"the daemon at {url} ({told}) does not understand this command line ({ours}) in this; use the same "
        "version of both."
    )
