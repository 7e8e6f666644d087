"""Code that somebody deployed: assets that are drawn, their manifests, and what they need, key by key."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from backfilld.assets import AssetDefinition, AssetDep, asset
from backfilld.definitions import Definitions
from backfilld.manifest import manifest_of
from backfilld.policies import BackfillPolicy, Backoff, Jitter, RetryPolicy
from daemon.launching.code_location import manifest_digest
from tests.simulation.spaces import BEFORE, SPACES, UNPARTITIONED, WEIGHTS, Link, Space, links

ASSETS_MAX = 5
LOCATIONS = ("north", "south")
POOLS = ("warehouse", "api")


class Need(NamedTuple):
    """That an asset needs another, perhaps itself."""

    upstream: str
    link: Link


class DrawnAsset(NamedTuple):
    """An asset as it was drawn."""

    name: str
    space: Space
    location: str
    needs: tuple[Need, ...]
    policy: BackfillPolicy | None
    retry: RetryPolicy | None
    pool: str | None


class Code(NamedTuple):
    """What one code location declares in one version."""

    location: str
    digest: str
    manifest: dict[str, Any]
    assets: Mapping[str, DrawnAsset]


class Shape(NamedTuple):
    """What stays when code changes: which assets there are, of which partitions, and where."""

    spaces: tuple[Space, ...]
    locations: tuple[str, ...]


def draw_shape(rng: Random) -> Shape:
    """The assets of a pipeline."""
    count = rng.randint(1, ASSETS_MAX)
    kinds = rng.sample(range(len(SPACES)), k=rng.choice((1, 2, 2, 3, 4)))
    weights = [WEIGHTS[kind] for kind in kinds]
    spaces = tuple(SPACES[kind] for kind in rng.choices(kinds, weights, k=count))
    locations = LOCATIONS if rng.random() < 0.3 else LOCATIONS[:1]
    return Shape(spaces, tuple(rng.choice(locations) for _ in spaces))


def draw_code(rng: Random, shape: Shape) -> tuple[Code, ...]:
    """A version of the code of each location there is."""
    drawn: list[DrawnAsset] = []
    likely = rng.choice((0.2, 0.6, 0.9))
    policies = rng.choice((POLICIES, POLICIES[:1], POLICIES[1:2], POLICIES[2:]))
    for index, space in enumerate(shape.spaces):
        needs = [
            Need(drawn[other].name, rng.choice(ways))
            for other in range(max(0, index - 3), index)
            if rng.random() < likely and (ways := links(space, drawn[other].space))
        ]
        name = f"asset_{index}"
        if space in BEFORE and rng.random() < 0.25:
            needs.append(Need(name, BEFORE[space]))
        policy = rng.choice(policies) if space is not UNPARTITIONED else None
        pool = rng.choice(POOLS) if rng.random() < 0.3 else None
        drawn.append(
            DrawnAsset(name, space, shape.locations[index], tuple(needs), policy, _draw_retry(rng), pool)
        )
    return tuple(
        code_of(location, [each for each in drawn if each.location == location])
        for location in dict.fromkeys(shape.locations)
    )


POLICIES = (
    None,
    BackfillPolicy.single_run(),
    BackfillPolicy.multi_run(2),
    BackfillPolicy.multi_run(3),
    BackfillPolicy.multi_run(5),
)


def _draw_retry(rng: Random) -> RetryPolicy | None:
    if rng.random() < 0.4:
        return None
    delay = rng.choice((None, 0.0, 1.0, 20.0))
    if delay is None:
        return RetryPolicy(max_retries=rng.randint(1, 3))
    return RetryPolicy(
        max_retries=rng.randint(1, 3),
        delay=delay,
        backoff=rng.choice((None, *Backoff)),
        jitter=rng.choice((None, *Jitter)),
    )


def code_of(location: str, assets: Sequence[DrawnAsset]) -> Code:
    """The manifest that a code location with these assets prints."""
    definitions = Definitions(assets=[_declared(each) for each in assets])
    manifest = manifest_of(definitions, code_location=location)
    return Code(location, manifest_digest(manifest), manifest, {each.name: each for each in assets})


def _declared(drawn: DrawnAsset) -> AssetDefinition:
    return asset(
        name=drawn.name,
        partitions_def=drawn.space.definition,
        deps=[AssetDep(need.upstream, partition_mapping=need.link.mapping) for need in drawn.needs],
        backfill_policy=drawn.policy,
        retry_policy=drawn.retry,
        pool=drawn.pool,
    )(_nothing)


def _nothing() -> None: ...
