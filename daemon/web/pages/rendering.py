"""Templates, and what all of them can say."""

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Response

from daemon.fact_text import counted, one_line, ranges_text
from daemon.planning.choice import words_of
from daemon.web.pages.looking import Look
from daemon.web.pages.materialized import number_text
from daemon.web.problem import Problem

VERSION: Final = version("backfilld-daemon")

_environment: Final = Environment(
    loader=PackageLoader("daemon.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def rendered(look: Look, template: str, values: Mapping[str, Any], *, status: int = 200) -> Response[str]:
    """The page."""
    frame = {
        "look": look,
        "link": look.link,
        "asset_link": look.asset_link,
        "daemon": look.daemon,
        "version": VERSION,
    }
    text = _environment.get_template(template).render(frame | dict(values))
    return Response(text, status_code=status, media_type="text/html")


def page(template: str, values: Mapping[str, Any], *, status: int = 200) -> Response[str]:
    """A page without the frame around it: it needs neither the log nor to know who looks."""
    text = _environment.get_template(template).render(values)
    return Response(text, status_code=status, media_type="text/html")


def compile_all() -> None:
    """Every template is compiled, so that nobody waits for that."""
    for name in _environment.list_templates():
        _environment.get_template(name)


def problem_page(problem: Problem) -> Response[str]:
    """What people see in place of a page."""
    return page("problem.html", {"problem": problem}, status=problem.status)


def number(value: float) -> str:
    """With thousands apart.

    >>> number(1461)
    '1,461'
    """
    return f"{value:,}"


def words(value: str) -> str:
    """A name of ours as people write it.

    >>> words("in_progress")
    'in progress'
    """
    return value.replace("_", " ")


def clock(at: datetime | None) -> str:
    """A time to the second, UTC."""
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def first_upper(text: str) -> str:
    """A sentence of ours that begins with a small letter, as a sentence of its own."""
    return text[:1].upper() + text[1:]


def cell(value: str | int | None) -> str:
    """What stands in a cell of a document."""
    return f"{value:,}" if isinstance(value, int) else one_line(value or "")


_environment.filters.update(
    number=number,
    words=words,
    clock=clock,
    one_line=one_line,
    keys=ranges_text,
    cell=cell,
    counted=counted,
    first_upper=first_upper,
    measure=number_text,
    chosen=words_of,
)
