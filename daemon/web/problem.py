"""RFC 9457 problem details."""

import msgspec


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why there is no answer."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    details: str | None = None  # what stands beside the sentence, such as a traceback
