"""A page as one HTML file that needs nothing else: no script, no font, no address is asked for.

Its colours are told apart by everybody: text on its ground has a contrast of at least 4.5 (WCAG 2.1, AA).
"""

from collections.abc import Iterator
from html import escape

from daemon.cli.audit.markdown_page import shown
from daemon.fact_text import one_line
from daemon.operations.audit.document import Block, Cell, Note, Page, Pairs, Table

STYLE = """
:root { color-scheme: light dark; --text: #1b1f24; --quiet: #57606a; --ground: #ffffff; --band: #f4f6f8;
  --line: #d0d7de; --good: #116329; --bad: #a40e26; --amid: #7d4e00; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --quiet: #9aa4af; --ground: #0d1117;
  --band: #161b22; --line: #30363d; --good: #56d364; --bad: #ff7b72; --amid: #e3b341; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 2rem 1.25rem 4rem; color: var(--text);
  background: var(--ground); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.25rem 0 .5rem; }
p { margin: .5rem 0; } p.lead { color: var(--quiet); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; margin: .5rem 0; }
dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; min-width: 100%; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem;
  border-bottom: 1px solid var(--line); }
th { color: var(--quiet); font-weight: 600; background: var(--band); }
td { overflow-wrap: break-word; min-width: 4rem; max-width: 36rem; unicode-bidi: isolate; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.succeeded { color: var(--good); } .failed { color: var(--bad); } .other { color: var(--amid); }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
@media print { :root { color-scheme: light; --text: #000; --quiet: #444; --ground: #fff; --band: #fff;
  --line: #999; --good: #000; --bad: #000; --amid: #000; }
  body { max-width: none; padding: 0; font-size: 10pt; } .wide { overflow: visible; }
  thead { display: table-header-group; } tr, dl { break-inside: avoid; } h2 { break-after: avoid; } }
""".strip()

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def html_page(page: Page) -> str:
    """The page; it ends with a line break."""
    return "\n".join(_lines(page)) + "\n"


def inert(text: str) -> str:
    """The text as HTML shows it, on one line, with nothing in it that a browser acts on.

    >>> inert("<img src=x onerror='alert(1)'>")
    '&lt;img src=x onerror=&#x27;alert(1)&#x27;&gt;'
    """
    return escape(one_line(text))


def _lines(page: Page) -> Iterator[str]:
    kind = page.status if page.status in {"succeeded", "failed"} else "other"
    yield "<!DOCTYPE html>"
    yield '<html lang="en">'
    yield '<head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{inert(page.title)}</title>"
    yield f"<style>\n{STYLE}\n</style></head>"
    yield "<body><main>"
    yield f'<header><h1>{inert(page.title)}: <span class="{kind}">{inert(page.status)}</span></h1>'
    yield f'<p class="lead">{inert(page.lead)}</p></header>'
    for number, section in enumerate(page.sections, 1):
        yield f'<section aria-labelledby="s{number}"><h2 id="s{number}">{inert(section.title)}</h2>'
        for block in section.blocks:
            yield from _block(block, section.title)
        yield "</section>"
    yield "</main></body></html>"


def _block(block: Block, title: str) -> Iterator[str]:
    if isinstance(block, Note):
        yield f"<p>{inert(block.text)}</p>"
    elif isinstance(block, Pairs):
        yield "<dl>"
        for name, value in block.rows:
            if value is not None:
                yield f"<dt>{inert(name)}</dt><dd>{inert(shown(value))}</dd>"
        yield "</dl>"
    else:
        yield from _table(block, title)


def _table(table: Table, title: str) -> Iterator[str]:
    columns = range(len(table.headers))
    numbers = {column for column in columns if any(isinstance(row[column], int) for row in table.rows)}
    # What can be scrolled must be reached by the keyboard too, and then it needs a name.
    yield f'<div class="wide" tabindex="0" role="region" aria-label="{inert(title)}"><table>'
    heads = (_cell("th", header, column in numbers) for column, header in enumerate(table.headers))
    yield f"<thead><tr>{''.join(heads)}</tr></thead><tbody>"
    for row in table.rows:
        yield f"<tr>{''.join(_cell('td', cell, column in numbers) for column, cell in enumerate(row))}</tr>"
    yield "</tbody></table></div>"


def _cell(tag: str, cell: Cell, is_number: bool) -> str:  # noqa: FBT001 -- of a private function
    kind = ' class="number"' if is_number else ""
    scope = ' scope="col"' if tag == "th" else ""
    return f"<{tag}{scope}{kind}>{inert(shown(cell))}</{tag}>"
