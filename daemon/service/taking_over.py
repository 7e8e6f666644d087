"""Where a new leader works, and what becomes of the runs that those before it left under way.

All runs under way lie in one home, that of the newest leader: whoever leads next works there too, or waits
until they have ended, or is told that they are gone.
"""

from datetime import datetime
from pathlib import Path

from daemon.launching.port import Reported
from daemon.service.errors import RunsElsewhereError
from daemon.service.home_lock import home_id
from events.facts import LeaderElected, RunLost
from projections.world import World

GIVEN_UP_SEQUENCE = 0  # a run's own facts are numbered from 1


def home_to_serve(world: World, own: Path, *, gives_up: bool) -> Path:
    """The home in which to lead: the one with runs under way if this process can reach it, else its own.

    Whether their processes live, the claims in there say, whatever machine they are on.

    :param gives_up: runs under way that are out of reach are no hindrance.
    :raises RunsElsewhereError: there are such runs, and they are.
    """
    last = leader_of_runs(world)
    if last is None or last.home_id == home_id(own):
        return own
    if last.home is not None and last.home_id == home_id(Path(last.home)):
        return Path(last.home)
    if gives_up:
        return own
    raise RunsElsewhereError(last, runs=world.live_runs(), position=world.position)


def given_up(world: World, elected: LeaderElected, *, at: datetime, allowed: bool) -> list[Reported]:
    """What is recorded, with the election, of runs under way that the leader cannot look after: their loss.

    :raises RunsElsewhereError: there are such runs, and giving them up is not allowed.
    """
    last = leader_of_runs(world)
    if last is None or last.home_id == elected.home_id:
        return []
    if not allowed:
        raise RunsElsewhereError(last, runs=world.live_runs(), position=world.position)
    lost = RunLost(reason=f"it was under way in the home {last.home} on {last.host}, which was given up")
    return [
        Reported(run_id, GIVEN_UP_SEQUENCE, at, lost)
        for backfill in world.known.active.values()
        for run_id in backfill.live
    ]


def leader_of_runs(world: World) -> LeaderElected | None:
    """Who led where the runs under way are; None if there are none, or if nobody knows where they are."""
    leader = world.known.leader
    return leader if leader is not None and leader.home_id is not None and world.live_runs() else None
