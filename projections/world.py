"""Everything decisions are made from: the one fold over all facts, kept in memory by the daemon."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, assert_never

import msgspec
from pyroaring import BitMap

from backfilld.errors import BackfilldError
from backfilld.partitions import Partitions
from backfilld.ranges import Ranges
from events.envelope import Recorded
from events.facts import (
    BackfillAmended,
    BackfillCancelRequested,
    BackfillCompleted,
    BackfillPaused,
    BackfillRequested,
    BackfillResumed,
    DefinitionsFailed,
    DefinitionsLoaded,
    DefinitionsWithdrawn,
    DynamicPartitionsAdded,
    DynamicPartitionsRemoved,
    Failure,
    LeaderElected,
    PartitionFailed,
    PartitionMaterialized,
    PartitionSkipped,
    PoolConfigured,
    RunCanceled,
    RunCancelRequested,
    RunFailed,
    RunLaunched,
    RunLost,
    RunStarted,
    RunSucceeded,
    RunTimedOut,
    TokenCreated,
    TokenRevoked,
)
from projections.asset_status import AssetStatus
from projections.backfill import evolve as backfill_fold
from projections.backfill.settle import filled, settle, unstall
from projections.backfill.state import Backfill, Intervention, LiveRun
from projections.catalog import Catalog, partitions_at
from projections.catalogs import Catalogs
from projections.dynamic_set import DynamicSet
from projections.plan import Plan, PlannedGroup
from projections.pools import Pool, give_back, pool_of
from projections.sets import bitmap, intervals, ranges_of
from projections.statuses import AssetRecord, StatusesAt, StatusRecords
from projections.tokens import Token
from projections.tokens import created as token_created

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class NotLoaded(msgspec.Struct, frozen=True):
    """A code location whose newest code is not the code in force."""

    since: datetime  # that it is as it is; the failure is the newest one
    failure: Failure | None  # None: the daemon is not given it
    runs_held: bool  # nothing can be launched of it


class Known(msgspec.Struct):
    """The plain part of a `World`, which is what a snapshot holds."""

    position: int = 0
    at: datetime = BEGINNING  # of the newest fact
    manifests: dict[str, str] = {}  # code location -> digest of its newest manifest
    manifest_of: dict[str, dict[str, Any]] = {}  # digest -> manifest
    not_loaded: dict[str, NotLoaded] = {}  # by code location
    active: dict[str, Backfill] = {}
    ended: dict[str, Backfill] = {}  # without what only a running one needs
    assets: dict[str, AssetRecord] = {}  # those that a backfill was ever requested for
    dynamic: dict[str, DynamicSet] = {}
    pools: dict[str, Pool] = {}  # those that were configured, or that a run took part in
    leader: LeaderElected | None = None
    tokens: dict[str, Token] = {}  # by name: the newest of each


class World:
    """The state of everything at a log position. Made by folding facts into it with `evolve`."""

    def __init__(self, known: Known | None = None) -> None:
        """An empty world, or the one a snapshot holds."""
        self.known = known = Known() if known is None else known
        self.catalogs = Catalogs(known.manifests, known.manifest_of, known.dynamic)
        self.records = StatusRecords(
            known.assets,
            known.dynamic,
            definition_of=self.catalogs.definition,
            partitions_now=lambda definition: self.catalogs.partitions(definition, self.position, known.at),
        )
        self.plans: dict[str, Plan] = {}
        self.backfill_of_run: dict[str, str] = {}
        for backfill in known.active.values():
            plan = None
            if backfill.unplannable is None:
                plan = self.plan_of(backfill.request, backfill.request_position)
            if plan is not None:
                self.plans[backfill.id] = plan
            self.backfill_of_run |= dict.fromkeys(backfill.live, backfill.id)

    @property
    def position(self) -> int:
        """The position of the last fact folded in."""
        return self.known.position

    def backfill(self, backfill_id: str) -> Backfill | None:
        """The backfill with this id, running or ended."""
        return self.known.active.get(backfill_id) or self.known.ended.get(backfill_id)

    def live_runs(self) -> int:
        """How many runs are under way."""
        return len(self.backfill_of_run)

    def in_progress(self, asset: str, serials: BitMap) -> bool:
        """Whether a run over any of these partitions is under way."""
        return self.records.of(asset).in_progress.intersect(serials)

    def status_bits(self, asset: str, group: PlannedGroup, ordinals: Ranges) -> BitMap:
        """The serials of planned partitions of an asset."""
        return bitmap(self.records.serials(asset, group, ordinals))

    def statuses(self, at: datetime) -> Mapping[str, AssetStatus]:
        """What is known of the partitions that exist at a time, by their ordinals, for each asset.

        It has assets of the newest catalog, without those that no backfill was ever requested for.
        """
        return StatusesAt(self.records, self.catalog, at)

    @property
    def catalog(self) -> Catalog:
        """The newest catalog with the keys that dynamic sets have now; one object while both stay."""
        return self.catalogs.current(self.position)

    def catalog_for(self, backfill: Backfill) -> Catalog:
        """The catalog a backfill was planned with, and the keys that dynamic sets had then."""
        return self.catalogs.at(backfill.request.manifests, backfill.request_position)

    def partitions(self, asset: str, at: datetime) -> Partitions | None:
        """The partitions an asset of the newest catalog has at a time; None for an unknown asset."""
        node = self.catalog.assets.get(asset)
        return None if node is None else partitions_at(node.definition, at)

    def is_as_planned(self, asset: str, group: PlannedGroup) -> bool:
        """Whether the newest code has the partitions that a group of this asset was planned with.

        Of an asset that the newest code does not have nothing else is known. Keys of dynamic sets, which runs
        are told of, do not matter.
        """
        node = self.catalogs.declared().assets.get(asset)
        planned = None if group.definition is None else group.definition.declared
        return node is None or node.definition == planned

    def plan_of(self, request: BackfillRequested, position: int) -> Plan | None:
        """The plan a request stands for that was recorded there; None if the log lacks what it refers to."""
        if not self.known.manifest_of.keys() >= {*request.manifests.values()}:
            return None
        try:
            catalog = self.catalogs.at(request.manifests, position)
            return Plan(request.groups, catalog, datetime.fromisoformat(request.partitions_as_of))
        except (BackfilldError, KeyError, ValueError, IndexError):
            return None


def evolve(world: World, recorded: Recorded) -> None:  # noqa: PLR0912 - one branch for each kind of fact.
    """Fold one fact into the world, which it owns and changes. Never raises for a fact of any log."""
    known = world.known
    known.position = recorded.position
    known.at = recorded.at
    fact = recorded.fact
    match fact:
        # First what nearly all of a long log consists of.
        case (
            PartitionMaterialized()
            | RunStarted()
            | RunSucceeded()
            | PartitionFailed()
            | RunFailed()
            | RunCancelRequested()
            | RunTimedOut()
            | RunCanceled()
            | RunLost()
        ):
            _run_fact(world, recorded, fact)
        case RunLaunched():
            _launched(world, recorded, fact)
        case PartitionSkipped():
            _skipped(world, recorded, fact)
        case BackfillRequested():
            _requested(world, recorded, fact)
        case BackfillPaused() | BackfillResumed() | BackfillAmended() | BackfillCancelRequested():
            _changed(world, recorded, fact)
        case BackfillCompleted():
            _completed(world, recorded, fact)
        case DefinitionsLoaded():
            _definitions_loaded(world, fact)
        case DefinitionsFailed():
            _definitions_failed(known, recorded.at, fact)
        case DefinitionsWithdrawn():
            known.not_loaded[fact.code_location] = NotLoaded(recorded.at, None, runs_held=True)
            known.manifests.pop(fact.code_location, None)
            world.catalogs.changed()
        case DynamicPartitionsAdded():
            returned = known.dynamic.setdefault(fact.name, DynamicSet()).add(fact.keys, recorded.position)
            world.records.begin_anew(fact.name, returned)
            world.catalogs.changed(fact.name)
        case DynamicPartitionsRemoved():
            known.dynamic.setdefault(fact.name, DynamicSet()).remove(fact.keys, recorded.position)
            world.catalogs.changed(fact.name)
        case PoolConfigured():
            pool_of(known.pools, fact.pool).configured(fact)
        case TokenCreated():
            known.tokens[fact.name] = token_created(fact, recorded.at, recorded.actor)
        case TokenRevoked():
            _token_revoked(known, recorded, fact)
        case LeaderElected():
            known.leader = fact
        case _:
            assert_never(fact)


def _run_fact(
    world: World,
    recorded: Recorded,
    fact: PartitionMaterialized
    | PartitionFailed
    | RunStarted
    | RunCancelRequested
    | RunTimedOut
    | RunSucceeded
    | RunFailed
    | RunCanceled
    | RunLost,
) -> None:
    backfill = world.known.active.get(recorded.backfill_id or "")
    run = backfill.live.get(recorded.run_id or "") if backfill is not None else None
    if backfill is None or run is None:
        return
    plan = world.plans[backfill.id]
    match fact:
        case PartitionMaterialized() | PartitionFailed():
            if fact.asset not in run.assets:
                return
            group = plan.group_of[fact.asset]
            ordinals = backfill_fold.ordinals_reported(run, group, fact)
            serials = world.records.serials(fact.asset, group, ordinals)
            status = world.records.of(fact.asset)
            if isinstance(fact, PartitionMaterialized):
                backfill_fold.materialized(backfill, plan, fact.asset, ordinals, recorded.id)
                status.filled(serials)
            else:
                backfill_fold.failed(run, fact.asset, ordinals, fact)
                status.broke(serials)
        case RunStarted():
            backfill_fold.started(run, recorded.at)
        case RunCancelRequested():
            run.cancel_requested = run.cancel_requested or _intervention(recorded, fact.reason)
            run.times_out_at = None
        case RunTimedOut():
            run.timed_out, run.times_out_at = True, None
        case RunSucceeded() | RunFailed() | RunCanceled() | RunLost():
            backfill_fold.ended(backfill, plan, run, recorded.at, fact)
            del world.backfill_of_run[run.run_id]
            give_back(world.known.pools, run.pools, run.run_id)
            if filled(backfill, run):  # It has reported on everything, which gave that back.
                unstall(backfill, plan, recorded.id)
            else:
                catalog = world.catalog_for(backfill)
                settle(backfill, plan, run, catalog=catalog, recorded=recorded, fact=fact)
                unstall(backfill, plan, recorded.id)
                _release(world, recorded, run, lost=isinstance(fact, RunLost) or run.timed_out)
        case _:
            assert_never(fact)
    _touch(backfill, recorded)


def _release(world: World, recorded: Recorded, run: LiveRun, *, lost: bool) -> None:
    """Nothing that an ended run has not reported on is in progress; what a lost or late one left has failed.

    What it has reported on it gave back then, and another run may be filling it by now.
    """
    backfill_id = recorded.backfill_id or ""
    group = world.plans[backfill_id].group_at(run.number)
    for asset in run.assets:
        status = world.records.of(asset)
        if not status.in_progress:
            continue
        told = world.known.active[backfill_id].assets[asset].materialized | run.failed.get(asset, BitMap())
        serials = world.records.serials(asset, group, intervals(bitmap(Ranges(run.ordinals)) - told))
        if lost:
            left = bitmap(serials) & status.in_progress
            status.broke(intervals(left))
        else:
            status.released(serials)


def _launched(world: World, recorded: Recorded, fact: RunLaunched) -> None:
    backfill = world.known.active.get(recorded.backfill_id or "")
    plan = world.plans.get(recorded.backfill_id or "")
    if backfill is None or plan is None or recorded.run_id in world.backfill_of_run:
        return
    run = backfill_fold.launched(backfill, plan, recorded, fact)
    if run is None:
        return
    world.backfill_of_run[run.run_id] = backfill.id
    for pool in run.pools:
        pool_of(world.known.pools, pool).launched(run.run_id, recorded.at)
    group = plan.group_at(run.number)
    for asset in run.assets:
        world.records.make_room(asset, group)
        serials = world.records.serials(asset, group, Ranges(run.ordinals))
        world.records.of(asset).launched(serials)
    _touch(backfill, recorded)


def _skipped(world: World, recorded: Recorded, fact: PartitionSkipped) -> None:
    backfill = world.known.active.get(recorded.backfill_id or "")
    plan = world.plans.get(recorded.backfill_id or "")
    if backfill is None or plan is None or fact.asset not in plan.group_of:
        return
    backfill_fold.skipped(backfill, plan, recorded, fact)
    unstall(backfill, plan, recorded.id)
    group = plan.group_of[fact.asset]
    ordinals = ranges_of(fact.partitions, group.partitions)
    serials = world.records.serials(fact.asset, group, ordinals)
    world.records.of(fact.asset).left_out(serials)


def _requested(world: World, recorded: Recorded, fact: BackfillRequested) -> None:
    backfill_id = recorded.backfill_id
    if backfill_id is None or world.backfill(backfill_id) is not None:
        return
    plan = world.plan_of(fact, recorded.position)
    if plan is None:
        backfill = backfill_fold.unplanned(recorded, fact)
        backfill.unplannable = "its request does not fit the definitions and dynamic keys that this log has"
    else:
        world.plans[backfill_id] = plan
        backfill = backfill_fold.requested(recorded, fact, plan)
        for asset, group in plan.group_of.items():
            _expect(world, fact, asset, group)
    world.known.active[backfill_id] = backfill


def _expect(world: World, request: BackfillRequested, asset: str, group: PlannedGroup) -> None:
    """Make sure that what runs of a group will say about an asset can be noted down."""
    if asset not in world.records:
        manifests = world.known.manifests
        node = world.catalogs.declared().assets.get(asset)
        if node is None:
            manifests = request.manifests
            node = world.catalogs.declared(manifests).assets[asset]
        world.records.begin(asset, node.definition, manifests[node.code_location])
    world.records.make_room(asset, group)


def _changed(
    world: World,
    recorded: Recorded,
    fact: BackfillPaused | BackfillResumed | BackfillAmended | BackfillCancelRequested,
) -> None:
    backfill = world.known.active.get(recorded.backfill_id or "")
    if backfill is None:
        return
    match fact:
        case BackfillPaused():
            backfill.paused = backfill.paused or _intervention(recorded, fact.reason)
        case BackfillResumed():
            backfill.paused = None
        case BackfillCancelRequested():
            backfill.cancel_requested = backfill.cancel_requested or _intervention(recorded, fact.reason)
        case BackfillAmended():
            backfill_fold.amended(backfill, fact)
            plan = world.plans.get(backfill.id)
            if plan is not None and fact.dropped:
                backfill_fold.dropped(backfill, plan, recorded, fact)
                unstall(backfill, plan, recorded.id)
        case _:
            assert_never(fact)
    _touch(backfill, recorded)


def _completed(world: World, recorded: Recorded, fact: BackfillCompleted) -> None:
    backfill = world.known.active.pop(recorded.backfill_id or "", None)
    if backfill is None:
        return
    for run in backfill.live.values():
        world.backfill_of_run.pop(run.run_id, None)
        give_back(world.known.pools, run.pools, run.run_id)
    backfill.completed = fact
    backfill.completed_at = recorded.at
    backfill.groups, backfill.pieces, backfill.skips_due = [], [], []
    backfill.live, backfill.released_by = {}, {}
    world.plans.pop(backfill.id, None)
    world.known.ended[backfill.id] = backfill


def _definitions_failed(known: Known, at: datetime, fact: DefinitionsFailed) -> None:
    before = known.not_loaded.get(fact.code_location)
    goes_on = before is not None and before.failure is not None and before.runs_held == fact.runs_held
    since = before.since if before is not None and goes_on else at
    known.not_loaded[fact.code_location] = NotLoaded(since, fact.failure, fact.runs_held)


def _definitions_loaded(world: World, fact: DefinitionsLoaded) -> None:
    known = world.known
    if fact.manifest is not None:
        known.manifest_of.setdefault(fact.digest, fact.manifest)
    known.not_loaded.pop(fact.code_location, None)
    known.manifests[fact.code_location] = fact.digest
    world.catalogs.changed()
    for key, node in world.catalogs.declared().assets.items():
        if key in world.records:
            world.records.redefine(key, node.definition, known.manifests[node.code_location])


def _token_revoked(known: Known, recorded: Recorded, fact: TokenRevoked) -> None:
    token = known.tokens.get(fact.name)
    if token is not None and token.revoked_at is None:
        token.revoked_at, token.revoked_by = recorded.at, recorded.actor


def _intervention(recorded: Recorded, reason: str | None) -> Intervention:
    return Intervention(recorded.at, recorded.actor, reason)


def _touch(backfill: Backfill, recorded: Recorded) -> None:
    backfill.last_at = recorded.at
    backfill.last_event_id = recorded.id
