"""The places at which a crash is most telling, named, so that a test can have the process killed at each.

Nothing is armed but by `VARIABLE` in the environment of a process that a test starts; a point that is not
armed costs a comparison.
"""

import os
import signal
from enum import StrEnum
from typing import Final

VARIABLE: Final = "BACKFILLD_TEST_CRASH_AT"  # a point's name, or "name:n" for the n-th time it is reached


class CrashPoint(StrEnum):
    """Where a daemon may be when it is killed."""

    DURING_MIGRATION = "during-migration"  # the tables are changed, and that is not committed
    AFTER_ELECTION = "after-election"  # the lead is recorded; nobody has looked after the runs under way
    BEFORE_APPEND = "before-append"  # something is decided, and not recorded
    AFTER_APPEND = "after-append"  # a launch is recorded, and the launcher does not know
    AFTER_LAUNCH = "after-launch"  # the launcher was told; nobody has heard of the run yet
    DURING_REPORT = "during-report"  # what runs told is read, and not recorded
    AFTER_REPORT = "after-report"  # it is recorded, and nothing follows from it yet
    DURING_SNAPSHOT = "during-snapshot"  # a snapshot is written, and not committed
    DURING_REBUILD = "during-rebuild"  # new tables are half filled; or live, and that not committed


class _Armed:
    def __init__(self, text: str) -> None:
        name, _, times = text.partition(":")
        self.point = CrashPoint(name)
        self.times_left = int(times or 1)


_armed: Final = _Armed(os.environ[VARIABLE]) if VARIABLE in os.environ else None


def reach(point: CrashPoint) -> None:
    """Nothing, but where a test has armed the point: then this process is killed, as by `kill -9`."""
    if _armed is not None and _armed.point is point:
        _armed.times_left -= 1
        if not _armed.times_left:
            os.kill(os.getpid(), signal.SIGKILL)
