"""Indexes for what was filled, and what was not, of one partition, as the page of an asset shows it."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the indexes, and has the planner know how many rows are about one key."""
    for statement in _INDEXES:
        op.execute(statement)


# Keys may be longer than an index's entry can be, so that their digests stand there. Facts and runs about
# more than one key are found by their asset alone: only a definition says what lies between two keys.
_INDEXES = (
    """
CREATE INDEX materializations_by_key ON materializations (asset, md5(partitions #>> '{ranges,0,0}'), position)
WHERE partitions ->> 'count' = '1'
""",
    """
CREATE INDEX materializations_of_many ON materializations (asset, position)
WHERE partitions IS NULL OR partitions ->> 'count' <> '1'
""",
    """
CREATE INDEX runs_unfilled_by_key ON runs (md5(partitions #>> '{ranges,0,0}'), position)
WHERE status <> 'succeeded' AND partitions ->> 'count' = '1'
""",
    """
CREATE INDEX runs_unfilled_of_many ON runs (position)
WHERE status <> 'succeeded' AND (partitions IS NULL OR partitions ->> 'count' <> '1')
""",
    # Without these the planner takes nearly all rows to be about more than one key, and leaves the indexes.
    "CREATE STATISTICS materializations_counts ON (partitions ->> 'count') FROM materializations",
    "CREATE STATISTICS runs_counts ON (partitions ->> 'count') FROM runs",
)
