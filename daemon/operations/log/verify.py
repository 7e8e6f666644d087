"""Whether anybody changed the log since it was written."""

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from daemon.operations.fields import said
from daemon.operations.log.kept import kept_log
from daemon.operations.operation import Question, Role, operation
from daemon.operations.records import Records
from events.anchor import Anchor


class VerifyAsked(Question, frozen=True, kw_only=True):
    """From where on."""

    since: Annotated[
        Anchor | None,
        said(
            "An anchor that was saved: its fact has the hash it had, and what comes after fits. None: "
            "the whole log."
        ),
    ] = None


class VerifiedLog(msgspec.Struct, frozen=True):
    """Whether the log is as it was written, as JSON shows it."""

    intact: bool
    head: int | UnsetType = UNSET  # of one that is
    digest: str | UnsetType = UNSET  # of its last fact and so of all
    position: int | UnsetType = UNSET  # of one that is not: the first fact that does not fit
    reason: str | UnsetType = UNSET


@operation("POST", "/log/verify", role=Role.VIEWER)
async def verify_log(records: Records, asked: VerifyAsked) -> VerifiedLog:
    """Check that every fact is as it was written and none is missing, by the chain of hashes through the log.

    Reads the whole log, or what is behind the anchor.
    """
    from events.verifying import Verified  # noqa: PLC0415 -- half a second that --help need not wait for

    found = await kept_log(records).verify(since=asked.since)
    return VerifiedLog(intact=isinstance(found, Verified), **msgspec.structs.asdict(found))
