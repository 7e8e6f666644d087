"""Server-sent events come as they were sent, however the bytes are cut, and whatever is in them."""

from collections.abc import AsyncIterator
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from daemon.cli.sent_events import SentEvent, sent_events

SENT = (
    b": behind\nid: 3\n\n"
    b'id: 4\nevent: fact\ndata: {"error": "a\xe2\x80\xa8b\xc2\x85c\x0bd\x1ce: f"}\n\n'
    b": still here\n\n"
    b"id: 5\r\ndata: 1\r\ndata: 2\r\n\r\n"
    b"id: 6\ndata: cut off\n"
)
EVENTS = [
    SentEvent("3", b""),
    SentEvent("4", b'{"error": "a\xe2\x80\xa8b\xc2\x85c\x0bd\x1ce: f"}'),
    SentEvent("5", b"1\n2"),
]


async def in_pieces(cuts: list[int]) -> AsyncIterator[bytes]:
    bounds = [0, *sorted(cuts), len(SENT)]
    for first, last in pairwise(bounds):
        yield SENT[first:last]


@given(st.lists(st.integers(0, len(SENT)), max_size=8))
async def test_events_come_whole_however_they_are_cut(cuts: list[int]) -> None:
    assert [event async for event in sent_events(in_pieces(cuts))] == EVENTS
