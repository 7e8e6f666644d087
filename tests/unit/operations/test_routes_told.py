"""The document of the API has every operation, as it is."""

from pathlib import Path
from typing import Any

from daemon.operations.every import EVERY
from daemon.operations.operation import Operation

DOCUMENT = Path(__file__).parents[3] / "docs" / "api.md"
HEAD = "| route | role | what it does |\n|---|---|---|\n"


def row(operation: Operation[Any, Any]) -> str:
    first = operation.told.split("\n", 1)[0].split(". ")[0].rstrip(".")
    path = operation.path.replace(":path}", "}")
    return f"| `{operation.method} {path}` | {operation.role.name.lower()} | {first} |\n"


def test_every_route_stands_in_the_document() -> None:
    table = HEAD + "".join(map(row, EVERY))
    assert table in DOCUMENT.read_text(), f"docs/api.md needs this table:\n{table}"
