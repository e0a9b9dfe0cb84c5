"""Which commit somebody's word was said of: never one that came after it."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.approvals import Wish, commit_asked_for
from tests.builders import NOON

HEAD = "abc1234" + "0" * 33
NEXT = "def5678" + "0" * 33
ALIKE = "abc1234" + "f" * 33
BEFORE, AFTER = NOON - timedelta(seconds=1), NOON + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("/preview", ""),
        ("/preview ", ""),
        ("/preview\n", ""),
        ("/preview\r\nthis looks good", ""),
        ("/Preview", ""),
        ("/preview abc1234", "abc1234"),
        ("/preview\tABC1234", "abc1234"),
        (f"/preview {HEAD}\n", HEAD),
    ],
)
def test_a_comment_that_wants_a_preview(comment: str, expected: str) -> None:
    assert commit_asked_for(comment) == expected


@pytest.mark.parametrize(
    "comment",
    [
        "",
        "\n/preview",
        " /preview",
        "> /preview",
        "`/preview`",
        "please /preview",
        "/preview please",
        "/previews",
        "/preview-all",
        "/preview abc123",
        "/preview abc1234 def5678",
        "/preview main",
        f"/preview {HEAD}0",
        "/preview abc123g",
        "/preview\u2028abc1234",
        "/preview\x0babc1234",
        "/preview abc1234\rmore",
        "<!-- x -->\n/preview",
        "//preview",
    ],
)
def test_a_comment_that_wants_nothing(comment: str) -> None:
    assert commit_asked_for(comment) is None


def wish(commit: str = "", head: str = HEAD) -> Wish:
    return Wish("ada", NOON, commit, head)


def test_the_newest_commit_is_the_one_that_was_there() -> None:
    assert wish().refusal(HEAD, BEFORE) is None


@pytest.mark.parametrize("commit", ["", "abc1234"])
@pytest.mark.parametrize("pushed_at", [NOON, AFTER])
def test_what_was_pushed_later_or_in_the_same_second_is_not_meant(commit: str, pushed_at: datetime) -> None:
    assert wish(commit).refusal(HEAD, pushed_at) == "ada said /preview before abc1234 came"


@pytest.mark.parametrize("commit", ["", "def5678"])
def test_what_we_had_not_heard_of_is_not_meant(commit: str) -> None:
    """A push may overtake the word of it: that of the comment comes first, or that of the push is lost."""
    assert wish(commit).refusal(NEXT, BEFORE) == "ada said /preview before def5678 came"


def test_another_commit_than_the_newest_is_not_shown() -> None:
    expected = "ada said /preview def5678, and the newest commit is abc1234"
    for commit in ("def5678", NEXT):
        assert wish(commit).refusal(HEAD, BEFORE) == expected


def test_a_commit_made_to_begin_alike_is_not_meant() -> None:
    assert wish("abc1234").refusal(ALIKE, AFTER) is not None
    assert wish("abc1234", head=ALIKE).refusal(ALIKE, AFTER) is not None
    assert wish(HEAD).refusal(ALIKE, BEFORE) is not None


def test_a_name_in_full_means_that_commit_whenever_it_came() -> None:
    assert wish(HEAD, head=NEXT).refusal(HEAD, AFTER) is None


@given(
    st.sampled_from(["", "abc1234", HEAD]),
    st.sampled_from([HEAD, NEXT, ALIKE]),
    st.sampled_from([HEAD, NEXT, ALIKE]),
    st.integers(-2, 2),
)
def test_nothing_that_came_later_is_ever_shown_but_by_its_name(
    commit: str, known: str, head: str, seconds: int
) -> None:
    refusal = Wish("ada", NOON, commit, known).refusal(head, NOON + timedelta(seconds=seconds))
    if refusal is None:
        assert commit == head or (head == known and seconds < 0 and head.startswith(commit))
