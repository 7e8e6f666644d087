"""Errors as RFC 9457 problem details."""

from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, NotAuthorizedException, NotFoundException, ValidationException
from litestar.response import Redirect

from backfilld.errors import BackfilldError
from daemon.operations.errors import DatabaseError, OperationError, RefusedError, UnknownError, UsageError
from daemon.web.pages.rendering import problem_page
from daemon.web.problem import PROBLEM_JSON, Problem, is_for_programs
from events.errors import FactNotStorableError, LogBusyError, LogError, LogUnavailableError

BODY: Final = "data"

log = structlog.get_logger(__name__)


def problem_of(error: Exception) -> Problem | None:  # noqa: PLR0911, PLR0912 -- one case a kind of error
    """The problem that an error is; None for a defect."""
    match error:
        case UnknownError():
            return Problem("Not found", 404, str(error), details=error.details)
        case UsageError():
            return Problem("Makes no sense", 422, str(error), details=error.details)
        case RefusedError():
            return Problem("Refused", 409, str(error), details=error.details)
        case DatabaseError():
            return Problem("No database", 503, str(error), details=error.details)
        case OperationError():
            return Problem("Failed", 409, str(error), details=error.details)
        case LogUnavailableError():
            told = "the database cannot be reached; the log of the process says more."
            return Problem("The log cannot be reached", 503, told)
        case FactNotStorableError() | LogBusyError():
            return Problem("The log refused", 409, str(error))
        case LogError():
            return Problem("The log refused", 409, "the database refused; the log of the process says more.")
        case BackfilldError() | msgspec.ValidationError():
            return Problem("Makes no sense", 422, str(error))
        case RecursionError():  # No code of ours goes as deep as an input can.
            return Problem("Makes no sense", 422, "it is nested too deeply.")
        case ValidationException():
            return Problem("Makes no sense", 422, validation_text(error))
        case NotFoundException():
            return Problem("Not found", 404, "there is nothing at this address.")
        case HTTPException():
            return Problem(HTTPStatus(error.status_code).phrase, error.status_code, error.detail)
        case _:
            return None


def validation_text(error: ValidationException) -> str:
    """Which of the values that were given will not do, and why."""
    found: list[Any] = error.extra if isinstance(error.extra, list) else []
    return "; ".join(map(_told, found)) or error.detail


def _told(found: dict[str, str]) -> str:
    """What is wrong with one value; Litestar calls the body as its handlers do, and a lack of it too."""
    name, message = found.get("key", BODY), found.get("message", "")
    if name != BODY:
        return f"{name}: {message}"
    return "there is no body; send one in JSON." if message == repr(BODY) else f"the body: {message}"


def problem_response(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """The answer to a request that failed: JSON for programs, a page for people.

    A defect's own words stay in the log of this process, and the database's, which say where it is.
    """
    problem = problem_of(error)
    if isinstance(error, LogError):
        log.warning("web.no_answer", path=request.url.path, reason=str(error))
    if problem is None:
        log.error("web.defect", path=request.url.path, exc_info=error)
        problem = Problem("Internal error", 500, "a defect of backfilld; its log says more.")
    headers = dict((error.headers or {}) if isinstance(error, HTTPException) else {})
    if is_for_programs(request.url.path):
        if problem.status == 401:
            headers["www-authenticate"] = "Bearer"
        return Response(problem, status_code=problem.status, media_type=PROBLEM_JSON, headers=headers)
    if isinstance(error, NotAuthorizedException) and request.method == "GET":
        query = f"?{request.url.query}" if request.url.query else ""
        return Redirect("/login", query_params={"next": f"{request.url.path}{query}"}, status_code=303)
    answer = problem_page(problem)
    answer.headers.update(headers)
    return answer
