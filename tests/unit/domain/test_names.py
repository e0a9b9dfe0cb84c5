"""Names: what slugs are made of, which script an environment lives in, what an app may be called."""

import random
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.environments import Environment
from app.domain.names import MAXIMUM_LABEL, check_app_name, is_slug, new_id, new_slug, script_name
from app.errors import InvalidInput

DNS_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
SLUG = re.compile(r"[a-z][a-z0-9]{7}")

slugs = st.integers().map(lambda seed: new_slug(random.Random(seed)))  # noqa: S311 - repeatable on purpose
environments = st.sampled_from(Environment)
pull_requests = st.none() | st.integers(min_value=1, max_value=10**9)
places = st.tuples(slugs, environments, pull_requests)


@given(slugs)
def test_a_slug_is_eight_letters_and_digits_that_start_with_a_letter(slug: str) -> None:
    assert SLUG.fullmatch(slug)


@given(slugs)
def test_a_slug_spells_no_word_and_is_not_misread(slug: str) -> None:
    assert not set(slug) & set("aeiouy01l")


def test_slugs_are_told_apart() -> None:
    entropy = random.Random(1)  # noqa: S311 - repeatable on purpose
    assert len({new_slug(entropy) for _ in range(10_000)}) == 10_000


def test_a_slug_is_told_from_words() -> None:
    assert all(is_slug(new_slug(random.Random(seed))) for seed in range(1000))  # noqa: S311 - repeatable
    assert not any(map(is_slug, ("frontend", "k7x2m9q", "k7x2m9qdd", "77x2m9qd", "k7x2m9qd\n", "")))


def test_an_id_sorts_by_the_time_it_was_made() -> None:
    noon = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    ids = [new_id("app", noon + timedelta(milliseconds=number)) for number in range(100)]
    assert ids == sorted(ids)
    assert all(re.fullmatch(r"app_[0-9a-z]{26}", made) for made in ids)


def test_scripts_are_named_by_environment_and_pull_request() -> None:
    assert script_name("bcdfghjk", Environment.PRODUCTION) == "bcdfghjk"
    assert script_name("bcdfghjk", Environment.STAGING) == "staging-bcdfghjk"
    assert script_name("bcdfghjk", Environment.PREVIEW) == "preview-bcdfghjk"
    assert script_name("bcdfghjk", Environment.PREVIEW, 7) == "preview-pr7-bcdfghjk"


def test_a_pull_request_names_only_previews() -> None:
    assert script_name("bcdfghjk", Environment.PRODUCTION, 7) == "bcdfghjk"
    assert script_name("bcdfghjk", Environment.STAGING, 7) == "staging-bcdfghjk"


@given(places)
def test_a_script_is_named_by_one_dns_label(place: tuple[str, Environment, int | None]) -> None:
    assert DNS_LABEL.fullmatch(script_name(*place))


@given(places, places)
def test_two_places_never_share_a_script(
    one: tuple[str, Environment, int | None], other: tuple[str, Environment, int | None]
) -> None:
    assert (script_name(*one) == script_name(*other)) == (_place(*one) == _place(*other))


def _place(slug: str, environment: Environment, number: int | None) -> tuple[str, Environment, int | None]:
    return slug, environment, number if environment is Environment.PREVIEW else None


def test_a_script_name_fills_a_label_and_no_more() -> None:
    longest = "b" * (MAXIMUM_LABEL - len("preview-pr7-"))
    assert len(script_name(longest, Environment.PREVIEW, 7)) == MAXIMUM_LABEL
    with pytest.raises(InvalidInput, match="longer than 63"):
        script_name(longest + "b", Environment.PREVIEW, 7)


@pytest.mark.parametrize("name", ["a", "7", "hello", "my-app-2", "a--b", "x" * 50])
def test_an_app_may_be_called(name: str) -> None:
    assert check_app_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "-a", "a-", "-", "A", "a b", "a_b", "a.b", "a/b", "../a", "a\n", "\u00e4", "\u0661", "x" * 51],
)
def test_an_app_may_not_be_called(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_app_name(name)
    assert refused.value.error_code == "app:invalid-name"


def test_a_refused_name_is_not_repeated_at_length() -> None:
    with pytest.raises(InvalidInput) as refused:
        check_app_name("x" * 100_000)
    assert len(str(refused.value)) < 300


@given(st.text(max_size=60))
def test_every_name_that_is_allowed_is_a_dns_label(name: str) -> None:
    try:
        check_app_name(name)
    except InvalidInput:
        return
    assert DNS_LABEL.fullmatch(name)
