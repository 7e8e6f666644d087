"""The statements that tell how large a log in a database is, and of what."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Date, Select, String, cast, column, func, literal, select, table

from events.amounts import Measured, Relation, summed
from events.schema import log

Fetch = Callable[[Select[Any]], Awaitable[Sequence[Any]]]  # what a statement selects


def selecting_amounts() -> Select[Any]:
    """The statement that reads type, day, facts and bytes; it looks at every row of the log once."""
    day = cast(func.timezone("UTC", log.c.at), Date).label("day")
    stored = func.sum(func.pg_column_size(log.c.data))
    return select(log.c.type, day, func.count(), stored).group_by(log.c.type, day)


def selecting_relations() -> Select[Any]:
    """The statement that reads name, bytes and bytes of indexes of the tables beside the log, and it."""
    relations = table("pg_class", column("oid"), column("relname"), column("relkind"), column("relnamespace"))
    spaces = table("pg_namespace", column("oid"), column("nspname"))
    oid = relations.c.oid
    size, indexes = func.pg_table_size(oid), func.pg_indexes_size(oid)
    return (
        select(cast(relations.c.relname, String), size, indexes)
        .join_from(relations, spaces, relations.c.relnamespace == spaces.c.oid)
        .where(relations.c.relkind == "r", cast(spaces.c.nspname, String) == func.current_schema())
        .order_by((size + indexes).desc(), relations.c.relname)
    )


def selecting_indexes() -> Select[Any]:
    """The statement that reads name and bytes of the log's indexes."""
    indexes = table("pg_index", column("indexrelid"), column("indrelid"))
    relations = table("pg_class", column("oid"), column("relname"))
    size = func.pg_relation_size(relations.c.oid)
    return (
        select(cast(relations.c.relname, String), size)
        .join_from(indexes, relations, indexes.c.indexrelid == relations.c.oid)
        .where(indexes.c.indrelid == func.to_regclass(literal("log")))
        .order_by(size.desc(), relations.c.relname)
    )


async def measured(fetch: Fetch) -> Measured:
    """The numbers of the log in a database."""
    amounts = await fetch(selecting_amounts())
    relations = await fetch(selecting_relations())
    indexes = await fetch(selecting_indexes())
    size = await fetch(select(func.pg_database_size(func.current_database())))
    found = summed((kind, day, facts, int(stored)) for kind, day, facts, stored in amounts)
    return msgspec.structs.replace(
        found,
        tables={name: Relation(table_bytes, index_bytes) for name, table_bytes, index_bytes in relations},
        indexes=dict(map(tuple, indexes)),
        database_bytes=size[0][0],
    )
