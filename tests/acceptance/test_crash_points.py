"""A daemon is killed at each of the named points; the next one goes on as if nothing had been."""

import signal
from pathlib import Path

import pytest

from events.crash_points import CrashPoint
from tests.acceptance.yard import AT_ONCE, new_yard
from tests.databases import fresh_database

BEFORE_READY = {CrashPoint.DURING_MIGRATION, CrashPoint.AFTER_ELECTION}
# No daemon is at the last one; tests/contract/test_projections_rebuild.py kills the command there.
POINTS = [point for point in CrashPoint if point is not CrashPoint.DURING_REBUILD]
REACHED_ONCE = {*BEFORE_READY, CrashPoint.DURING_SNAPSHOT}


@pytest.mark.parametrize(
    ("point", "times"),
    [(point, 1) for point in POINTS] + [(point, 3) for point in POINTS if point not in REACHED_ONCE],
)
async def test_a_daemon_killed_there_loses_nothing_and_its_successor_repeats_nothing(
    tmp_path: Path, embedded_url: str, point: CrashPoint, times: int
) -> None:
    """The first time is while runs are under way, a later one while they come and go."""
    async with fresh_database(embedded_url) as url, new_yard(tmp_path, url) as yard:
        if times > 1:
            yard.let_go()
        if point in BEFORE_READY:
            with yard.up(crash_at=point) as daemon:
                assert await daemon.ended() == -signal.SIGKILL
        else:
            with yard.up("home", "--grace", "0", crash_at=f"{point}:{times}") as daemon:
                assert (await daemon.line())["ready"]
                await yard.call("launch", "*", "--all")
                if point is CrashPoint.DURING_SNAPSHOT:
                    await yard.until_executed(AT_ONCE)
                    daemon.signal(signal.SIGTERM)
                assert await daemon.ended() == -signal.SIGKILL
        with yard.up() as daemon:
            assert (await daemon.line())["ready"]
            if point in BEFORE_READY:
                await yard.call("launch", "*", "--all")
            yard.let_go()
            await yard.assert_filled_once()
            daemon.signal(signal.SIGTERM)
            assert await daemon.ended() == 0
