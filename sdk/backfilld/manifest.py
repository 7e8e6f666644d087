"""Temporary."""

from backfilld.definitions import Definitions


def manifest_of(definitions: Definitions, *, code_location: str) -> dict:
    return {
        "version": 1,
        "code_location": code_location,
        "assets": [{"key": str(k)} for k in sorted(definitions.assets)],
        "jobs": [],
    }
