"""Where a log ended once, to be held against what it holds later."""

from datetime import datetime
from typing import Annotated, Final

import msgspec

POSITION_MAX: Final = 2**63 - 1  # that a log could have


class Anchor(msgspec.Struct, frozen=True):
    """Where a log ended when it was found as it was written; kept elsewhere, it proves that later."""

    position: Annotated[int, msgspec.Meta(ge=0, le=POSITION_MAX)]
    digest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]  # the hash of the row there, in hex
    at: datetime  # when that was found
