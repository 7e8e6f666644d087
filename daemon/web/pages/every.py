"""All pages there are."""

from typing import Final

from litestar.handlers import HTTPRouteHandler

from daemon.web.pages.asset import asset
from daemon.web.pages.lineage import lineage

PAGES: Final[tuple[HTTPRouteHandler, ...]] = (lineage, asset)
