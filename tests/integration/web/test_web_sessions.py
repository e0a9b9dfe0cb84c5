"""Sessions of browsers: what a cookie opens, when it ends, and which forms are taken from it."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Response

from app.domain.callers import SESSION_IDLE, SESSION_LIFETIME
from app.errors import NotAllowed
from app.pipeline.sign_in import SignedIn, forget_sessions, sign_in, sign_out, sign_out_everywhere
from app.pipeline.tokens import TokenOrder, make_token
from app.ports.people import Account
from app.web.sessions import check_form, drop_cookie, set_cookie, signed_in
from tests.integration.web.world import PLATFORM, World

ADA = Account(1, "ada", "Ada", None)
NAME = "__Host-branchline"


@pytest.fixture
def ada(world: World) -> SignedIn:
    return enter(world)


def enter(world: World, account: Account = ADA, token: str = "gho_canary") -> SignedIn:
    with world.records.begin() as tx:
        return sign_in(tx, account, token, world.web.extensions["branchline"].vault, world.clock(), agent="A")


def cookie_of(world: World, entered: SignedIn) -> str:
    """Return the cookie that a browser gets, as it would be sent back."""
    with world.web.test_request_context():
        response = Response()
        set_cookie(response, entered.secret)
    header = response.headers["Set-Cookie"]
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(header.split("; "))
    return header.split(";")[0].partition("=")[2]


def who(world: World, cookie: str) -> str | None:
    with world.web.test_request_context(headers={"Cookie": f"{NAME}={cookie}"}):
        found = signed_in()
    return found[1].login if found else None


def test_a_cookie_opens_its_session(world: World, ada: SignedIn) -> None:
    assert who(world, cookie_of(world, ada)) == "ada"


def test_no_cookie_opens_none(world: World) -> None:
    with world.web.test_request_context():
        assert signed_in() is None


@pytest.mark.parametrize("change", [lambda it: it[:-1], lambda it: "x" + it, lambda it: it.partition(".")[0]])
def test_a_cookie_that_somebody_changed_opens_none(world: World, ada: SignedIn, change: object) -> None:
    assert callable(change)
    assert who(world, change(cookie_of(world, ada))) is None


@pytest.mark.parametrize("cookie", ["", ".", "a.b", "x" * 5000, "%00", "é.é"])
def test_nonsense_opens_none(world: World, cookie: str) -> None:
    assert who(world, cookie) is None


def test_the_secret_itself_is_kept_nowhere(world: World, ada: SignedIn) -> None:
    with world.records.read() as tx:
        kept = tx.sessions.get(ada.session.digest)
        person = tx.people.get(ada.person.id)
    assert ada.secret not in repr(kept)
    assert "gho_canary" not in repr(person)


def test_a_session_ends_when_it_is_not_used(world: World, ada: SignedIn) -> None:
    cookie = cookie_of(world, ada)
    world.clock.now += SESSION_IDLE - timedelta(seconds=1)
    assert who(world, cookie) == "ada"
    world.clock.now += SESSION_IDLE - timedelta(seconds=1)
    assert who(world, cookie) == "ada"
    world.clock.now += SESSION_IDLE
    assert who(world, cookie) is None


def test_a_session_ends_however_often_it_is_used(world: World, ada: SignedIn) -> None:
    cookie = cookie_of(world, ada)
    for _ in range(SESSION_LIFETIME.days - 1):
        world.clock.now += timedelta(days=1)
        assert who(world, cookie) == "ada"
    world.clock.now += timedelta(days=1)
    assert who(world, cookie) is None


def test_its_use_is_written_down_once_a_minute(world: World, ada: SignedIn) -> None:
    cookie, began = cookie_of(world, ada), ada.session.seen_at
    world.clock.now += timedelta(seconds=59)
    who(world, cookie)
    assert seen_at(world, ada) == began
    world.clock.now += timedelta(seconds=1)
    who(world, cookie)
    assert seen_at(world, ada) == began + timedelta(minutes=1)


def seen_at(world: World, entered: SignedIn) -> object:
    with world.records.read() as tx:
        session = tx.sessions.get(entered.session.digest)
    assert session is not None
    return session.seen_at


def test_signing_out_ends_one_session(world: World, ada: SignedIn) -> None:
    other = enter(world)
    with world.records.begin() as tx:
        sign_out(tx, ada.session, ada.person, world.clock(), actor="person:ada")
    assert who(world, cookie_of(world, ada)) is None
    assert who(world, cookie_of(world, other)) == "ada"


def test_signing_out_everywhere_ends_all_of_a_person_and_of_nobody_else(world: World, ada: SignedIn) -> None:
    other, grace = enter(world), enter(world, Account(2, "grace", None, None))
    vault = world.web.extensions["branchline"].vault
    with world.records.begin() as tx:
        access = sign_out_everywhere(tx, ada.person, vault, world.clock(), actor="person:ada")
    assert access == "gho_canary"
    assert [who(world, cookie_of(world, it)) for it in (ada, other, grace)] == [None, None, "grace"]
    with world.records.read() as tx:
        assert tx.people.get(ada.person.id).access is None


def test_who_has_tokens_keeps_the_access_that_their_lists_are_made_with(world: World, ada: SignedIn) -> None:
    vault = world.web.extensions["branchline"].vault
    with world.records.begin() as tx:
        make_token(tx, TokenOrder("ci"), ada.person, actor="person:ada", at=world.clock())
        assert sign_out_everywhere(tx, ada.person, vault, world.clock(), actor="person:ada") is None
    assert who(world, cookie_of(world, ada)) is None
    with world.records.read() as tx:
        assert tx.people.get(ada.person.id).access is not None


def test_old_sessions_are_swept(world: World, ada: SignedIn) -> None:
    world.clock.now += SESSION_IDLE
    other = enter(world)
    assert forget_sessions(world.records, world.clock()) == 1
    with world.records.read() as tx:
        assert tx.sessions.get(ada.session.digest) is None
        assert tx.sessions.get(other.session.digest) is not None


def test_a_login_that_changed_stays_the_same_person(world: World, ada: SignedIn) -> None:
    again = enter(world, Account(1, "ada-lovelace", None, None))
    assert (again.person.id, again.person.login) == (ada.person.id, "ada-lovelace")


def test_a_dropped_cookie_is_forgotten_by_its_browser(world: World) -> None:
    with world.web.test_request_context():
        response = Response()
        drop_cookie(response)
    assert "Max-Age=0" in response.headers["Set-Cookie"]


def checked(world: World, entered: SignedIn, headers: Mapping[str, str], form: Mapping[str, str]) -> None:
    everything = {"Cookie": f"{NAME}={cookie_of(world, entered)}", **headers}
    with world.web.test_request_context(method="POST", headers=everything, data=form):
        check_form()


@pytest.mark.parametrize("origin", [{}, {"Origin": PLATFORM.url}, {"Sec-Fetch-Site": "same-origin"}])
def test_a_form_of_ours_passes(world: World, ada: SignedIn, origin: Mapping[str, str]) -> None:
    checked(world, ada, origin, {"form_key": ada.session.form_key})
    checked(world, ada, {"X-Form-Key": ada.session.form_key, **origin}, {})


@pytest.mark.parametrize("key", ["", "wrong", "é"])
def test_a_form_without_the_key_is_refused(world: World, ada: SignedIn, key: str) -> None:
    with pytest.raises(NotAllowed) as caught:
        checked(world, ada, {}, {"form_key": key})
    assert caught.value.error_code == "session:wrong-form-key"


def test_the_key_of_another_session_is_refused(world: World, ada: SignedIn) -> None:
    with pytest.raises(NotAllowed):
        checked(world, ada, {}, {"form_key": enter(world).session.form_key})


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "https://branchline.test.evil.test"},
        {"Origin": "http://branchline.test"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_is_refused(world: World, ada: SignedIn, headers: Mapping[str, str]) -> None:
    with pytest.raises(NotAllowed) as caught:
        checked(world, ada, headers, {"form_key": ada.session.form_key})
    assert caught.value.error_code == "session:foreign-origin"


def test_a_request_with_a_token_needs_no_key(world: World, ada: SignedIn) -> None:
    checked(world, ada, {"Authorization": "Bearer something"}, {})
    with pytest.raises(NotAllowed):
        checked(world, ada, {"Authorization": "Basic something"}, {})


def test_without_https_the_cookie_has_a_plain_name(migrated_sqlite_url: str) -> None:
    world = World(migrated_sqlite_url, platform=replace(PLATFORM, url="http://127.0.0.1:8000"))
    with closing(world), world.web.test_request_context():
        response = Response()
        set_cookie(response, enter(world).secret)
    header = response.headers["Set-Cookie"]
    assert header.startswith("branchline=")
    assert "Secure" not in header
