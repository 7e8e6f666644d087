"""``python -m daemon.web``: the web process of a daemon.

What to serve comes as a line of JSON on standard input, where no other user sees the database's password;
its end is the daemon's, however that came, and then this process ends too.
"""

import os
import signal
import socket
from typing import Final

import anyio

from daemon.service_log import set_up_log
from daemon.web.settings import decoded

STDIN: Final = 0
NICENESS: Final = 10  # runs and decisions come before pages


def main() -> None:
    """Serve until standard input ends, or on SIGTERM."""
    with open(STDIN, "rb", buffering=0, closefd=False) as stdin:
        line = stdin.readline()
    if not line:
        return  # The daemon was gone before it said what to serve.
    os.nice(NICENESS)
    handed = decoded(line)
    set_up_log(handed.settings.log_level, as_json=handed.settings.log_is_json)
    from daemon.web.serving import serve  # noqa: PLC0415 -- a second, which a daemon that is gone need not cost

    async def served() -> None:
        await serve(handed.settings, socket.socket(fileno=handed.descriptor), until=_told_to_end)

    anyio.run(served)


async def _told_to_end() -> None:
    """Nothing, once the daemon has ended, or somebody ends this process."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_signalled, tasks.cancel_scope)
        while True:
            await anyio.wait_readable(STDIN)
            if not os.read(STDIN, 1024):
                break
        tasks.cancel_scope.cancel()


async def _signalled(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()


if __name__ == "__main__":
    main()
