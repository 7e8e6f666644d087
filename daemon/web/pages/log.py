"""The log: facts with the filters of `backfilld log`, and each with its causes and effects."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response, get

from backfilld.errors import BackfilldError
from daemon.fact_text import describe
from daemon.operations.log.listing import LogQuestion, log
from daemon.operations.log.readable import readable
from daemon.operations.log.shown import Shown
from daemon.operations.log.whole import FactAt, fact
from daemon.operations.operation import Page
from daemon.web.asking import Asking
from daemon.web.pages.looking import MISTAKES, AnyRequest, look
from daemon.web.pages.mistakes import Mistake, mistake_of
from daemon.web.pages.rendering import rendered
from events.codec import FACT_TYPES

FILTERS = ("backfill", "run", "asset", "partitions", "type", "actor", "since", "until", "text")
PAGE = 100  # facts
LISTED_BYTES_MAX = 4_000  # of what a fact says, as JSON
WHOLE_BYTES_MAX = 200_000


class Line(msgspec.Struct, frozen=True):
    """A fact on a line, and all of it below."""

    fact: Shown
    said: str
    whole: tuple[str, ...]

    @property
    def tone(self) -> str:
        """What the colour of its type tells."""
        name = self.fact.type
        if name.endswith(("Failed", "Lost", "TimedOut")):
            return "bad"
        if name.endswith(("Succeeded", "Materialized")) or name == "BackfillCompleted":
            return "good"
        return "amid" if name.endswith(("Skipped", "Canceled", "CancelRequested", "Paused")) else "plain"


def line_of(shown: Shown, *, bytes_max: int = LISTED_BYTES_MAX) -> Line:
    """A fact on a line; of a very long one, such as a manifest of a million keys, the beginning is below."""
    text = msgspec.json.encode(shown.fact)
    if len(text) <= bytes_max:
        return Line(shown, describe(shown.fact), tuple(readable(msgspec.to_builtins(shown.fact))))
    beginning = text[:bytes_max].decode("utf-8", "ignore")
    rest = f"… {len(text):,} bytes; `backfilld log show {shown.position} -o json` shows all of it."
    return Line(shown, describe(shown.fact), (beginning, rest))


@get("/log", name="log")
async def log_page(request: AnyRequest, asking: Asking) -> Response[str]:
    """The facts that the filters leave, the newest on top unless asked otherwise."""
    seen = await look(request, asking)
    typed = {name: seen.query.get(name, "").strip() for name in FILTERS}
    is_oldest_first = seen.query.get("order") == "oldest"
    mistake: Mistake | None = None
    found = Page[Shown]([])
    try:
        found = await log(seen.records, question_of(typed, seen.query, is_oldest_first=is_oldest_first))
    except MISTAKES as error:
        mistake = mistake_of(str(error), FILTERS)
        if isinstance(error, BackfilldError):
            mistake = mistake._replace(field="partitions")
    kept = {name: text for name, text in typed.items() if text} | (
        {"order": "oldest"} if is_oldest_first else {}
    )
    return rendered(
        seen,
        "log.html",
        {
            "lines": [line_of(each) for each in found.items],
            "typed": typed,
            "types": sorted(FACT_TYPES),
            "is_oldest_first": is_oldest_first,
            "mistake": mistake,
            "is_first_page": "first" not in seen.query and "last" not in seen.query,
            "further": found.next and {"first" if is_oldest_first else "last": found.next},
            "kept": kept,
        },
        status=200 if mistake is None else 422,
    )


def question_of(typed: Mapping[str, str], query: Mapping[str, str], *, is_oldest_first: bool) -> LogQuestion:
    """The question that the form asks.

    :raises msgspec.ValidationError: a number is none.
    """
    given: dict[str, Any] = {name: text for name, text in typed.items() if text and name != "type"}
    given |= {name: query[name] for name in ("first", "last") if query.get(name)}
    types = (typed["type"],) if typed["type"] else ()
    asked = given | {"type": types, "newest_first": not is_oldest_first, "limit": PAGE}
    return msgspec.convert(asked, LogQuestion, strict=False)


@get("/log/{position:int}", name="fact")
async def fact_page(request: AnyRequest, asking: Asking, position: int) -> Response[str]:
    """One fact whole, with what caused it and what it caused."""
    seen = await look(request, asking)
    whole = await fact(seen.records, FactAt(position=position))
    return rendered(
        seen,
        "fact.html",
        {
            "line": line_of(whole.fact, bytes_max=WHOLE_BYTES_MAX),
            "cause": whole.cause and line_of(whole.cause),
            "story": whole.story and line_of(whole.story),
            "caused": [line_of(each) for each in whole.caused],
            "caused_more": whole.caused_more,
        },
    )
