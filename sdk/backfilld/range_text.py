"""Range text: partitions as people write them, such as ``2024-01-05, [2024-02-01...2024-02-29], 2024-03-*``.

::

    text  = item {"," item}
    item  = key | pattern | "[" [key] "..." [key] "]"      a range holds both its ends; an open one goes on
    key   = bare | quoted                                  bare: without , [ ] * and outer spaces or dots
    quoted = '"' ... '"' | "'" ... "'"                     a backslash takes the next character as it is
    pattern = bare with "*" in it                          a star stands for any characters, also none
"""

import re
from typing import NamedTuple

from backfilld.errors import RangeTextError
from backfilld.partitions.base import Partitions
from backfilld.ranges import Interval, Ranges

_TOKEN = re.compile(
    r"""(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<mark>\.\.\.|[,\[\]])|(?P<bare>(?:(?!\.\.\.)[^,\[\]])+)""",
    re.DOTALL,
)
_NEEDS_QUOTES = re.compile(r"""^$|^[\s"'.]|[\s.]$|[,\[\]*\n]""")


class _Token(NamedTuple):
    kind: str  # "mark", "bare", "quoted" or "end"
    text: str  # of a quoted key without its quotes
    position: int


def parse_range_text(text: str, partitions: Partitions) -> Ranges:
    """The partitions that a range text names.

    Raises `RangeTextError`, which knows the place in the text and the keys near to an unknown one.
    """
    return _Parser(text, partitions).parse()


def format_ranges(ranges: Ranges, partitions: Partitions) -> str:
    """The range text of some partitions, ascending; `parse_range_text` gives the same set back."""
    return ", ".join(
        _quoted(first) if first == last else f"[{_quoted(first)}...{_quoted(last)}]"
        for first, last in partitions.key_ranges(ranges)
    )


def _quoted(key: str) -> str:
    if not _NEEDS_QUOTES.search(key):
        return key
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _tokens(text: str) -> list[_Token]:
    tokens = []
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        found = _TOKEN.match(text, position)
        assert found is not None, "every character begins some token"
        kind, token = str(found.lastgroup), found[0]
        if kind == "bare" and token[0] in "\"'":
            raise RangeTextError(f"expected a closing {token[0]}, found none", text=text, position=position)
        if kind == "quoted":
            token = re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.DOTALL)
        tokens.append(_Token(kind, token.rstrip() if kind == "bare" else token, position))
        position = found.end()
    tokens.append(_Token("end", "", len(text)))
    return tokens


class _Parser:
    def __init__(self, text: str, partitions: Partitions) -> None:
        self._text = text
        self._partitions = partitions
        self._tokens = _tokens(text)
        self._at = 0

    def parse(self) -> Ranges:
        chosen = self._item()
        while self._take(","):
            chosen |= self._item()
        if self._next.kind != "end":
            raise self._error(f"expected a comma or the end, found {self._next.text!r}")
        return chosen

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, mark: str) -> bool:
        """Whether the next token is this mark, which is then passed."""
        is_it = self._next[:2] == ("mark", mark)
        self._at += is_it
        return is_it

    def _item(self) -> Ranges:
        if self._take("["):
            return Ranges.of([self._range()])
        token = self._next
        if token.kind == "bare" and "*" in token.text:
            self._at += 1
            return self._matching(token)
        ordinal = self._key("a partition key, a pattern or a range in brackets")
        if self._next[:2] == ("mark", "..."):
            raise self._error("expected a range to stand in brackets, such as [first...last]")
        return Ranges.single(ordinal)

    def _range(self) -> Interval:
        begin = self._next
        last = len(self._partitions) - 1
        start = 0 if self._next.text == "..." else self._key("a partition key or '...'")
        if not self._take("..."):
            raise self._error("expected '...' between the ends of the range")
        end = last if self._next[:2] == ("mark", "]") else self._key("a partition key or ']'")
        if not self._take("]"):
            raise self._error("expected ']' behind the range")
        if end < start and last >= 0:
            raise self._error("expected a range from an earlier to a later key; swap the two", begin)
        return start, end + 1

    def _key(self, expected: str) -> int:
        token = self._next
        if token.kind not in ("bare", "quoted"):
            found = repr(token.text) if token.text else "the end"
            raise self._error(f"expected {expected}, found {found}")
        ordinal = self._partitions.find(token.text)
        if ordinal is None:
            raise self._error(
                f"expected a key of {self._partitions.described()}, found {token.text!r}",
                near=self._partitions.near(token.text),
            )
        self._at += 1
        return ordinal

    def _matching(self, pattern: _Token) -> Ranges:
        prefix, _, rest = pattern.text.partition("*")
        candidates = self._partitions.with_prefix(prefix)
        if rest:
            matches = re.compile(".*".join(map(re.escape, pattern.text.split("*"))), re.DOTALL).fullmatch
            keys = zip(candidates, self._partitions.keys(candidates), strict=True)
            candidates = Ranges.from_ordinals(ordinal for ordinal, key in keys if matches(key))
        if not candidates:
            raise self._error(
                f"expected a pattern that fits {self._partitions.described()}, found {pattern.text!r}",
                pattern,
                near=self._partitions.near(pattern.text.replace("*", "")),
            )
        return candidates

    def _error(self, reason: str, at: _Token | None = None, *, near: tuple[str, ...] = ()) -> RangeTextError:
        position = (at or self._next).position
        return RangeTextError(reason, text=self._text, position=position, near=near)
