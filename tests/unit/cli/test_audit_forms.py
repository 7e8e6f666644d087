"""Text that user code made, in Markdown, HTML and CSV: it is shown as that text and does nothing."""

import csv
import io
import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from daemon.cli.audit.forms import csv_writer, markdown_row, markdown_rule, markdown_text
from daemon.cli.audit.html_page import STYLE, html_page
from daemon.cli.audit.markdown_page import markdown_page
from daemon.fact_text import one_line
from daemon.operations.audit.document import Note, Page, Pairs, Section, Table

HOSTILE = [
    "a|b",
    r"a\|b \\| c\\",
    "<script>alert(1)</script>",
    "</td></table><img src=x onerror=alert(1)>",
    "`code` ``more``",
    "*bold* __under__ _em_ ~~gone~~",
    "[click](javascript:alert(1)) ![x](http://evil.example/x.png) [a][b]",
    "http://evil.example www.evil.example <http://evil.example> @someone",
    "&lt;b&gt; &amp; &#42;",
    "first\nsecond\r\n| new | row |\n# heading\n---",
    "\x1b[31mred\x1b[0m \u202eright to left \x00",
    "'\" onmouseover='x' ]]>-->",
    "[2024-01-01...2024-01-31], daily_sales__raw",
]


class Parsed(HTMLParser):
    """The tags of a page with their attributes, and the texts of its cells and definitions."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self._inside = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag in {"td", "dd"}
        if self._inside:
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 -- as the base class has it
        self._inside = False

    def handle_data(self, text: str) -> None:
        if self._inside:
            self.cells[-1] += text


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_shows_hostile_text_as_it_is(text: str) -> None:
    table = "\n".join([markdown_row(["what", "more"]), markdown_rule(2), markdown_row([text, "end"])])
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(table)
    inline = [token for token in tokens if token.type == "inline"]
    assert len(inline) == 4, "two columns and two rows, whatever stands in them"
    children = inline[2].children or []
    assert {child.type for child in children} <= {"text", "text_special"}
    assert "".join(child.content for child in children) == one_line(text)


def test_what_is_harmless_stays_readable() -> None:
    assert markdown_text("daily_sales [2024-01-01...2024-01-31] ada@office") == (
        "daily_sales [2024-01-01...2024-01-31] ada@office"
    )
    assert markdown_text("http://a www.b @c") == "http&#58;//a www&#46;b &#64;c"


def page_with(text: str) -> Page:
    """A page in which a text stands everywhere."""
    blocks = (Pairs(((text, text), ("nothing", None))), Table((text, "count"), ((text, 1234),)), Note(text))
    return Page(title=text, status=text, lead=text, sections=(Section(text, blocks),))


@pytest.mark.parametrize("text", HOSTILE)
def test_html_shows_hostile_text_as_it_is_and_has_no_tag_of_it(text: str) -> None:
    parsed, harmless = Parsed(html_page(page_with(text))), Parsed(html_page(page_with("harmless")))
    assert [tag for tag, _ in parsed.tags] == [tag for tag, _ in harmless.tags]
    assert [sorted(names) for _, names in parsed.tags] == [sorted(names) for _, names in harmless.tags]
    assert parsed.cells == [one_line(text), one_line(text), "1,234"]


def test_html_needs_nothing_else_and_runs_nothing() -> None:
    page = html_page(page_with("harmless"))
    assert not {tag for tag, _ in Parsed(page).tags} & {"script", "link", "img", "iframe", "object", "form"}
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    assert "url(" not in STYLE
    assert "@import" not in STYLE


def test_colours_have_the_contrast_that_everybody_can_read() -> None:
    light, dark = re.findall(r"--text:.*?\}", STYLE, re.DOTALL)[:2]
    for theme in (light, dark):
        colour = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", theme))
        for text in ("text", "quiet", "good", "bad", "amid"):
            for ground in ("ground", "band"):
                assert contrast(colour[text], colour[ground]) >= 4.5, (text, ground, theme)


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.1, https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio."""

    def luminance(colour: str) -> float:
        parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        red, green, blue = (
            part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_pages_keep_their_shape(text: str) -> None:
    def shape(page: Page) -> list[str]:
        parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
        tokens = parser.parse(markdown_page(page))
        inner = [child.type for token in tokens for child in token.children or []]
        assert set(inner) <= {"text", "text_special", "strong_open", "strong_close"}
        return [token.type for token in tokens]

    assert shape(page_with(text)) == shape(page_with("harmless"))


def test_csv_comes_back_as_it_was_and_holds_no_formula() -> None:
    out = io.StringIO()
    write = csv_writer(out)
    write(["=1+1", "a,b", 'say "x"', "two\nlines", None, -3, "@SUM(A1)"])
    assert next(csv.reader(io.StringIO(out.getvalue()))) == [
        *("'=1+1", "a,b", 'say "x"', "two\nlines", "", "-3", "'@SUM(A1)"),
    ]
