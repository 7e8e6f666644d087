"""The files of this repository, as the tidy and architecture tests read them."""

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("sdk/backfilld", "events", "projections", "daemon")
NOT_OURS = frozenset({"__pycache__", "build", "dist", "node_modules"})


@dataclass(frozen=True)
class Source:
    """A Python file: its path from the root with forward slashes, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def is_shipped(self) -> bool:
        """Part of a distribution; the rest are tests."""
        return self.path.startswith(tuple(f"{package}/" for package in PACKAGES))


def repository_files(root: Path = ROOT) -> Iterator[Path]:
    """Every file that is or could be committed: no hidden folders but `.ci`, nothing that tools make."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            name
            for name in folders
            if (name == ".ci" or not name.startswith("."))
            and name not in NOT_OURS
            and ".egg-info" not in name
        )
        for name in sorted(names):
            path = Path(folder) / name
            if path.suffix != ".pyc" and path.is_file():
                yield path


@lru_cache(maxsize=1)
def python_sources() -> tuple[Source, ...]:
    """All Python files of the repository."""
    return tuple(
        Source(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))
        for path in repository_files()
        if path.suffix == ".py"
    )


def dotted(node: ast.expr) -> str:
    """``a.b.c`` for a chain of attributes that starts at a name, otherwise the last attribute's name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else node.attr
    return ""


def imported_modules(source: Source) -> Iterator[tuple[int, str]]:
    """``(line, module)`` of every import, wherever it stands; ``from a import b`` gives ``a`` and ``a.b``."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"
