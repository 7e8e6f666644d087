"""A page as Markdown."""

from collections.abc import Iterator

from daemon.cli.audit.forms import markdown_row, markdown_rule, markdown_text
from daemon.operations.audit.document import Block, Cell, Note, Page, Pairs


def markdown_page(page: Page) -> str:
    """The page; it ends with a line break."""
    return "\n".join(_lines(page)) + "\n"


def _lines(page: Page) -> Iterator[str]:
    yield f"# {markdown_text(page.title)}"
    yield ""
    yield f"**{markdown_text(page.status)}**: {markdown_text(page.lead)}"
    for section in page.sections:
        yield ""
        yield f"## {markdown_text(section.title)}"
        for block in section.blocks:
            yield ""
            yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Note):
        yield markdown_text(block.text)
    elif isinstance(block, Pairs):
        for name, value in block.rows:
            if value is not None:
                yield f"- {markdown_text(name)}: {markdown_text(shown(value))}"
    else:
        yield markdown_row(block.headers)
        yield markdown_rule(len(block.headers))
        for row in block.rows:
            yield markdown_row([shown(cell) for cell in row])


def shown(cell: Cell) -> str:
    """The text of a cell; thousands are set apart."""
    if cell is None:
        return ""
    return f"{cell:,}" if isinstance(cell, int) else cell
