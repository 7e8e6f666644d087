"""Signing in with a token, and out."""

from typing import Annotated, Final

import msgspec
from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotAuthorizedException
from litestar.params import Body
from litestar.response import Redirect

from daemon.web.access import TooManyAttemptsError
from daemon.web.asking import Asking
from daemon.web.hosts import host_of
from daemon.web.identifying import address_of, cookie_name
from daemon.web.pages.looking import AnyRequest
from daemon.web.pages.rendering import page

KEPT_MAX_S: Final = 30 * 24 * 3600  # a browser forgets a token after that, however long it lasts
BODY_BYTES_MAX: Final = 16 * 1024  # anybody may send one


class SigningIn(msgspec.Struct, frozen=True):
    """What the form sends."""

    token: str = ""
    next: str = "/"


@get("/login", name="login")
async def login_page(request: AnyRequest) -> Response[str]:
    """The form for a token."""
    return _form(request, request.query_params.get("next", "/"))


@post("/login", status_code=303, request_max_body_size=BODY_BYTES_MAX)
async def login(
    request: AnyRequest,
    asking: Asking,
    data: Annotated[SigningIn, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[None] | Response[str]:
    """Keeps the token in a cookie that no script can read, if it opens anything."""
    secret = data.token.strip()
    try:
        token = await asking.identifying.token(secret, address_of(request.scope))
    except (NotAuthorizedException, TooManyAttemptsError) as error:
        return _form(request, data.next, refusal=error)
    left_s = KEPT_MAX_S
    if token.expires_at is not None:
        left_s = min(left_s, int((token.expires_at - asking.clock.now()).total_seconds()))
    cookie = Cookie(
        key=cookie_name(request.headers),
        value=secret,
        max_age=left_s,
        httponly=True,
        samesite="strict",
        secure=not _is_local(request),
    )
    return Redirect(_local(data.next), status_code=303, cookies=[cookie])


@post("/logout", status_code=303)
async def logout(request: AnyRequest) -> Response[None]:
    """Forgets the token."""
    name = cookie_name(request.headers)
    gone = Cookie(
        key=name, value="", max_age=0, httponly=True, samesite="strict", secure=not _is_local(request)
    )
    return Redirect("/", status_code=303, cookies=[gone])


def _form(
    request: AnyRequest,
    following: str,
    *,
    refusal: NotAuthorizedException | TooManyAttemptsError | None = None,
) -> Response[str]:
    scheme = request.headers.get("x-forwarded-proto", request.scope["scheme"])
    values = {
        "next": _local(following),
        "refusal": None if refusal is None else refusal.detail,
        # A browser does not keep the cookie then, which must be marked as secure.
        "is_in_vain": scheme != "https" and not _is_local(request),
        # The cookie is not sent then, and the page cannot tell whether there is one.
        "comes_from_afar": request.headers.get("sec-fetch-site") == "cross-site",
        "has_cookie": cookie_name(request.headers) in request.cookies,
    }
    answer = page("login.html", values, status=200 if refusal is None else refusal.status_code)
    if refusal is not None and refusal.headers:
        answer.headers.update(refusal.headers)
    return answer


def _is_local(request: AnyRequest) -> bool:
    host = host_of(request.headers.get("host", ""))
    return host is not None and host.is_loopback


def _local(address: str) -> str:
    """The address, if it is one of ours: nobody is led elsewhere by signing in."""
    is_ours = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if is_ours else "/"
