"""RFC 9457 problem details."""

from typing import Final

import msgspec

PROBLEM_JSON: Final = "application/problem+json"
PROGRAM_PATHS: Final = ("/api/", "/schema", "/healthz", "/readyz", "/metrics")


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why there is no answer."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    details: str | None = None  # what stands beside the sentence, such as a traceback


def is_for_programs(path: str) -> bool:
    """Whether programs ask there rather than people."""
    return path.startswith(PROGRAM_PATHS)
