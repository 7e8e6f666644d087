"""JSON as lines for people: nothing is left out, and nothing in it moves a terminal's cursor."""

from typing import Any

import msgspec

INDENT = "  "
NAMES_OF_KEYS = {"ranges", "count"}  # of a set of partitions, as facts have it


def readable(value: Any) -> list[str]:  # noqa: ANN401 -- any JSON
    r"""A value as lines: a name and what it is, deeper things further right, long texts as they break.

    >>> readable({"asset": "a", "failure": {"message": "one\ntwo"}, "tags": {}, "deps": [{"key": "b"}]})
    ['asset: a', 'failure:', '  message:', '    one', '    two', 'tags: none', 'deps:', '  - key: b']
    >>> readable({"partitions": {"ranges": [["a", "c"], ["f", "f"]], "count": 4}})
    ['partitions: [a...c], f (4)']
    """
    match value:
        case dict() if value.keys() == NAMES_OF_KEYS:
            return [keys_text(value["ranges"], value["count"])]
        case dict() if value:
            return [line for name, each in value.items() for line in named(name, readable(each), each)]
        case list() | tuple() if any(isinstance(each, dict | list | tuple) for each in value):
            return [line for each in value for line in listed(readable(each))]
        case list() | tuple() if value:
            return [", ".join(text_of(each) for each in value)]
        case _:
            return [printable(line) for line in text_of(value).splitlines()] or [""]


def named(name: str, lines: list[str], value: object) -> list[str]:
    """Lines under a name; beside it where it is one that has no names in it."""
    if len(lines) == 1 and is_plain(value):
        return [f"{name}: {lines[0]}".rstrip()]
    return [f"{name}:", *(f"{INDENT}{line}".rstrip() for line in lines)]


def is_plain(value: object) -> bool:
    """Whether it is written without names of its own: a plain value, some of them, or a set of partitions."""
    match value:
        case dict():
            return not value or value.keys() == NAMES_OF_KEYS
        case list() | tuple():
            return not any(isinstance(each, dict | list | tuple) for each in value)
        case _:
            return True


def listed(lines: list[str]) -> list[str]:
    """Lines as one entry of a list."""
    return [f"- {lines[0]}", *(f"{INDENT}{line}" for line in lines[1:])]


def keys_text(ranges: list[list[str]], count: int) -> str:
    """A set of partitions as range text, all of it, and how many they are."""
    texts = [first if first == last else f"[{first}...{last}]" for first, last in ranges]
    return printable(f"{', '.join(texts)} ({count:,})" if count > 1 else ", ".join(texts))


def text_of(value: Any) -> str:  # noqa: ANN401 -- any JSON that has nothing in it
    """A plain value as text."""
    match value:
        case None | [] | {}:
            return "none"
        case str():
            return value
        case _:
            return msgspec.json.encode(value).decode()


def printable(text: str) -> str:
    """The line without what would move a terminal's cursor."""
    return "".join(character if character.isprintable() else " " for character in text).rstrip()
