"""What holds for every run we launch, asked of the case's own mappings and policies and not of the plan."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from backfilld.partitions import UNPARTITIONED, MultiPartitions, Partitions
from events.facts import PartitionMaterialized, RunLaunched
from tests.conformance.playing import ByAsset, Cell, Graph, Keys, Played, keys_of
from tests.story import Story


def launched_too_early(story: Story, graph: Graph, targets: ByAsset) -> Iterator[str]:
    """Every run launched before a targeted partition it needs was filled or is filled earlier in the run."""
    filled: dict[str, set[str | None]] = defaultdict(set)
    for each in story.told:
        match each.fact:
            case PartitionMaterialized(asset=name, partitions=some):
                filled[name] |= keys_of(some, graph.partitions[name])
            case RunLaunched() as launch:
                run = keys_of(launch.partitions, graph.partitions[launch.assets[0]])
                for at, name in enumerate(launch.assets):
                    for upstream in graph.mappings[name].keys() & targets.keys():
                        here = run if upstream in launch.assets[: at + 1] else frozenset()
                        needed = _needed(graph, upstream, name, run) & targets[upstream]
                        if lacking := needed - filled[upstream] - here:
                            listed = ", ".join(sorted(map(str, lacking)))
                            yield f"{each.run_id} fills {name} without {listed} of {upstream}"


def _needed(graph: Graph, upstream: str, downstream: str, keys: Keys) -> Keys:
    return frozenset().union(*(graph.needed(upstream, downstream, key) for key in keys))


def launched_twice(played: Played) -> Iterator[str]:
    """Every partition that more than one run was launched for; nothing is retried here."""
    counts: Counter[Cell] = Counter(cell for run in played.runs for cell in run.cells)
    yield from (f"{asset} {key}" for (asset, key), count in counts.items() if count > 1)


def against_policy(played: Played, graph: Graph) -> Iterator[str]:
    """Every run that covers more than a policy of its assets lets it, or spans a gap."""
    policies = {asset["key"]: asset["backfill_policy"] for asset in graph.case["assets"]}
    for run in played.runs:
        for asset in run.assets:
            policy = policies[asset]
            size_max = 1 if policy is None else policy["max_partitions_per_run"]
            partitions = graph.partitions[asset]
            if partitions is UNPARTITIONED:
                continue
            if size_max is not None and len(run.partitions) > size_max:
                yield f"{run}: {asset} takes {size_max} at once"
            if not is_unbroken((partitions.ordinal(key) for key in run.partitions if key), partitions):
                yield f"{run} spans a gap"


def is_unbroken(ordinals: Iterable[int], partitions: Partitions) -> bool:
    """Whether they are consecutive; of pairs, whether they are a range of one side for a set of the other."""
    listed = sorted(ordinals)
    if not isinstance(partitions, MultiPartitions):
        return _is_range(listed)
    cells = [divmod(ordinal, partitions.width) for ordinal in listed]
    sides = [sorted({cell[axis] for cell in cells}) for axis in (0, 1)]
    return len(cells) == len(sides[0]) * len(sides[1]) and any(map(_is_range, sides))


def _is_range(ordinals: list[int]) -> bool:
    return ordinals[-1] - ordinals[0] + 1 == len(ordinals)
