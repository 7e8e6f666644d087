"""The tables as SQLAlchemy Core knows them; `events.migrations` makes them."""

from typing import Final

from sqlalchemy import BigInteger, Column, DateTime, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

metadata: Final = MetaData()

snapshots: Final = Table(
    "snapshots",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("taken_at", DateTime(timezone=True), nullable=False),
    Column("state", LargeBinary, nullable=False),
)

checkpoint: Final = Table(
    "checkpoint",
    metadata,
    Column("projection", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
)

backfills: Final = Table(
    "backfills",
    metadata,
    Column("id", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("reason", Text),
    Column("selection", JSONB, nullable=False),
    Column("partitions_text", Text, nullable=False),
    Column("runs_total", BigInteger, nullable=False),
    Column("partitions_total", BigInteger, nullable=False),
    Column("partitions_materialized", BigInteger, nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("position", BigInteger, nullable=False),
)

runs: Final = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("backfill_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("assets", JSONB, nullable=False),
    Column("partitions", JSONB(none_as_null=True)),
    Column("code_location", Text, nullable=False),
    Column("launched_at", DateTime(timezone=True), nullable=False),
    Column("started_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("error", Text),
    Column("position", BigInteger, nullable=False),
)

materializations: Final = Table(
    "materializations",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("asset", Text, nullable=False),
    Column("partitions", JSONB(none_as_null=True)),
    Column("backfill_id", Text),
    Column("run_id", Text),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("code_version", Text),
    Column("metadata", JSONB, nullable=False),
)
