"""The log: its table, its head, and the triggers that keep both append-only."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the log. What it holds can only grow, so there is no way back from here."""
    for statement in (_LOG, *_INDEXES, _HEAD, _START, _REFUSE):
        op.execute(statement)
    for table, when, condition in _REFUSED:
        name = f"{table}_refuses_{when.split()[0].lower()}"
        each = "ROW" if condition else "STATEMENT"
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {when} ON {table} FOR EACH {each} {condition} "
            "EXECUTE FUNCTION log_refuse()"
        )
        # ALWAYS: session_replication_role = replica does not get round it.
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


_LOG = """
CREATE TABLE log (
    position bigint NOT NULL,
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    type text COLLATE "C" NOT NULL,
    schema integer NOT NULL,
    actor text NOT NULL,
    backfill_id text COLLATE "C",
    run_id text COLLATE "C",
    causation_id uuid,
    correlation_id uuid,
    data jsonb NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT log_position_key PRIMARY KEY (position),
    CONSTRAINT log_id_key UNIQUE (id),
    CONSTRAINT log_position_from_1 CHECK (position >= 1),
    CONSTRAINT log_hash_length CHECK (octet_length(hash) = 32)
)
"""

# Fillfactor: every append updates the row, and the room lets PostgreSQL do that within the page.
_HEAD = """
CREATE TABLE log_head (
    position bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT log_head_hash_length CHECK (octet_length(hash) = 32)
) WITH (fillfactor = 10)
"""

_START = "INSERT INTO log_head (position, hash) VALUES (0, decode(repeat('00', 32), 'hex'))"

# Every index slows every append. The types left out are nearly all of a long log: reading them goes along
# the positions and soon finds what it looks for.
_INDEXES = (
    "CREATE INDEX log_by_backfill ON log (backfill_id, position) WHERE backfill_id IS NOT NULL",
    "CREATE INDEX log_by_run ON log (run_id, position) WHERE run_id IS NOT NULL",
    """
CREATE INDEX log_by_rare_type ON log (type, position)
WHERE type NOT IN ('RunLaunched', 'RunStarted', 'PartitionMaterialized', 'RunSucceeded')
""",
)

_REFUSE = """
CREATE FUNCTION log_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$
"""

_REFUSED = (
    ("log", "UPDATE", ""),
    ("log", "DELETE", ""),
    ("log", "TRUNCATE", ""),
    ("log_head", "INSERT", ""),
    ("log_head", "DELETE", ""),
    ("log_head", "TRUNCATE", ""),
    ("log_head", "UPDATE", "WHEN (NEW.position <= OLD.position)"),
)
