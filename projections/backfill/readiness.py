"""Which runs may start: a run is ready once every targeted partition it needs was materialized."""

import msgspec
from pyroaring import BitMap

from backfilld.ranges import Ranges
from projections.backfill.state import AssetProgress, Backfill, Piece
from projections.plan import Edge, Plan, PlannedGroup
from projections.sets import bitmap, intervals

RELEASES_KEPT_MAX = 64  # chunks released at once whose cause is remembered; more share the request as cause


def release(backfill: Backfill, plan: Plan, group: PlannedGroup, chunks: Ranges, cause_event_id: str) -> None:
    """Make ready what can start among these chunks of a group, at a cost by intervals, not by partitions."""
    progress = backfill.groups[group.index]
    candidates = (bitmap(chunks) & progress.waiting) - progress.ready
    if not candidates:
        return
    for edge in plan.edges_into[group.index]:
        candidates -= _blocked(edge, candidates, backfill)
        if not candidates:
            return
    if any(backfill.assets[asset].left_out for asset in group.assets):
        candidates -= _taken_apart(backfill, group, candidates, cause_event_id)
    progress.ready |= candidates
    if len(candidates) <= RELEASES_KEPT_MAX:
        for chunk in candidates:
            backfill.released_by[group.first_number + chunk] = cause_event_id


def _blocked(edge: Edge, candidates: BitMap, backfill: Backfill) -> BitMap:
    """The candidate chunks that wait for something through this edge."""
    if edge.upstream_group is edge.downstream_group:
        # Each run of a self-dependent asset meets what it produces itself, so runs are judged one by one.
        return BitMap(chunk for chunk in candidates if _blocked_together(edge, BitMap([chunk]), backfill))
    return _blocked_together(edge, candidates, backfill)


def _blocked_together(edge: Edge, candidates: BitMap, backfill: Backfill) -> BitMap:
    cut = edge.downstream_group.cut
    open_ordinals = whole = cut.ordinals_of(intervals(candidates))
    progress = backfill.assets[edge.downstream]
    if progress.left_out:
        open_ordinals -= intervals((progress.skipped | progress.canceled) & bitmap(open_ordinals))
    # What the chunk fills itself it does not wait for; where it is taken apart, its pieces may.
    pending = bitmap(edge.needed(open_ordinals, whole)) - backfill.assets[edge.upstream].materialized
    if not pending:
        return BitMap()
    if len(candidates) == 1:
        return candidates
    blocked = edge.dependants(intervals(pending)) & open_ordinals
    return bitmap(cut.chunks_of(blocked))


def _taken_apart(backfill: Backfill, group: PlannedGroup, candidates: BitMap, cause_event_id: str) -> BitMap:
    """The candidates of which only parts are to run; those parts become pieces."""
    progress = backfill.groups[group.index]
    apart = BitMap()
    for chunk in candidates:
        ordinals = group.cut.chunk(chunk)
        parts = parts_left(backfill, group.assets, ordinals)
        if parts == [(group.assets, ordinals)]:
            continue
        apart.add(chunk)
        progress.waiting.discard(chunk)
        number = group.first_number + chunk
        for assets, part in parts:
            backfill.pieces.extend(
                Piece(number, 1, assets, alone.intervals, None, cause_event_id)
                for alone in group.cut.apart(part)
            )
    return apart


def can_start(backfill: Backfill, plan: Plan, piece: Piece) -> bool:
    """Whether a piece has all that it needs from other pieces of its run."""
    return not wanting(backfill, plan, piece)


def wanting(backfill: Backfill, plan: Plan, piece: Piece) -> dict[str, BitMap]:
    """What a piece needs from other pieces of its run and is not filled yet, by asset."""
    ordinals, group = Ranges(piece.ordinals), plan.group_at(piece.number)
    lacking: dict[str, BitMap] = {}
    for edge in plan.edges_within[group.index]:
        if edge.downstream in piece.assets:
            needed = edge.needed(ordinals, ordinals if edge.upstream in piece.assets else Ranges())
            lacking[edge.upstream] = lacking.get(edge.upstream, BitMap()) | bitmap(needed)
    for asset in group.assets:
        if asset not in piece.assets and any(each in piece.assets for each in plan.dependants_within[asset]):
            lacking[asset] = lacking.get(asset, BitMap()) | bitmap(ordinals)
    left = {asset: needed - backfill.assets[asset].materialized for asset, needed in lacking.items()}
    return {asset: needed for asset, needed in left.items() if needed}


def take_apart(backfill: Backfill) -> None:
    """Have a piece for each asset where there was one for several.

    For pieces that wait for each other: taken by assets, what waits for itself is left, which is nothing.
    """
    backfill.pieces = [
        msgspec.structs.replace(piece, assets=(asset,)) for piece in backfill.pieces for asset in piece.assets
    ]


def take_from_pieces(backfill: Backfill, group: PlannedGroup, asset: str) -> None:
    """Keep of the pieces of a group only what is still to be run of an asset."""
    kept: list[Piece] = []
    for piece in backfill.pieces:
        ordinals = Ranges(piece.ordinals)
        if asset not in piece.assets or not group.has_run(piece.number):
            kept.append(piece)
            continue
        parts = parts_left(backfill, piece.assets, ordinals)
        kept += (
            msgspec.structs.replace(piece, assets=assets, ordinals=alone.intervals)
            for assets, part in parts
            for alone in group.cut.apart(part)
        )
    backfill.pieces = kept


def parts_left(
    backfill: Backfill, assets: tuple[str, ...], ordinals: Ranges
) -> list[tuple[tuple[str, ...], Ranges]]:
    """What of these partitions is not settled, as sets of partitions that the same assets are left for."""
    parts: list[tuple[tuple[str, ...], BitMap]] = [((), bitmap(ordinals))]
    for asset in assets:
        split = [(names, left, runnable(backfill, asset, left)) for names, left in parts]
        parts = [((*names, asset), unsettled) for names, _, unsettled in split if unsettled]
        parts += [(names, left - unsettled) for names, left, unsettled in split if unsettled != left]
    return [(names, intervals(left)) for names, left in parts if names]


def runnable(backfill: Backfill, asset: str, ordinals: BitMap) -> BitMap:
    """Those of the partitions that are neither settled nor about to be skipped."""
    left = backfill.assets[asset].unsettled(ordinals)
    for due in backfill.skips_due:
        if due.asset == asset:
            left -= due.ordinals
    return left


def to_launch(backfill: Backfill, asset: str, ordinals: BitMap) -> BitMap:
    """Those of the partitions that a run is still to be launched for: they are not under way either."""
    return runnable(backfill, asset, ordinals) - under_way(backfill, asset)


def under_way(backfill: Backfill, asset: str) -> BitMap:
    """The partitions that runs under way are to fill, or have filled already."""
    bits = BitMap()
    for run in backfill.live.values():
        if asset in run.assets:
            bits |= bitmap(Ranges(run.ordinals))
    return bits


def drop_settled_chunks(backfill: Backfill, group: PlannedGroup, chunks: Ranges) -> None:
    """Stop waiting for chunks in which nothing is left to run, at a cost by intervals."""
    progress = backfill.groups[group.index]
    candidates = bitmap(chunks) & progress.waiting
    ordinals = bitmap(group.cut.ordinals_of(intervals(candidates)))
    left = BitMap.union(*(runnable(backfill, asset, ordinals) for asset in group.assets))
    settled = candidates - bitmap(group.cut.chunks_of(intervals(left)))
    progress.waiting -= settled
    progress.ready -= settled


def new_progress(plan: Plan) -> dict[str, AssetProgress]:
    """Nothing done yet."""
    return {asset: AssetProgress(len(group.targets)) for asset, group in plan.group_of.items()}
