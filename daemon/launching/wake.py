"""The wake-up pipe: runs write their id into it when their report has grown.

A named pipe, since its path may be as long as any (a socket's may have 108 bytes), it is found again by runs
that outlive a daemon, and it holds thousands of ids where a datagram socket holds ten. What is lost all the
same is found by the launcher's poll.
"""

import os
from pathlib import Path
from typing import Final, Self

import anyio

WAKE_FILE: Final = "wake"
_PIPE_BYTES: Final = 1 << 16


class WakePipe:
    """The reading end. `close` it; the pipe itself stays for the next daemon."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""

    @classmethod
    def open(cls, home: Path) -> Self:
        """The home folder's pipe, made if it is not there."""
        path = home / WAKE_FILE
        if not path.is_fifo():
            path.unlink(missing_ok=True)
            os.mkfifo(path, 0o600)
        # Opened for writing too: without a writer the pipe would be at its end, and readable for ever.
        return cls(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))

    async def run_ids(self) -> set[str]:
        """The ids written since the last call, once there are any; whoever can open the pipe wrote them."""
        await anyio.wait_readable(self._descriptor)
        try:
            received = os.read(self._descriptor, _PIPE_BYTES)
        except BlockingIOError:
            return set()
        *lines, rest = (self._rest + received).split(b"\n")
        self._rest = rest[:_PIPE_BYTES]
        return {line.decode("utf-8", "replace") for line in lines}

    def close(self) -> None:
        """Stop listening. Whoever writes from here on is not heard, and not held up."""
        anyio.notify_closing(self._descriptor)
        os.close(self._descriptor)
