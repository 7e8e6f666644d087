"""What the documents point at: links between Markdown files and to headings in them."""

import re
from collections.abc import Iterator
from pathlib import Path

LINK = re.compile(
    r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE
)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def broken_links(document: Path) -> Iterator[str]:
    """Each target of a link that does not exist; addresses on the web are not asked."""
    text = CODE.sub("", document.read_text("utf-8"))
    for found in LINK.finditer(text):
        target = next(group for group in found.groups() if group)
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (document.parent / path).resolve() if path else document
        if not linked.exists():
            yield f"{target} does not exist"
        elif anchor and linked.suffix == ".md" and anchor not in anchors(linked):
            yield f"{target}: no such heading"


def anchors(document: Path) -> set[str]:
    """The anchors GitHub gives to a document's headings (the second of two equal headings gets ``-1``)."""
    taken: dict[str, int] = {}
    result = set()
    for heading in HEADING.findall(FENCED.sub("", document.read_text("utf-8"))):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        count = taken.get(slug, 0)
        taken[slug] = count + 1
        result.add(f"{slug}-{count}" if count else slug)
    return result
