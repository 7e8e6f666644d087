"""Errors as RFC 9457 problem details."""

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from daemon.operations.errors import DatabaseError, OperationError, RefusedError, UnknownError, UsageError
from events.errors import LogError, LogUnavailableError

PROBLEM_JSON = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why there is no answer."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    details: str | None = None  # what stands beside the sentence, such as a traceback


def problem_of(error: Exception) -> Problem | None:  # noqa: PLR0911 -- one case a kind of error
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
            return Problem("The log cannot be reached", 503, str(error))
        case LogError():
            return Problem("The log refused", 409, str(error))
        case ValidationException():
            return Problem("Makes no sense", 422, validation_text(error))
        case HTTPException():
            return Problem(
                error.__class__.__name__.removesuffix("Exception"), error.status_code, error.detail
            )
        case _:
            return None


def validation_text(error: ValidationException) -> str:
    """Which of the values that were given will not do, and why."""
    found: list[Any] = error.extra if isinstance(error.extra, list) else []
    told = [f"{each.get('key', 'the body')}: {each.get('message', '')}" for each in found]
    return "; ".join(told) or error.detail


def problem_response(_: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The answer to a request that failed. A defect's own words stay in the log."""
    problem = problem_of(error) or Problem("Internal error", 500, "a defect of backfilld; its log says more.")
    return Response(problem, status_code=problem.status, media_type=PROBLEM_JSON)
