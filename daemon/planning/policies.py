"""The backfill policy that assets are run by where a job launches them together."""

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from projections.catalog import AssetNode, JobNode, RunPolicy


def nodes_by_job(
    nodes: Mapping[str, AssetNode], jobs: Sequence[JobNode]
) -> tuple[Mapping[str, AssetNode], tuple[str, ...]]:
    """The assets with the policies they are launched by, and a warning for each policy that gives way.

    Within a job all partitioned assets have one policy: where theirs differ, that of the fewest partitions a
    run, none counting as one. Of an asset in several jobs the fewest of these.
    """
    launched, warnings = dict(nodes), []
    for job in jobs:
        members = [launched[key] for key in job.assets if launched[key].definition is not None]
        policies = {node.policy for node in members}
        if len(policies) < 2:
            continue
        shared = RunPolicy(
            min(map(_partitions_a_run, members), key=lambda size: math.inf if size is None else size)
        )
        for node in members:
            launched[node.key] = msgspec.structs.replace(node, policy=shared)
        warnings.append(_warning(job, members, launched[members[0].key]))
    return launched, tuple(warnings)


def _partitions_a_run(node: AssetNode) -> int | None:
    return node.partitions_per_run_max


def _warning(job: JobNode, members: Iterable[AssetNode], resolved: AssetNode) -> str:
    by_policy: dict[str, list[str]] = {}
    for node in members:
        by_policy.setdefault(node.policy_text, []).append(node.key)
    listed = "; ".join(f"{policy}: {', '.join(keys)}" for policy, keys in by_policy.items())
    return (
        f"the assets of job {job.name!r} have different backfill policies ({listed}), so all of them are "
        f"launched by the smallest, {resolved.policy_text}"
    )
