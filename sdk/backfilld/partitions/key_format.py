"""How the start of a time window is written as a partition key, and read back."""

import re
from datetime import datetime, timedelta, tzinfo

from backfilld.partitions.zones import local

_DIRECTIVE = re.compile(r"%(.)")
_WALL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall seconds count from here in every zone.
# With only these, `strptime` gives back the last window start that `strftime` can have meant.
_READABLE = frozenset("YymdbBHIpMSfzjaAcxXDTFhe%")
_SORTED_STARTS = (("%Y-%m-%d", 10), ("%Y/%m/%d", 10), ("%Y%m%d", 8), ("%Y-%m", 7), ("%Y", 4))


class KeyFormat:
    """A `strftime` format for window starts in a zone.

    ``every_hour`` says that the schedule fires at times that come twice when clocks are set back; the second
    of them is then written with its UTC offset behind, unless the format has one anyway.
    """

    def __init__(self, fmt: str, zone: tzinfo, *, every_hour: bool) -> None:
        self.fmt = fmt
        self.zone = zone
        directives = set(_DIRECTIVE.findall(fmt))
        self.readable = directives <= _READABLE
        # As many first characters of keys are in the order of time, whatever comes behind them.
        self.sorted_characters = max(
            (size for start, size in _SORTED_STARTS if fmt.startswith(start)), default=0
        )
        self._marks_second = every_hour and "%z" not in fmt

    def key(self, at_s: int, wall_s: int | None = None) -> str:
        """The key of a window that starts at ``at_s``, by the wall clock or by ``wall_s`` on it."""
        at = local(at_s, self.zone)
        if wall_s is not None:
            at = (_WALL_EPOCH + timedelta(seconds=wall_s)).replace(tzinfo=self.zone)
        fmt = self.fmt
        if at.fold and self._marks_second and at.utcoffset() != at.replace(fold=0).utcoffset():
            fmt += "%z"
        if at.year < 1000:  # strftime does not fill up years, and strptime does not read them unfilled.
            fmt = _DIRECTIVE.sub(lambda found: f"{at.year:04d}" if found[1] == "Y" else found[0], fmt)
        return at.strftime(fmt)

    def read(self, text: str) -> int:
        """The UTC epoch seconds of a key. Raises `ValueError` if it does not match the format.

        The offset behind a time that came twice may be there or not; a bare time means the first.
        """
        try:
            at = datetime.strptime(text, self.fmt)  # noqa: DTZ007 - the zone is set below.
        except ValueError:
            if "%z" in self.fmt:
                raise
            at = datetime.strptime(text, f"{self.fmt}%z")
        return instant(at, self.zone)


def instant(at: datetime, zone: tzinfo) -> int:
    """The UTC epoch seconds of a datetime; a naive one is wall-clock time of ``zone``, the first if twice."""
    return int((at if at.tzinfo else at.replace(tzinfo=zone)).timestamp() // 1)
