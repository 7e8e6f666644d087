"""What is done when the web process begins, before anybody looks."""

from pathlib import Path

import pytest

from daemon.web.asking import Asking
from daemon.web.settings import WebSettings
from daemon.web.warming import warm
from events.errors import LogUnavailableError
from events.facts import PoolConfigured
from events.log import Log
from events.postgres import PostgresLog
from projections.tables.store import ProjectionStore
from projections.world import World
from tests.contract.sited import tell


class Unreachable(ProjectionStore):
    """A store whose database is not there."""

    async def load_world(self, log: Log, *, upto: int | None = None) -> World:  # noqa: ARG002 -- it fails
        raise LogUnavailableError("nowhere", "it is not there")


@pytest.mark.timeout(30)
async def test_the_log_is_folded_before_anybody_asks(migrated_url: str, tmp_path: Path) -> None:
    await tell(migrated_url, *(PoolConfigured("oven", slots=number) for number in (1, 2)))
    settings = WebSettings(tmp_path, migrated_url, local_name="ada@office")
    async with PostgresLog(migrated_url) as log, ProjectionStore(migrated_url) as store:
        asking = Asking(settings, log, store)
        assert asking.live.position == 0
        await warm(asking)
        assert asking.live.position == 2


@pytest.mark.timeout(30)
async def test_a_log_that_cannot_be_read_yet_ends_nothing(migrated_url: str, tmp_path: Path) -> None:
    settings = WebSettings(tmp_path, migrated_url, local_name="ada@office")
    async with PostgresLog(migrated_url) as log, Unreachable(migrated_url) as store:
        asking = Asking(settings, log, store)
        await warm(asking)
        assert asking.live.position == 0
