"""Why a plan of ours may differ from Dagster's: each rule is a claim about the case and the two answers."""

from collections.abc import Callable, Iterable
from itertools import combinations

from backfilld.partitions import MultiPartitions
from tests.conformance.answers import Difference, Rule
from tests.conformance.consequences import consequences, failing_apart, launched, waves
from tests.conformance.plans import ComparedPlan
from tests.conformance.playing import Cell, Run

Explains = Callable[[ComparedPlan, Difference], bool]

OUTCOMES = ("materialized", "failed", "downstream_of_failed")


def with_consequences(cuts: Explains) -> Explains:
    """The rule about how runs are cut, and what follows from it where one of those runs fails.

    A listed failure takes all of its run along. Where the two have runs of other shapes there, for a reason
    that the rule gives, partitions of the one run or the other may come out differently, and what needs them.
    """

    def explains(compared: ComparedPlan, difference: Difference) -> bool:
        if difference.about not in {"runs", *OUTCOMES}:
            return False
        if difference.about == "runs" and cuts(compared, difference):
            return True
        roots: set[Cell] = set()
        for asset, cells in failing_apart(compared):
            if any(asset in other.assets and cuts(compared, other) for other in _runs_of(compared)):
                roots |= cells
        return _follows(compared, difference, roots)

    return explains


def _runs_of(compared: ComparedPlan) -> Iterable[Difference]:
    return (difference for difference in compared.differences if difference.about == "runs")


def _follows(compared: ComparedPlan, difference: Difference, cells: set[Cell]) -> bool:
    """Whether all partitions that the two launch or settle differently are consequences of these."""
    differing = _differing(compared, difference)
    return bool(differing) and differing <= consequences(compared, cells)


def _differing(compared: ComparedPlan, difference: Difference) -> set[Cell]:
    """The partitions that one of the two launches or settles so and the other does not."""
    if difference.about == "runs":
        return {
            (asset, key)
            for asset in difference.assets
            for key in launched(compared.theirs, asset) ^ launched(compared.played, asset)
        }
    (asset,) = difference.assets
    return {(asset, key) for key in difference.theirs ^ difference.ours}


def _same_launched(compared: ComparedPlan, assets: Iterable[str]) -> bool:
    """Whether the same partitions of each asset are launched, but for what follows from a run that fails."""
    roots = {cell for _, cells in failing_apart(compared) for cell in cells}
    follows = consequences(compared, roots)
    return all(
        (asset, key) in follows
        for asset in assets
        for key in launched(compared.theirs, asset) ^ launched(compared.played, asset)
    )


def _boxes(compared: ComparedPlan, difference: Difference) -> bool:
    ours, theirs = difference.ours, difference.theirs
    if not all(_is_two_dimensional_with_a_policy(compared, asset) for asset in difference.assets):
        return False
    complete = all(
        launched(compared.theirs, asset) == compared.targets_of(asset) for asset in difference.assets
    )
    return (
        {run.assets for run in ours} == {run.assets for run in theirs}
        and _same_launched(compared, difference.assets)
        and (len(ours) <= len(theirs) or not complete)
    )


def _is_two_dimensional_with_a_policy(compared: ComparedPlan, asset: str) -> bool:
    plain = next(each for each in compared.case["assets"] if each["key"] == asset)
    return plain["backfill_policy"] is not None and isinstance(
        compared.graph.partitions[asset], MultiPartitions
    )


def _rest_of_chunk(compared: ComparedPlan, difference: Difference) -> bool:
    assets = difference.assets
    lost = {asset: compared.targets_of(asset) - launched(compared.theirs, asset) for asset in assets}
    if not any(lost.values()) or not _same_launched(compared, assets):
        return False
    return all(_is_part_of_planned(compared, run) for run in difference.ours) and all(
        lost[one] != lost[other] for one, other in _parted(difference)
    )


def _parted(difference: Difference) -> set[tuple[str, str]]:
    """The pairs of assets that share runs in one of the two answers only."""
    pairs = [
        {pair for run in runs for pair in combinations(sorted(run.assets), 2)}
        for runs in (difference.theirs, difference.ours)
    ]
    return pairs[0] ^ pairs[1]


def _is_part_of_planned(compared: ComparedPlan, run: Run) -> bool:
    """Whether it is one of the runs that we launch where nothing fails, less what was lost."""
    return any(
        run.assets <= whole.assets and run.partitions <= whole.partitions
        for whole in compared.without_failures.runs
    )


def _not_at_a_tick(compared: ComparedPlan, difference: Difference) -> bool:
    """Some asset takes several of Dagster's ticks, and who shares its runs is not the same at all of them.

    Two that each need themselves may keep pace: that they share runs then is a coincidence of ticks too.
    """
    ticks = {asset: waves(compared.theirs, asset) for asset in difference.assets}
    several = {asset for asset, ticked in ticks.items() if len(set(ticked.values())) > 1}
    waiting = {
        asset
        for asset in several
        if any(_waits_for_itself(compared, up) for up in _with_upstream(compared, asset))
    }
    return (
        _same_launched(compared, difference.assets)
        and any(asset in waiting or _parts_wait_for_others(compared, asset) for asset in several)
        and all(
            ticks[one] != ticks[other]
            or (one in several and all(_waits_for_itself(compared, each) for each in (one, other)))
            for one, other in _parted(difference)
        )
    )


def _waits_for_itself(compared: ComparedPlan, asset: str) -> bool:
    """Whether some of its targets need others of it."""
    return any(
        upstream == asset for key in compared.targets_of(asset) for upstream, _ in compared.needed[asset, key]
    )


def _parts_wait_for_others(compared: ComparedPlan, asset: str) -> bool:
    """Whether some of its targets, or of those of one upstream, wait for other assets than the rest do."""
    return any(
        len(
            {
                frozenset(upstream for upstream, _ in compared.needed[above, key])
                for key in compared.targets_of(above)
            }
        )
        > 1
        for above in _with_upstream(compared, asset)
    )


def _with_upstream(compared: ComparedPlan, asset: str) -> set[str]:
    found, edge = set(), {asset}
    while edge:
        found |= edge
        edge = {up for each in edge for up in compared.graph.mappings[each] if up in compared.played.targets}
        edge -= found
    return found


def _dagster_breaks_order(compared: ComparedPlan, difference: Difference) -> bool:
    if difference.about not in {"runs", *OUTCOMES}:
        return False
    early = {
        cell
        for run in compared.theirs.runs
        for cell in run.cells
        for above in compared.needed.get(cell, ())
        if above[0] == cell[0]
        and above not in run.cells
        and not _materialized_before(compared, above, run.wave)
    }
    return _follows(compared, difference, early)


def _materialized_before(compared: ComparedPlan, cell: Cell, wave: int) -> bool:
    asset, key = cell
    done = compared.theirs.final["materialized"].get(asset, frozenset())
    launched_at = waves(compared.theirs, asset).get(key)
    return key in done and launched_at is not None and launched_at < wave


def _warned_not_refused(compared: ComparedPlan, difference: Difference) -> bool:
    error = compared.case.get("error")
    if difference.about != "refusal" or error is None or error["stage"] != "tick":
        return False
    return "depends on non-existent partitions" in error["message"] and any(
        compared.graph.lacking(upstream, asset, key)
        for asset, keys in compared.played.targets.items()
        for upstream in compared.graph.mappings[asset]
        for key in keys
    )


def _closure(compared: ComparedPlan, difference: Difference) -> bool:
    missed = {
        asset: frozenset(keys)
        for asset, keys in compared.case.get("suspect", {}).get("targets_missed", {}).items()
    }
    if difference.about == "runs":
        return bool(missed.keys() & difference.assets) and all(
            launched(compared.played, asset)
            == launched(compared.theirs, asset) | missed.get(asset, frozenset())
            for asset in difference.assets
        )
    if difference.about not in {"targets", *OUTCOMES}:
        return False
    (asset,) = difference.assets
    return bool(difference.ours == difference.theirs | missed.get(asset, frozenset()))


RULES: tuple[Rule[ComparedPlan], ...] = (
    Rule(
        "fewest boxes",
        "Multi-dimensional ranges: the selected set is cut into the fewest boxes (range x set), one run "
        "each; Dagster gives one per value of a dimension.",
        with_consequences(_boxes),
    ),
    Rule(
        "not at a tick",
        "A run is ready when every targeted upstream partition that it needs has been materialized; it is "
        "launched then, not at a tick.",
        with_consequences(_not_at_a_tick),
    ),
    Rule(
        "rest of the chunk",
        "A failed partition's downstream partitions are skipped, the rest of the chunk still runs; Dagster "
        "groups and cuts anew what is left at a tick.",
        with_consequences(_rest_of_chunk),
    ),
    Rule(
        "upstream order",
        "A run waits for every targeted partition that it needs; Dagster launches all stretches at once "
        "where an asset that needs itself has a single run.",
        _dagster_breaks_order,
    ),
    Rule(
        "nonexistent upstream",
        "Untargeted upstream partitions never block, but are told as a warning; Dagster raises at a tick.",
        _warned_not_refused,
    ),
    Rule(
        "closure",
        "Root partitions map downstream through the selection; Dagster looks at each asset once and may miss "
        "some.",
        _closure,
    ),
)
