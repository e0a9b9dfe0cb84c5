"""Events that are kept for readers who come back, pauses, and allowances."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.invocations import Allowance, Transcript, event_id, number_of, pause_seconds
from app.errors import Gone, InvalidInput


def numbers(transcript: Transcript, after: int) -> list[int]:
    return [event.number for event in transcript.after(after)]


def test_events_are_numbered_from_one() -> None:
    transcript = Transcript()
    for n in range(3):
        transcript.add("log", str(n))
    assert [(it.number, it.name, it.data) for it in transcript.after(1)] == [(2, "log", "1"), (3, "log", "2")]
    assert numbers(transcript, 0) == [1, 2, 3]
    assert numbers(transcript, 3) == []
    assert (transcript.first, transcript.last) == (1, 3)


def test_what_was_read_is_let_go_when_there_is_too_much() -> None:
    transcript = Transcript(most_events=4)
    for _ in range(3):
        transcript.add("log", "")
    transcript.read_up_to(3)
    for _ in range(2):
        transcript.add("log", "")
    assert numbers(transcript, 1) == [2, 3, 4, 5]
    with pytest.raises(Gone) as refused:
        transcript.after(0)
    assert refused.value.details == {"oldest": 2}


def test_what_nobody_has_read_is_never_let_go() -> None:
    transcript = Transcript(most_events=4, most_chars=1000)
    for _ in range(50):
        transcript.add("log", "x" * 100)
    assert numbers(transcript, 0) == list(range(1, 51))
    transcript.read_up_to(30)
    assert transcript.first == 31
    transcript.read_up_to(50)
    assert transcript.first == 48  # as many as characters allow


@pytest.mark.parametrize(("events", "chars", "count"), [(10, 10**6, 5), (10**6, 10 * 201, 5)])
def test_it_is_full_when_half_of_it_is_unread(events: int, chars: int, count: int) -> None:
    transcript = Transcript(most_events=events, most_chars=chars)
    for n in range(1, count + 1):
        assert not transcript.is_full
        transcript.add("log", "x")
        assert transcript.is_full == (n == count)
    transcript.read_up_to(1)
    assert not transcript.is_full


@given(
    st.lists(st.one_of(st.integers(0, 60), st.text(max_size=30)), max_size=80),
    st.integers(2, 20),
    st.integers(500, 9000),
)
def test_a_reader_gets_every_event_once_and_memory_is_bounded(
    steps: list[int | str], most_events: int, most_chars: int
) -> None:
    """Text is added when there is room; a number makes the reader take what there is, up to so many."""
    transcript, seen, added = Transcript(most_events, most_chars), list[str](), list[str]()
    position = 0
    for step in steps:
        if isinstance(step, str):
            if not transcript.is_full:
                transcript.add("log", step)
                added.append(step)
        else:
            for event in transcript.after(position)[:step]:
                assert event.number == position + 1
                position = event.number
                seen.append(event.data)
            transcript.read_up_to(position)
        assert transcript.chars <= most_chars + 230  # one event may be there beyond the limit
        assert transcript.last - transcript.first + 1 <= most_events + 1
    assert seen + [event.data for event in transcript.after(position)] == added


def test_ids_of_events_are_read_back() -> None:
    assert number_of("abc", event_id("abc", 7)) == 7
    assert number_of("a:b", event_id("a:b", 0)) == 0


@pytest.mark.parametrize("named", ["", "abc", "abc:", "abc:x", "abc:-1", "abd:1", "abc:٣", f"abc:{'9' * 10}"])
def test_other_ids_are_refused(named: str) -> None:
    with pytest.raises(InvalidInput):
        number_of("abc", named)


def test_pauses_grow_and_stay_bearable() -> None:
    pauses = [pause_seconds(attempt) for attempt in range(1, 12)]
    assert pauses[:4] == [2, 4, 8, 16]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 600


def test_an_allowance_fills_up_with_time() -> None:
    allowance = Allowance(per_second=2, burst=3, now=0)
    assert [allowance.take(0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert allowance.take(0.4) == pytest.approx(0.1)
    assert allowance.take(0.5) == 0
    assert not allowance.is_whole(1.9)
    assert allowance.is_whole(2)
    assert [allowance.take(100) for _ in range(4)] == [0, 0, 0, 0.5]
