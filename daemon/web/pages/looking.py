"""What every page begins with: who looks, at which moment, and what the frame around the page says."""

from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from litestar import Request

from backfilld.errors import BackfilldError
from daemon.operations.errors import OperationError
from daemon.operations.moment import Moment
from daemon.operations.operation import Role
from daemon.operations.records import Records
from daemon.operations.standing import DaemonStanding, daemon_standing
from daemon.web.access import Identity, identity_of
from daemon.web.asking import Asking
from projections.world import World

AnyRequest = Request[Any, Any, Any]
MISTAKES: Final = (OperationError, BackfilldError, msgspec.ValidationError)  # told where they were made


class Look(msgspec.Struct, frozen=True):
    """Somebody's look at the world, now or as of a moment."""

    request: AnyRequest
    records: Records
    world: World
    identity: Identity
    as_of: str | None  # as typed; None: now
    daemon: DaemonStanding | None  # None: of the past, it is not on record
    pairs: list[tuple[str, str]]  # of the address's query, without the moment

    @property
    def query(self) -> dict[str, str]:
        """The same by name; of one that is given again, the last."""
        return dict(self.pairs)

    @property
    def moment(self) -> Moment | None:
        """The moment of the past that is looked at."""
        return self.records.moment

    @property
    def may_act(self) -> bool:
        """Whether anything can be changed: not in the past, and not by viewers."""
        return self.moment is None and self.identity.role >= Role.OPERATOR

    def asset_link(self, key: str, **query: object) -> str:
        """The address of an asset's page at the same moment."""
        return self.link(f"/assets/{quote(key)}", **query)

    def link(self, path: str, **query: object) -> str:
        """The address of a page at the same moment; what is None is left out of its query."""
        given = {name: value for name, value in query.items() if value is not None and value != ""}
        if self.as_of is not None:
            given["as_of"] = self.as_of
        return f"{path}?{urlencode(given, doseq=True)}" if given else path


async def look(request: AnyRequest, asking: Asking) -> Look:
    """The look that a request asks for with ``?as_of=``.

    :raises OperationError: there is no such moment.
    """
    as_of = request.query_params.get("as_of") or None
    identity = identity_of(request)
    records = await asking.records(identity.name, as_of)
    pairs = [(name, value) for name, value in request.query_params.multi_items() if name != "as_of"]
    world = await records.world()
    daemon = None if records.moment is not None else await daemon_standing(records, world, None)
    return Look(request, records, world, identity, as_of, daemon, pairs)
