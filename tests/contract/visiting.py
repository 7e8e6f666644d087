"""The pages as somebody with a browser without scripts sees them: asked for, read, and their forms sent."""

import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from litestar.exceptions import LitestarDeprecationWarning
from litestar.testing import AsyncTestClient

from daemon.web.app import make_app
from daemon.web.settings import WebSettings
from events.envelope import Event
from events.facts import Fact
from events.ids import new_id
from events.postgres import PostgresLog
from tests.story import Story

Told = TypeVar("Told", bound=Fact)

Fields = Sequence[tuple[str, str]]

VOID = frozenset({"input", "meta", "link", "br", "img", "hr", "rect", "path", "circle", "line", "option"})


class Element(NamedTuple):
    """An element of a page, with all the text within it."""

    tag: str
    attributes: dict[str, str]
    words: list[str]

    @property
    def text(self) -> str:
        """Its text, in one line."""
        return " ".join("".join(self.words).split())


class Page(HTMLParser):
    """A page that was answered."""

    def __init__(self, status: int, html: str) -> None:
        super().__init__()
        self.status = status
        self.html = html
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_data(" ")
        element = Element(tag, {name: value or "" for name, value in attrs}, [])
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if any(element.tag == tag for element in self._open):
            while self._open.pop().tag != tag:
                pass
        self.handle_data(" ")

    def handle_data(self, words: str) -> None:
        for element in self._open:
            element.words.append(words)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """The elements of that name with these attributes."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            each
            for each in self.elements
            if each.tag == tag and all(each.attributes.get(name) == value for name, value in wanted.items())
        ]

    def __getitem__(self, element_id: str) -> Element:
        """The element of that id."""
        return next(each for each in self.elements if each.attributes.get("id") == element_id)

    def value(self, name: str) -> str:
        """What stands in the field of that name."""
        return next(each for each in self.all("input") if each.attributes.get("name") == name).attributes[
            "value"
        ]

    def button(self, **attributes: str) -> Element:
        """The one button with these attributes."""
        (found,) = self.all("button", **attributes)
        return found


class Visitor:
    """Somebody who looks at the pages of a log, which a story is told in."""

    def __init__(self, client: AsyncTestClient, log: PostgresLog) -> None:  # type: ignore[type-arg]  # of any app
        self._client = client
        self._log = log

    async def tell(self, story: Story) -> None:
        """What the story has told beyond the log's head is recorded."""
        head = await self._log.head()
        await self._log.append(
            [
                Event(new_id(each.at), each.at, each.actor, each.fact, each.backfill_id, each.run_id)
                for each in story.told[head:]
            ]
        )

    async def facts(self, kind: type[Told]) -> list[Told]:
        """The facts of a kind that are in the log."""
        return [
            each.fact async for batch in self._log.read() for each in batch if isinstance(each.fact, kind)
        ]

    async def see(self, path: str, fields: Fields = ()) -> Page:
        """The page at an address."""
        answer = await self._client.get(f"{path}?{urlencode(fields)}" if fields else path)
        return Page(answer.status_code, answer.text)

    async def ask(self, path: str) -> Any:  # noqa: ANN401 -- whatever the JSON says
        """What the API answers."""
        return (await self._client.get(path)).json()

    async def send(self, path: str, fields: Fields) -> tuple[int, str, Page]:
        """The status that a form is answered with, the address that it leads to, and the page."""
        answer = await self._client.post(
            path,
            content=urlencode(fields),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            follow_redirects=False,
        )
        return (
            answer.status_code,
            answer.headers.get("location", ""),
            Page(answer.status_code, answer.text),
        )


@asynccontextmanager
async def visitor_of(url: str, home: Path, *, token: str | None = None) -> AsyncIterator[Visitor]:
    """A visitor of the log in a database: the local user, or whoever has a token."""
    settings = WebSettings(home, url, local_name="ada@office", requires_tokens=token is not None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LitestarDeprecationWarning)  # What Litestar 3 will want otherwise.
        app = make_app(settings)
    async with PostgresLog(url) as log, AsyncTestClient(app, base_url="http://127.0.0.1") as client:
        if token is not None:
            client.headers["authorization"] = f"Bearer {token}"
        yield Visitor(client, log)
