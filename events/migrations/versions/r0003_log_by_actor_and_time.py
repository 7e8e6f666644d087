"""Indexes for looking at the log by who said a fact, and by when it happened."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the indexes. Appends wait meanwhile: some seconds for a million facts."""
    for statement in _INDEXES:
        op.execute(statement)


# What the daemon and the runs say is nearly all of a long log, and no entry of these: reading what the daemon
# says goes along the positions, and what a run says along the run. Times rise with the positions but for
# stragglers, so a summary of each stretch of pages says which of them hold any, and costs an append nothing.
_INDEXES = (
    """
CREATE INDEX log_by_actor ON log (actor, position)
WHERE actor <> 'daemon' AND actor NOT LIKE 'run %'
""",
    """
CREATE INDEX log_by_time ON log USING brin (position, at)
WITH (pages_per_range = 32, autosummarize = on)
""",
)
