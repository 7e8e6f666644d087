"""What a run printed lies on the machine that ran it: whoever asks another one is told where to look."""

import socket
from pathlib import Path

import pytest
from anyio import to_thread

from backfilld import DailyPartitionsDefinition, asset
from events.facts import LeaderElected, RunStarted, RunSucceeded
from tests.acceptance.house import House
from tests.contract.kept import Kept
from tests.contract.sited import sited
from tests.contract.test_projection_store import write
from tests.story import Story

HERE = socket.gethostname()
RUN = "b-1-1"


@asset(partitions_def=DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-03"))
def raw() -> None: ...


def ran_on(host: str | None, *, led_from: str | None = "/srv/far", leader: str = "far-1") -> Story:
    """A run that has ended; None: before it was started."""
    story = Story(raw)
    story.tell(LeaderElected("d1", leader, 7, "0.1.0", home=led_from))
    story.ask("raw", partitions="2024-01-01")
    assert story.launched() == [RUN]
    if host is not None:
        story.tell(RunStarted(1, host), backfill_id="b", run_id=RUN)
    story.tell(RunSucceeded(1.0), backfill_id="b", run_id=RUN)
    story.tell(LeaderElected("d2", HERE, 8, "0.1.0", home="/srv/later"))
    return story


def told(host: str, folder: str) -> str:
    return (
        f"It ran on {host}, where its files are in {folder} as long as they are kept; "
        f"{HERE}, which was asked, does not have them."
    )


async def test_every_face_says_on_which_host_they_are(kept: Kept, tmp_path: Path) -> None:
    await write(kept.log, ran_on("far-2"))
    sentence = told("far-2", f"/srv/far/runs/{RUN}")
    async with sited(kept.url, home=tmp_path) as client:
        printed = (await client.get(f"/api/v1/runs/{RUN}/output")).json()
        assert (printed["text"], printed["size"], printed["has_ended"]) == ("", None, True)
        where = {"host": "far-2", "folder": f"/srv/far/runs/{RUN}", "told": sentence}
        assert printed["elsewhere"] == where
        run = (await client.get(f"/api/v1/runs/{RUN}")).json()
        assert (run["elsewhere"], run["files_removed"], run["stdout"]) == (where, False, None)
        page = (await client.get(f"/runs/{RUN}")).text
        assert sentence in page
        assert "It printed nothing" not in page
    house = House(tmp_path, kept.url)
    status, out, err = await to_thread.run_sync(house.call, "run", RUN)
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == sentence


@pytest.mark.parametrize(
    ("story", "host"),
    [
        pytest.param(ran_on(None), "far-1", id="it was never started, and its leader is elsewhere"),
        pytest.param(ran_on(None, leader=HERE), None, id="nor is its leader elsewhere"),
        pytest.param(ran_on(HERE), None, id="it was here"),
    ],
)
async def test_what_was_here_was_removed_here(
    kept: Kept, tmp_path: Path, story: Story, host: str | None
) -> None:
    await write(kept.log, story)
    async with sited(kept.url, home=tmp_path) as client:
        run = (await client.get(f"/api/v1/runs/{RUN}")).json()
    assert (run["elsewhere"] or {"host": None})["host"] == host
    assert run["files_removed"] is (host is None)


async def test_files_that_can_be_read_here_are_read_wherever_the_run_was(kept: Kept, tmp_path: Path) -> None:
    await write(kept.log, ran_on("far-2", led_from=str(tmp_path / "shared")))
    folder = tmp_path / "shared" / "runs" / RUN
    folder.mkdir(parents=True)
    (folder / "stdout.log").write_text("read 12 rows\n")
    async with sited(kept.url, home=tmp_path) as client:
        printed = (await client.get(f"/api/v1/runs/{RUN}/output")).json()
    assert (printed["text"], printed["elsewhere"]) == ("read 12 rows\n", None)
