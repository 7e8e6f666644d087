"""What is different between two manifests of a code location."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

Manifest = Mapping[str, Any]
NO_MANIFEST: Manifest = {"assets": []}


class Changes(msgspec.Struct, frozen=True):
    """What is different, asset by asset."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: dict[str, tuple[str, ...]] = {}  # asset -> what of it, as the manifest names it
    jobs: tuple[str, ...] = ()  # added, removed or changed

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.jobs)


def changes_between(before: Manifest, after: Manifest) -> Changes:
    """What became of the assets and jobs of ``before``."""
    old, new = _named(before, "assets", "key"), _named(after, "assets", "key")
    old_jobs, new_jobs = _named(before, "jobs", "name"), _named(after, "jobs", "name")
    return Changes(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        changed={
            key: tuple(sorted(field for field in new[key] if new[key][field] != old[key].get(field)))
            for key in sorted(new.keys() & old.keys())
            if new[key] != old[key]
        },
        jobs=tuple(
            name
            for name in sorted(old_jobs.keys() | new_jobs.keys())
            if old_jobs.get(name) != new_jobs.get(name)
        ),
    )


def words(fields: Sequence[str]) -> str:
    """The manifest's names as people say them."""
    return ", ".join(field.replace("partitions_def", "partitions").replace("_", " ") for field in fields)


def _named(manifest: Manifest, kind: str, by: str) -> dict[str, Mapping[str, Any]]:
    return {each[by]: each for each in manifest.get(kind, ())}
