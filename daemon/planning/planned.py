"""The plan a person sees before launching, and the request that launches exactly that."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from backfilld.manifest import to_plain
from daemon.planning.choice import Choice, choice_text
from daemon.planning.grouping import Planning, group_runs
from daemon.planning.policies import nodes_by_job
from daemon.planning.selection import select
from daemon.planning.targets import LeftOut, Targets, find_targets
from daemon.planning.upstream import Wanting, find_wanting, with_upstream
from daemon.refusal import Refused
from events.facts import BackfillRequested, PartitionKeys, RunGroup, RunOrder
from projections.asset_status import AssetStatus
from projections.catalog import AssetNode, Catalog
from projections.plan import Plan
from projections.sets import keys_of


class Ask(msgspec.Struct, frozen=True):
    """What a person asks for."""

    selection: tuple[str, ...]
    choice: Choice
    reason: str | None = None
    max_concurrent_runs: int | None = None
    order: RunOrder = "oldest_first"
    priority: int = 0
    only_between: str | None = None
    tags: dict[str, str] = {}
    strict: bool = False  # refuse a plan that leaves anything out
    require_upstream: bool = False  # refuse a plan that needs what was never materialized
    with_upstream: bool = False  # fill that too
    parent_backfill_id: str | None = None


class PlannedBackfill(msgspec.Struct, frozen=True):
    """A plan, computed and not yet launched."""

    ask: Ask
    as_of: datetime
    nodes: Mapping[str, AssetNode]  # with the policies they are launched by
    groups: tuple[RunGroup, ...]
    targets: dict[str, PartitionKeys | None]
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]
    digest: str
    plan: Plan
    tags: dict[str, str]

    @property
    def runs_total(self) -> int:
        """How many runs will be launched, retries aside."""
        return self.plan.runs_total

    def request(self, manifests: Mapping[str, str]) -> BackfillRequested:
        """The fact that launches this plan; ``manifests`` are the digests it was planned with."""
        ask = self.ask
        return BackfillRequested(
            selection=ask.selection,
            partitions_text=choice_text(ask.choice),
            manifests=dict(manifests),
            partitions_as_of=self.as_of.isoformat(),
            groups=self.groups,
            runs_total=self.runs_total,
            plan_digest=self.digest,
            reason=ask.reason,
            max_concurrent_runs=ask.max_concurrent_runs,
            order=ask.order,
            priority=ask.priority,
            only_between=ask.only_between,
            tags=self.tags,
            parent_backfill_id=ask.parent_backfill_id,
        )


def plan_backfill(
    catalog: Catalog, statuses: Mapping[str, AssetStatus], ask: Ask, as_of: datetime
) -> PlannedBackfill | Refused:
    """The plan for what was asked, among the partitions that exist at ``as_of``."""
    if ask.max_concurrent_runs is not None and ask.max_concurrent_runs < 1:
        return Refused(
            f"--max-concurrent must be 1 or more, not {ask.max_concurrent_runs}", option="max_concurrent"
        )
    selected = select(catalog, ask.selection)
    if isinstance(selected, Refused):
        return selected
    targets = find_targets(catalog, selected.assets, ask.choice, statuses, as_of)
    if isinstance(targets, Refused):
        return targets
    if ask.with_upstream:
        targets = with_upstream(catalog, targets, statuses, as_of)
    if not targets.ordinals:
        reasons = "; ".join(f"{left.asset}: {left.reason}" for left in targets.left_out)
        return Refused(f"there is nothing to run: {reasons}")
    wanting = find_wanting(catalog, targets, statuses, as_of)
    refused = _refused(ask, targets, wanting)
    if refused is not None:
        return refused
    nodes, giving_way = nodes_by_job(catalog.assets, selected.jobs)
    groups = group_runs(Planning(nodes, targets.ordinals, targets.partitions))
    return PlannedBackfill(
        ask=ask,
        as_of=as_of,
        nodes=nodes,
        groups=groups,
        targets={key: keys_of(targets.ordinals[key], targets.partitions[key]) for key in targets.ordinals},
        left_out=targets.left_out,
        warnings=(*giving_way, *(sentence for each in wanting for sentence in each.sentences())),
        digest=_digest(nodes, targets, groups),
        plan=Plan(groups, catalog, as_of),
        tags={name: value for job in selected.jobs for name, value in job.tags.items()} | ask.tags,
    )


def _refused(ask: Ask, targets: Targets, wanting: Sequence[Wanting]) -> Refused | None:
    """Why a plan that could be made is not what was asked for, if it is not."""
    if ask.strict and targets.left_out:
        first = targets.left_out[0]
        more = f", and {len(targets.left_out) - 1:,} more" if len(targets.left_out) > 1 else ""
        return Refused(
            f"--strict refuses a plan that leaves anything out, and this one leaves out {first.asset} "
            f"({first.reason}){more}; select what is between, or launch without --strict",
            option="strict",
        )
    missing = [each for each in wanting if each.missing]
    if ask.require_upstream and missing:
        first_sentence = next(iter(missing[0].sentences()))
        more = f", and {len(missing) - 1:,} more such" if len(missing) > 1 else ""
        return Refused(
            f"--require-upstream refuses a plan that needs what is not there: {first_sentence}{more}; fill "
            f"it first, or add it to this backfill by --with-upstream",
            option="require_upstream",
        )
    return None


def _digest(nodes: Mapping[str, AssetNode], targets: Targets, groups: Sequence[RunGroup]) -> str:
    """SHA-256, in hex, of everything that decides what is launched: the groups and how each asset is run."""
    keys = sorted(targets.ordinals)
    # A definition may have a million keys, and many assets share it: each is written out once.
    definitions = {
        definition: sha256(msgspec.json.encode(to_plain(definition), order="sorted")).hexdigest()
        for definition in {nodes[key].definition for key in keys}
    }
    parts = [
        groups,
        [_launched_form(nodes[key], definitions[nodes[key].definition]) for key in keys],
        # What no definition says, and a range of keys only at its ends.
        *(targets.partitions[key].dynamic_keys(targets.ordinals[key]) for key in keys),
    ]
    return sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def _launched_form(node: AssetNode, definition: str) -> dict[str, Any]:
    return {
        "key": node.key,
        "definition": definition,
        "deps": sorted((dep.asset, msgspec.json.encode(to_plain(dep.mapping)).decode()) for dep in node.deps),
        "policy": node.policy,
        "retry": node.retry,
        "timeout_s": node.timeout_s,
        "pool": node.pool,
        "code_version": node.code_version,
    }
