"""What whoever looks first would wait for, done when the process begins."""

import structlog
from anyio import to_thread

from daemon.web.asking import Asking
from daemon.web.pages.rendering import compile_all
from events.errors import LogError

log = structlog.get_logger(__name__)


async def warm(asking: Asking) -> None:
    """The world folded to the head of the log, with its catalog, and every page compiled.

    A log that cannot be read yet is read for the first who asks, who is told why not.
    """
    await to_thread.run_sync(compile_all)
    try:
        await asking.live.at_head()
    except LogError as error:
        log.info("web.not_warm", reason=str(error))
