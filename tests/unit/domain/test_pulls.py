"""Pull requests: old news is told from new, even within one of GitHub's whole seconds."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from app.domain.pulls import PullRequest
from tests.builders import a_pull, at

news = st.builds(
    lambda second, is_open: a_pull(updated_at=at(second), is_open=is_open), st.integers(0, 3), st.booleans()
)


def is_older(pull: PullRequest, known: PullRequest, *, reopens: bool = False) -> bool:
    return pull.is_older_than(known, reopens=reopens)


def test_an_earlier_time_is_older() -> None:
    assert is_older(a_pull(updated_at=at(1)), a_pull(updated_at=at(2)))
    assert not is_older(a_pull(updated_at=at(2)), a_pull(updated_at=at(1)))


def test_being_closed_is_the_last_word_within_a_second() -> None:
    opened, closed = a_pull(), a_pull(is_open=False)
    assert is_older(opened, closed)
    assert not is_older(closed, opened)


def test_being_opened_again_within_that_second_is_newer() -> None:
    assert not is_older(a_pull(), a_pull(is_open=False), reopens=True)


def test_an_earlier_reopening_is_older_all_the_same() -> None:
    assert is_older(a_pull(updated_at=at(1)), a_pull(updated_at=at(2), is_open=False), reopens=True)


@given(news)
def test_the_same_news_is_not_older_than_itself(pull: PullRequest) -> None:
    assert not is_older(pull, pull)


@given(news, news)
def test_two_pieces_of_news_are_not_both_older(one: PullRequest, other: PullRequest) -> None:
    assert not (is_older(one, other) and is_older(other, one))


@given(st.lists(news, min_size=1), st.randoms())
def test_the_order_of_news_does_not_decide_what_is_believed(told: list[PullRequest], random: Random) -> None:
    shuffled = [*told, *told]
    random.shuffle(shuffled)
    assert _believed(shuffled) == _believed(told)


def _believed(told: list[PullRequest]) -> PullRequest:
    known = told[0]
    for pull in told[1:]:
        known = known if is_older(pull, known) else pull
    return known
