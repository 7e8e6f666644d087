"""Asset keys: the names of assets."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from backfilld.errors import InvalidDefinitionError

_PART = re.compile(r"[\w.-]+")


@dataclass(frozen=True, order=True, init=False)
class AssetKey:
    """The name of an asset: one or more parts, written with ``/`` between them.

    Made of that text or of a list of parts. A part has letters, digits, ``_``, ``-`` and ``.``; raises
    `InvalidDefinitionError` for others.
    """

    path: tuple[str, ...]

    def __init__(self, path: str | Iterable[str]) -> None:
        parts: tuple[Any, ...] = tuple(path.split("/") if isinstance(path, str) else path)
        if not parts or not all(isinstance(part, str) and _PART.fullmatch(part) for part in parts):
            raise InvalidDefinitionError(
                f"expected an asset key of letters, digits, '_', '-' and '.', with '/' between its parts, "
                f"found {path!r}"
            )
        object.__setattr__(self, "path", parts)

    def __str__(self) -> str:
        return "/".join(self.path)

    def __repr__(self) -> str:
        return f"AssetKey({str(self)!r})"
