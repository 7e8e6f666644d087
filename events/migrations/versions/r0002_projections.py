"""The projections' tables: snapshots and lists. All of it can be made from the log again."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables, empty; whoever reads them next fills them from the log."""
    for statement in _STATEMENTS:
        op.execute(statement)


_STATEMENTS = (
    """
    CREATE TABLE snapshots (
        version integer NOT NULL,
        position bigint NOT NULL,
        taken_at timestamptz NOT NULL,
        state bytea NOT NULL,
        CONSTRAINT snapshots_key PRIMARY KEY (version, position)
    )
    """,
    """
    CREATE TABLE checkpoint (
        projection text NOT NULL,
        version integer NOT NULL,
        position bigint NOT NULL,
        CONSTRAINT checkpoint_key PRIMARY KEY (projection)
    )
    """,
    "INSERT INTO checkpoint (projection, version, position) VALUES ('tables', 0, 0)",
    """
    CREATE TABLE backfills (
        id text NOT NULL,
        status text NOT NULL,
        requested_at timestamptz NOT NULL,
        requested_by text NOT NULL,
        reason text,
        selection jsonb NOT NULL,
        partitions_text text NOT NULL,
        runs_total bigint NOT NULL,
        partitions_total bigint NOT NULL,
        partitions_materialized bigint NOT NULL DEFAULT 0,
        ended_at timestamptz,
        position bigint NOT NULL,
        CONSTRAINT backfills_key PRIMARY KEY (id)
    )
    """,
    "CREATE INDEX backfills_by_position ON backfills (position)",
    """
    CREATE TABLE runs (
        id text NOT NULL,
        backfill_id text NOT NULL,
        status text NOT NULL,
        number bigint NOT NULL,
        attempt integer NOT NULL,
        assets jsonb NOT NULL,
        partitions jsonb,
        code_location text NOT NULL,
        launched_at timestamptz NOT NULL,
        started_at timestamptz,
        ended_at timestamptz,
        error text,
        position bigint NOT NULL,
        CONSTRAINT runs_key PRIMARY KEY (id)
    )
    """,
    "CREATE INDEX runs_by_position ON runs (position)",
    "CREATE INDEX runs_by_backfill ON runs (backfill_id, position)",
    "CREATE INDEX runs_by_status ON runs (status, position)",
    """
    CREATE TABLE materializations (
        position bigint NOT NULL,
        asset text NOT NULL,
        partitions jsonb,
        backfill_id text,
        run_id text,
        at timestamptz NOT NULL,
        code_version text,
        metadata jsonb NOT NULL,
        CONSTRAINT materializations_key PRIMARY KEY (position)
    )
    """,
    "CREATE INDEX materializations_by_asset ON materializations (asset, position)",
)
