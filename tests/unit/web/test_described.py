"""The description of the API says what each operation is asked with, and why there may be no answer."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar.exceptions import LitestarDeprecationWarning

from daemon.cli.asking import StrictOption
from daemon.cli.log.options import SinceOption
from daemon.operations.every import EVERY
from daemon.operations.fields import LIMIT_MAX, PART_MAX, meaning_of
from daemon.operations.log.listing import LogQuestion
from daemon.operations.operation import Operation
from daemon.operations.planning import Wanted
from daemon.web.app import make_app
from daemon.web.settings import WebSettings

Described = dict[str, Any]


@pytest.fixture(scope="module")
def described() -> Described:
    """The description as it is served."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LitestarDeprecationWarning)  # What Litestar 3 will want otherwise.
        app = make_app(WebSettings(Path(), "postgresql+asyncpg://nobody@nowhere/log", local_name="ada"))
    found: Described = msgspec.to_builtins(app.openapi_schema.to_schema())
    return found


def routes(described: Described) -> Iterator[tuple[str, Described]]:
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            yield f"{method.upper()} {path}", route


def fields(described: Described, route: Described) -> Iterator[tuple[str, Described]]:
    """The parameters, and what the body has."""
    for parameter in route.get("parameters", ()):
        yield parameter["name"], parameter
    if "requestBody" in route:
        schema = route["requestBody"]["content"]["application/json"]["schema"]
        name = schema["$ref"].rpartition("/")[2]
        yield from described["components"]["schemas"][name]["properties"].items()


def help_of(option: Any) -> str:  # noqa: ANN401 -- an annotated type
    """What `--help` says of it."""
    told: str = option.__metadata__[0].help
    return told


def test_every_parameter_is_described(described: Described) -> None:
    silent = [
        f"{name} of {route}"
        for route, each in routes(described)
        for name, field in fields(described, each)
        if not field.get("description", "").strip().endswith(".")
    ]
    assert not silent
    count = sum(len(list(fields(described, route))) for _, route in routes(described))
    assert count > 100


def test_every_operation_has_a_summary_and_a_description(described: Described) -> None:
    for name, route in routes(described):
        assert route["summary"], name
        assert route["description"], name
        assert ":raises" not in route["description"], name


@pytest.mark.parametrize("operation", EVERY, ids=lambda each: each.name)
def test_errors_are_described_where_they_are_answered(
    described: Described, operation: Operation[Any, Any]
) -> None:
    (route,) = [each for _, each in routes(described) if each["operationId"] == operation.name]
    statuses = {"UnknownError": "404", "RefusedError": "409", "UsageError": "422", "RangeTextError": "422"}
    for error, when in operation.raises.items():
        assert when.rstrip(".") in route["responses"][statuses[error]]["description"]


def test_bounds_are_described(described: Described) -> None:
    bounds = {
        name: next(field for field_name, field in fields(described, route) if field_name == "limit")["schema"]
        for name, route in routes(described)
        if name in {"GET /api/v1/runs", "GET /api/v1/diff"}
    }
    assert [(each["minimum"], each["maximum"]) for each in bounds.values()] == [(0, LIMIT_MAX), (0, PART_MAX)]


def test_the_command_line_says_the_same(described: Described) -> None:
    (plans,) = [route for name, route in routes(described) if name == "POST /api/v1/plans"]
    strict = dict(fields(described, plans))["strict"]["description"]
    assert strict == meaning_of(Wanted, "strict") == help_of(StrictOption)
    assert meaning_of(LogQuestion, "since") == help_of(SinceOption)
