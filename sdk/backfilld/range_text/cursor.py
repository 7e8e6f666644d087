"""The tokens of a range text, and a place among them."""

import re
from typing import NamedTuple

from backfilld.errors import RangeTextError

MARKS = ",[]"  # beside the three dots of a range
MARKS_OF_TWO = MARKS + "|;="  # of a text about two dimensions
PATTERNS_MAX = 20  # in one text, for each may have to look at every key; a star alone does not


class Token(NamedTuple):
    """A mark, a key in quotes, other text, or the end."""

    kind: str  # "mark", "quoted", "bare" or "end"
    text: str  # of a quoted key without its quotes
    position: int

    @property
    def is_key(self) -> bool:
        """Whether it can be a key, or a name."""
        return self.kind in ("bare", "quoted")

    @property
    def is_pattern(self) -> bool:
        """Whether it has a star that stands for any characters."""
        return self.kind == "bare" and "*" in self.text

    @property
    def described(self) -> str:
        """What it is, for messages."""
        return "the end" if self.kind == "end" else repr(self.text)


class Cursor:
    """A place in a text, from its begin to its end.

    Raises `RangeTextError` for quotes that do not close, and for more patterns than are looked for at once.
    """

    def __init__(self, text: str, marks: str) -> None:
        self.text = text
        self.marks = marks
        self._tokens = _tokens(text, marks)
        self._at = 0
        patterns = [token for token in self._tokens if token.is_pattern and token.text.strip("*")]
        if len(patterns) > PATTERNS_MAX:
            raise self.error(
                f"expected at most {PATTERNS_MAX} patterns in one text, found {len(patterns)}; name ranges, "
                "such as [first...last]",
                patterns[PATTERNS_MAX],
            )

    @property
    def next(self) -> Token:
        """The token to come."""
        return self._tokens[self._at]

    @property
    def at_end(self) -> bool:
        """Whether nothing comes any more."""
        return self.next.kind == "end"

    def sees(self, mark: str, *, ahead: int = 0) -> bool:
        """Whether the token to come, or one so many further on, is this mark."""
        return self._tokens[min(self._at + ahead, len(self._tokens) - 1)][:2] == ("mark", mark)

    def sees_before(self, mark: str, end: str) -> bool:
        """Whether this mark stands anywhere before the next one of another kind."""
        for at in range(self._at, len(self._tokens)):
            token = self._tokens[at]
            if token.kind == "mark" and token.text in (mark, end):
                return token.text == mark
        return False

    def take(self, mark: str) -> bool:
        """Whether the token to come is this mark, which is then passed."""
        is_it = self.sees(mark)
        self._at += is_it
        return is_it

    def advance(self) -> Token:
        """The token to come, which is then passed."""
        self._at += 1
        return self._tokens[self._at - 1]

    def error(self, reason: str, at: Token | None = None, *, near: tuple[str, ...] = ()) -> RangeTextError:
        """The error that points at a token, the one to come if none is given."""
        return RangeTextError(reason, text=self.text, position=(at or self.next).position, near=near)


def quoted(key: str, marks: str) -> str:
    """The key as a text with these marks has it: in quotes where it would not be read as it is."""
    if not re.search(rf"""^$|^[\s"'.]|[\s.]$|[{re.escape(marks)}*\n]|\.\.\.""", key):
        return key
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _tokens(text: str, marks: str) -> list[Token]:
    one_of = re.escape(marks)
    token_at = re.compile(
        r"""(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|"""
        rf"""(?P<mark>\.\.\.|[{one_of}])|(?P<bare>(?:(?!\.\.\.)[^{one_of}])+)""",
        re.DOTALL,
    )
    tokens = []
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        found = token_at.match(text, position)
        assert found is not None, "every character begins some token"
        kind, token = str(found.lastgroup), found[0]
        if kind == "bare" and token[0] in "\"'":
            raise RangeTextError(f"expected a closing {token[0]}, found none", text=text, position=position)
        if kind == "quoted":
            token = re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.DOTALL)
        tokens.append(Token(kind, token.rstrip() if kind == "bare" else token, position))
        position = found.end()
    return [*tokens, Token("end", "", len(text))]
