"""Keys in one text: a million of them are read, compared and digested as fast as the text is."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Self, overload

_SEARCHES_MAX = 32  # of the whole text, before a dictionary is made of it: it takes as long as forty or so
_SEARCH_LEAST = 64  # characters that a search counts as, however near the key is

_BEGINNING_MAX = 50_000  # keys with one prefix: of more, going through all keys is as quick


class PackedKeys(Sequence[str]):
    """Distinct keys, which never change. Equal ones have an equal ``text``: every key, and an end behind it.

    The end is one character that is in no key: a comma, if there is none in any. How many keys there are, the
    first, the last and the place of one are found in the text, from where the last one was found on: any
    number of keys in their order, or against it, takes one way through it. It is split for those who ask for
    others, once.
    """

    __slots__ = ("_count", "_end", "_found", "_keys", "_ordinals", "_searched", "text")

    def __init__(self, text: str, keys: Sequence[str] | None = None) -> None:
        """The keys that a text is made of; ``keys`` are they where they are known."""
        self.text = text
        self._end = text[-1:]
        self._count = text.count(self._end) if text else 0
        self._keys = keys
        self._ordinals: dict[str, int] | None = None
        self._searched = 0  # characters
        # Where the key found last begins, how many are before it, and whether it was before the one before
        # that; of several threads that of one is kept.
        self._found = (0, 0, False)

    @classmethod
    def of(cls, keys: Sequence[str]) -> Self:
        """The keys, packed."""
        if not keys:
            return cls("")
        return next(packed for end in _ends() if len(packed := cls(end.join(keys) + end, keys)) == len(keys))

    def find(self, key: str) -> int | None:
        """The place of a key, or None if it is not among them."""
        if self._ordinals is None:
            if self._searched <= _SEARCHES_MAX * len(self.text):
                return self._search(key)
            self._ordinals = {each: place for place, each in enumerate(self._split())}
        return self._ordinals.get(key)

    def beginning(self, prefix: str) -> Iterator[int]:
        """The places of the keys that begin so, ascending; few among a million are found in the text."""
        if not self.text or self._end in prefix:
            return
        mark = self._end + prefix
        if self.text.count(mark) > _BEGINNING_MAX:
            yield from (place for place, key in enumerate(self._split()) if key.startswith(prefix))
            return
        if self.text.startswith(prefix):
            yield 0
        place = at = 0
        while 0 <= (found := self.text.find(mark, at)) < len(self.text) - 1:
            place += self.text.count(self._end, at, found + 1)
            at = found + 1
            yield place

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[str, ...]: ...
    def __getitem__(self, at: int | slice) -> str | tuple[str, ...]:
        if isinstance(at, slice):
            return tuple(self._split()[at])
        place = range(self._count)[at]
        if place == 0:
            return self.text[: self.text.index(self._end)]
        if place == self._count - 1:
            return self.text[self.text.rindex(self._end, 0, -1) + 1 : -1]
        return self._split()[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PackedKeys) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def _split(self) -> Sequence[str]:
        if self._keys is None:
            self._keys = self.text.split(self._end)[:-1] if self.text else ()
        return self._keys

    def _search(self, key: str) -> int | None:
        if not self.text or self._end in key:
            return None
        ended = key + self._end
        if self.text.startswith(ended):
            return 0
        if self.text.endswith(self._end + ended):
            return self._count - 1
        at, place, goes_back = self._found
        mark = self._end + ended
        before = self._looked_for(mark, at, goes_back=goes_back)
        if before < 0:
            goes_back = not goes_back
            before = self._looked_for(mark, at, goes_back=goes_back)
        if before < 0:
            return None
        if goes_back:
            place -= self.text.count(self._end, before, at)
        else:
            place += self.text.count(self._end, at, before)
        self._found = (before, place, goes_back)
        return place + 1

    def _looked_for(self, mark: str, at: int, *, goes_back: bool) -> int:
        """Where the mark stands nearest to a place in the text, on this side of it; -1: nowhere."""
        if goes_back:
            found = self.text.rfind(mark, 0, at + 1)
            self._searched += _SEARCH_LEAST + at - max(found, 0)
        else:
            found = self.text.find(mark, at)
            self._searched += _SEARCH_LEAST + (found if found >= 0 else len(self.text)) - at
        return found


def _ends() -> Iterator[str]:
    """What may end keys, first what JSON need not escape; PostgreSQL's has no character 0."""
    return chain(",;|", map(chr, range(1, 0xD800)))
