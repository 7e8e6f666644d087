"""What whoever looks after the process asks: is it up, can it answer, how does it do."""

from typing import Final

import anyio
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from daemon.operations.errors import DatabaseError
from daemon.operations.operation import Role
from daemon.operations.standing import daemon_standing
from daemon.web.access import identity_of, needs
from daemon.web.asking import Asking
from daemon.web.metrics import MEDIA_TYPE
from daemon.web.pages.looking import AnyRequest

READY_TIMEOUT_S: Final = 3.0


@get("/healthz", operation_id="health", sync_to_thread=False)
def health() -> dict[str, str]:
    """Whether the process is up."""
    return {"status": "up"}


@get("/readyz", operation_id="readiness")
async def readiness(asking: Asking) -> dict[str, int]:
    """Whether the log can be read; 503 where it cannot."""
    with anyio.move_on_after(READY_TIMEOUT_S):
        return {"position": await asking.log.head()}
    raise DatabaseError(f"the database has not answered within {READY_TIMEOUT_S:g} s.")


@get("/metrics", operation_id="metrics", guards=[needs(Role.VIEWER)], media_type=MEDIA_TYPE)
async def metrics(request: AnyRequest, asking: Asking) -> Response[bytes]:
    """Figures for Prometheus."""
    records = await asking.records(identity_of(request).name)
    folded = asking.live.position
    daemon = await daemon_standing(records, await records.world(), None)
    world = await records.world()  # Others may have folded on since.
    text = asking.metrics.text(world, world.position - folded, daemon, asking.places.taken)
    return Response(text, media_type=MEDIA_TYPE)


PROBES: Final[tuple[HTTPRouteHandler, ...]] = (health, readiness, metrics)
