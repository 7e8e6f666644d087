"""People at the command line: what they ask for, decided by the product's commands at the log's head."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random

from msgspec import UNSET

from daemon import commands
from daemon.amending import Amendment, amend
from daemon.commands import PoolChange
from daemon.planning.choice import Choice, RangeText
from daemon.planning.planned import Ask, plan_backfill
from daemon.planning.retrying import ask_retry
from daemon.refusal import Refused
from events.envelope import Event
from events.facts import Fact, RunOrder, TokenCreated, TokenRole
from events.log import Appended
from projections.backfill.state import Backfill
from projections.world import World
from tests.simulation.pipelines import POOLS
from tests.simulation.spaces import TENANTS
from tests.simulation.stage import Stage

BACKFILLS_MAX = 4
TENANT_KEYS = ("acme", "blue", "coop", "dawn", "echo")
HOURS = ("05:00-05:40", "05:35-22:00", "22:00-05:32", "07:00-08:00 Europe/Berlin", "13:00-14:00")
TOKEN_NAMES = ("ci", "wall")
TOKEN_ROLES: tuple[TokenRole, ...] = ("viewer", "operator", "admin")
ORDERS: tuple[RunOrder, ...] = ("oldest_first", "newest_first", "random")


class People:
    """Whoever gives commands. They see the world at the log's head, as each command folds it."""

    def __init__(self, stage: Stage, world: World, fold_on: Callable[[], None]) -> None:
        self.world = world
        self._fold_on = fold_on
        self._stage = stage
        self._requests = 0

    @property
    def have_asked_enough(self) -> bool:
        """Whether there are as many backfills as there may be."""
        return self._requests >= BACKFILLS_MAX

    def ask(self) -> None:
        """Somebody launches a backfill."""
        rng = self._stage.rng
        names = list(self.world.catalog.assets)
        if self.have_asked_enough or not names:
            return
        selection = ["*"] if rng.random() < 0.6 else [f"{rng.choice(names)}{rng.choice(('', '+', '*'))}"]
        ask = Ask(
            selection=tuple(selection),
            choice=self._choice(rng, names),
            max_concurrent_runs=rng.choice((None, None, None, 1, 2, 3)),
            order=rng.choice(ORDERS),
            priority=rng.choice((0, 0, 0, 5, -5)),
            with_upstream=rng.random() < 0.1,
            only_between=rng.choice(HOURS) if rng.random() < 0.1 else None,
        )
        self._request(ask)

    def retry(self) -> None:
        """Somebody launches the successor of a backfill that has ended."""
        ended = list(self.world.known.ended.values())
        if not ended or self.have_asked_enough:
            return
        backfill = self._stage.rng.choice(ended)
        ask = ask_retry(self.world, backfill, "again", self._stage.now())
        if isinstance(ask, Refused):
            self._refused(ask)
        else:
            self._request(ask)

    def cancel(self) -> None:
        """Somebody cancels a backfill."""
        if backfill := self._any():
            self._record(commands.cancel(self.world, backfill.id, "wrong month"), backfill.id)

    def pause(self) -> None:
        """Somebody pauses a backfill."""
        if backfill := self._any():
            self._record(commands.pause(self.world, backfill.id, None), backfill.id)

    def resume(self) -> None:
        """Somebody resumes a backfill."""
        if backfill := self._any():
            self._record(commands.resume(self.world, backfill.id, None), backfill.id)

    def resume_all(self) -> None:
        """Nothing stays paused."""
        for backfill in [each for each in self.world.known.active.values() if each.status == "paused"]:
            self._record(commands.resume(self.world, backfill.id, None), backfill.id)

    def amend(self) -> None:
        """Somebody changes a backfill under way, or drops some of its partitions."""
        rng = self._stage.rng
        if (backfill := self._any()) is None:
            return
        drops = [
            f"{asset}{self._some_of(backfill, asset)}" for asset in backfill.assets if rng.random() < 0.3
        ]
        wanted = Amendment(
            max_concurrent_runs=rng.choice((None, 1, 2, 3, "none")),
            order=rng.choice((None, *ORDERS)),
            priority=rng.choice((None, 0, 3)),
            retries_max=rng.choice((None, None, 0, 1, 2, "none")),
            only_between=rng.choice((None, None, None, None, *HOURS, "none")),
            drops=tuple(drops) if rng.random() < 0.4 else (),
        )
        found = amend(self.world, backfill.id, wanted)
        if isinstance(found, Refused):
            self._refused(found)
        elif found.fact is not None:
            self._record((found.fact,), backfill.id)

    def cancel_run(self) -> None:
        """Somebody cancels a run."""
        if runs := list(self.world.backfill_of_run):
            run_id = self._stage.rng.choice(runs)
            facts = commands.cancel_run(self.world, run_id, "it hangs")
            self._record(facts, self.world.backfill_of_run[run_id], run_id)

    def change_keys(self) -> None:
        """Somebody adds keys to the dynamic set, or takes some away."""
        rng = self._stage.rng
        keys = rng.sample(TENANT_KEYS, k=rng.randint(1, 3))
        if rng.random() < 0.7:
            self._record(commands.add_keys(self.world, TENANTS, keys, None), None)
        else:
            self._record(commands.remove_keys(self.world, TENANTS, keys, None), None)

    def configure_pool(self) -> None:
        """Somebody changes the limits of a pool."""
        rng = self._stage.rng
        change = PoolChange(
            slots=rng.choice((UNSET, UNSET, 1, 2, None)),
            rate_per_minute=rng.choice((UNSET, UNSET, 6.0, 60.0, 180.0, None)),
            only_between=rng.choice((UNSET, UNSET, UNSET, UNSET, *HOURS, None)),
        )
        self._record(commands.configure_pool(self.world, rng.choice(POOLS), change, None), None)

    def change_tokens(self) -> None:
        """Somebody makes a token or revokes one; both of a name that may have been one before."""
        rng = self._stage.rng
        now = self._stage.now()
        name = rng.choice(TOKEN_NAMES)
        if rng.random() < 0.6:
            expires_at = rng.choice((None, (now + timedelta(minutes=5)).isoformat()))
            fact = TokenCreated(name, rng.choice(TOKEN_ROLES), "ab" * 32, expires_at)
            self._record(commands.create_token(self.world, fact, now), None)
        else:
            self._record(commands.revoke_token(self.world, name, None), None)

    def open_pools(self) -> None:
        """No pool has hours any more, which could be others than those of a backfill for ever."""
        for name in list(self.world.known.pools):
            change = PoolChange(only_between=None)
            self._record(commands.configure_pool(self.world, name, change, None), None)

    def _choice(self, rng: Random, names: Sequence[str]) -> Choice:
        draw = rng.random()
        if draw < 0.7:
            return "all"
        if draw < 0.8:
            return "missing"
        if draw < 0.9:
            return "failed"
        partitions = self.world.partitions(rng.choice(names), self._stage.now())
        if partitions is None or not len(partitions):
            return "all"
        first, last = sorted(rng.choices(range(len(partitions)), k=2))
        keys = list(partitions.keys(partitions.all()))
        return RangeText((f"[{keys[first]}...{keys[last]}]",))

    def _some_of(self, backfill: Backfill, asset: str) -> str:
        """Some targeted partitions of an asset, as they are written behind its name; nothing for all."""
        plan = self.world.plans.get(backfill.id)
        group = None if plan is None else plan.group_of[asset]
        if group is None or group.definition is None or self._stage.chance(30):
            return ""
        keys = list(group.partitions.keys(group.targets))
        return f"={self._stage.rng.choice(keys)}"

    def _any(self) -> Backfill | None:
        backfills = [*self.world.known.active.values(), *self.world.known.ended.values()]
        return self._stage.rng.choice(backfills) if backfills else None

    def _request(self, ask: Ask) -> None:
        now = self._stage.now()
        found = plan_backfill(self.world.catalog, self.world.statuses(now), ask, now)
        if isinstance(found, Refused):
            self._refused(found)
            return
        self._requests += 1
        self._record((found.request(self.world.known.manifests),), f"b{self._requests}")

    def _refused(self, refused: Refused) -> None:
        self._stage.note(f"somebody is refused: {refused.reason}")

    def _record(
        self, facts: Sequence[Fact] | Refused, backfill_id: str | None, run_id: str | None = None
    ) -> None:
        stage = self._stage
        if isinstance(facts, Refused):
            self._refused(facts)
            return
        now = stage.now()
        events = [Event(stage.new_id(), now, "somebody", fact, backfill_id, run_id) for fact in facts]
        if not events:
            return
        answer = stage.loop.finish(stage.log.append(events, expected_head=self.world.position))
        assert isinstance(answer, Appended), "a command's world is folded to the head"
        stage.acknowledged.update(zip((event.id for event in events), answer.positions, strict=True))
        self._fold_on()
