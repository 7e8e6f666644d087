"""Facts of the past brought up to date, one schema at a time.

A fact is stored for ever in the shape it had when it was recorded. Whoever raises a fact's ``schema`` adds
here the step that leads from the old shape to the new one, and a recorded history to ``tests/histories``.
Steps are pure and know JSON values only: today's classes may change again.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

Shape: TypeAlias = dict[str, Any]


def upcast(type_name: str, schema: int, upto: int, data: Shape) -> Shape:
    """``data`` of the given schema in the shape of schema ``upto``.

    :raises LookupError: no step leads on from a schema on the way.
    """
    for old in range(schema, upto):
        step = _STEPS.get((type_name, old))
        if step is None:
            raise LookupError(f"nothing is known of {type_name} of schema {old}")
        data = step(data)
    return data


def _run_launched_0(data: Shape) -> Shape:
    """Before the first release a run was of one asset, and listed its partition keys one by one."""
    keys = data["partition_keys"]
    return {
        "number": data["number"],
        "attempt": data["attempt"],
        "assets": [data["asset"]],
        "partitions": _listed(keys) if keys else None,
        "code_location": data["code_location"],
        "manifest_digest": data["manifest_digest"],
    }


def _partition_materialized_0(data: Shape) -> Shape:
    """Before the first release each fact was about one partition key, or none."""
    key = data["partition_key"]
    return {
        "asset": data["asset"],
        "partitions": None if key is None else _listed([key]),
        "metadata": data["metadata"],
    }


def _listed(keys: list[str]) -> Shape:
    # Which keys are neighbours only the definition knows, so each is a range of its own.
    return {"ranges": [[key, key] for key in keys], "count": len(keys)}


_STEPS: Final[dict[tuple[str, int], Callable[[Shape], Shape]]] = {
    ("RunLaunched", 0): _run_launched_0,
    ("PartitionMaterialized", 0): _partition_materialized_0,
}
