"""The log's tables as SQLAlchemy Core knows them. `events.migrations` makes them."""

from typing import Final

from sqlalchemy import BigInteger, Column, DateTime, Integer, LargeBinary, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

metadata: Final = MetaData()

log: Final = Table(
    "log",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("type", Text, nullable=False),
    Column("schema", Integer, nullable=False),
    Column("actor", Text, nullable=False),
    Column("backfill_id", Text),
    Column("run_id", Text),
    Column("causation_id", Uuid(as_uuid=False)),
    Column("correlation_id", Uuid(as_uuid=False)),
    Column("data", JSONB, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

# The one row whose lock orders the writers: where the log ends, and the hash of its last row.
log_head: Final = Table(
    "log_head",
    metadata,
    Column("position", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)
