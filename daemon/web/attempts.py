"""How often an address has tried tokens that open nothing, so that guessing is slow."""

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from math import ceil
from typing import Final

FAILURES_MAX: Final = 10  # of an address, within the time
WITHIN: Final = timedelta(minutes=1)
ADDRESSES_MAX: Final = 10_000  # those that failed longest ago are forgotten first


class Attempts:
    """Failures of late, by address; in memory alone."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, deque[datetime]] = OrderedDict()

    def failed(self, address: str, at: datetime) -> None:
        """Note one down."""
        failures = self._failures.setdefault(address, deque(maxlen=FAILURES_MAX))
        failures.append(at)
        self._failures.move_to_end(address)
        if len(self._failures) > ADDRESSES_MAX:
            self._failures.popitem(last=False)

    def wait_s(self, address: str, at: datetime) -> int:
        """How many seconds the address has to wait before a failure of it is counted again; 0 for none."""
        failures = self._failures.get(address)
        if failures is None or len(failures) < FAILURES_MAX:
            return 0
        return max(0, ceil((failures[0] + WITHIN - at).total_seconds()))
