"""Server-sent events in pieces."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dispatch.parsing import MOST_EVENT_BYTES, EventParser, EventTooLarge

STREAM = (
    ": open\n\n"
    'event: log\nid: a:1\ndata: {"message":"grüße \\u2028 🎈"}\n\n'
    ": heartbeat\n\n"
    'event: result\nid: a:2\ndata: {"success":true}\n\n'
).encode()
EVENTS = [("log", '{"message":"grüße \\u2028 🎈"}'), ("result", '{"success":true}')]


@given(st.lists(st.integers(1, 40), max_size=30))
def test_pieces_may_be_cut_anywhere(sizes: list[int]) -> None:
    parser, rest, found = EventParser(), STREAM, list[tuple[str, str]]()
    for size in sizes:
        found += parser.feed(rest[:size])
        rest = rest[size:]
    assert found + list(parser.feed(rest)) == EVENTS


@given(st.lists(st.tuples(st.sampled_from(["log", "result", "error"]), st.text(max_size=50)), max_size=20))
def test_any_json_comes_through(events: list[tuple[str, str]]) -> None:
    stream = b"".join(f"event: {name}\nid: x\ndata: {json.dumps(text)}\n\n".encode() for name, text in events)
    assert [(name, json.loads(data)) for name, data in EventParser().feed(stream)] == events


@pytest.mark.parametrize(
    "block",
    [
        b"data: 1",
        b"event: log",
        b"event: invocation\ndata: 1",
        b"event: log\ntext: 1",
        b"",
        b": event: log",
    ],
)
def test_what_is_no_event_of_a_worker_is_passed_over(block: bytes) -> None:
    assert EventParser().feed(block + b"\n\n" + STREAM) == EVENTS


def test_a_carriage_return_does_not_make_two_lines_of_one() -> None:
    assert EventParser().feed(b"event: log\ndata: 1\rdata: 2\n\n") == [("log", "1data: 2")]


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert EventParser().feed(b"event: log\ndata: \xff\n\n") == [("log", "\N{REPLACEMENT CHARACTER}")]


def test_an_event_may_not_grow_for_ever() -> None:
    parser = EventParser()
    for _ in range(MOST_EVENT_BYTES // 1024):
        parser.feed(b"x" * 1024)
    with pytest.raises(EventTooLarge):
        parser.feed(b"x")
