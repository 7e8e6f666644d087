"""Moments of the log, by what people type for them."""

import msgspec

from daemon.operations.moment import Moment
from daemon.operations.operation import PastQuestion, operation
from daemon.operations.records import Records


class MomentMeant(msgspec.Struct, frozen=True):
    """A moment of the log, and how far the log has come."""

    moment: Moment | None  # None: now
    head: int  # the position of the newest fact


@operation("GET", "/moment")
async def moment(records: Records, asked: PastQuestion) -> MomentMeant:  # noqa: ARG001 -- every operation's
    """Show which moment of the log is meant by `as_of`: a time, a time ago such as 2h, or a position.

    :raises RefusedError: the log has no such moment.
    """
    return MomentMeant(records.moment, await records.log.head())
