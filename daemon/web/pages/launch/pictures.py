"""How the partitions of a root stand, as a picture that a range can be dragged on."""

from itertools import pairwise

import msgspec

from backfilld.partitions import MultiPartitions, Partitions
from daemon.web.pages.bars import COLUMNS, Bar, Shape, bar_of, edges_of, shapes_of
from daemon.web.pages.grids import Block, Grid, grid_of
from daemon.web.pages.launch.roots import Root
from projections.asset_status import AssetStatus


class Picture(msgspec.Struct, frozen=True):
    """A bar, or a grid of two dimensions."""

    bar: Bar | Grid
    columns: str  # JSON: the first and the last key of each
    rows: str  # the same of a grid's rows; empty of a bar
    into: int  # the field of the dimension that lies across
    into_rows: int

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Its pieces as SVG paths."""
        return shapes_of(self.bar.pieces)

    @property
    def label(self) -> str:
        """The counts in words, for whoever does not see it."""
        return self.bar.label

    @property
    def is_grid(self) -> bool:
        """Whether it has two dimensions."""
        return bool(self.rows)


def picture_of(root: Root, status: AssetStatus) -> Picture | None:
    """The picture of a root; None where it has no partitions yet."""
    partitions = root.partitions
    if not len(partitions):
        return None
    bits = status.bits_by_status(partitions.all())
    if not isinstance(partitions, MultiPartitions):
        edges = edges_of(0, len(partitions), COLUMNS)
        return Picture(bar_of(bits, 0, len(partitions)), _ends(partitions, edges), "", 0, 0)
    grid = grid_of(bits, partitions, Block.whole(partitions))
    across, down = partitions.dimensions[grid.across], partitions.dimensions[1 - grid.across]
    return Picture(grid, _ends(across, grid.x_edges), _ends(down, grid.y_edges), grid.across, 1 - grid.across)


def _ends(partitions: Partitions, edges: list[int]) -> str:
    ends = [(partitions.key(first), partitions.key(last - 1)) for first, last in pairwise(edges)]
    return msgspec.json.encode(ends).decode()
