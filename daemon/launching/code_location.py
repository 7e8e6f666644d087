"""Code locations: where a user's code is, which Python runs it, and what came of loading it."""

import hashlib
import sys
from pathlib import Path
from typing import Any

import msgspec


class CodeLocation(msgspec.Struct, frozen=True):
    """One entry of ``[[code_location]]``: code that is imported together, apart from all other code."""

    name: str
    code: str  # a path to a Python file, relative to the working directory, or a module's dotted name
    python: str = sys.executable  # an interpreter that has the SDK installed
    working_directory: Path = Path()  # of the user's processes; modules are found there too


class Loaded(msgspec.Struct, frozen=True):
    """The code was imported and told what it defines (`backfilld.manifest` has the shape)."""

    code_location: str
    digest: str  # see `manifest_digest`
    manifest: dict[str, Any]


class LoadFailure(msgspec.Struct, frozen=True):
    """The code could not be imported, or its process did not get that far."""

    code_location: str
    type: str  # the exception's class, or a word of ours: "ProcessEnded", "TimedOut"
    message: str
    traceback: str | None = None  # the user's, or the end of what the process wrote
    runs_held: bool = False  # no process has older code of it either: runs wait until it loads


def manifest_digest(manifest: dict[str, Any]) -> str:
    """SHA-256, in hex, of the manifest's canonical JSON: keys sorted, no spaces."""
    return hashlib.sha256(msgspec.json.encode(manifest, order="sorted")).hexdigest()
