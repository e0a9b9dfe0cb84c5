"""`/account`: tokens and sign-ins, as a person and as an operator sees them."""

import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.domain.rights import Level
from app.web.pages.account import browser_of
from tests.fakes.sign_in import FakeSignIn
from tests.integration.web.people import a_person, let
from tests.integration.web.signing_in import OURS, enter, form_key, who
from tests.integration.web.world import AUTHORIZED, World

TOKEN = re.compile(r"blt_[\w-]{43}")


@pytest.fixture
def github() -> FakeSignIn:
    return FakeSignIn()


@pytest.fixture
def world(migrated_sqlite_url: str, github: FakeSignIn) -> Iterator[World]:
    world = World(migrated_sqlite_url, sign_in=github, operators=frozenset({"grace"}))
    yield world
    world.close()


@pytest.fixture
def ada(world: World, github: FakeSignIn) -> FlaskClient:
    return signed_in(world, github, "ada")


def signed_in(world: World, github: FakeSignIn, login: str) -> FlaskClient:
    browser = world.web.test_client()
    enter(browser, github, login)
    return browser


def send(browser: FlaskClient, path: str, **form: str) -> TestResponse:
    given = {"form_key": form_key(browser), **form}
    return browser.post(f"/account{path}", data=given, headers=OURS)


def make(browser: FlaskClient, **form: str) -> TestResponse:
    return send(browser, "/tokens", **{"name": "ci", "scope": "apps:read", "days": "30", **form})


def test_a_token_is_shown_this_once(world: World, ada: FlaskClient) -> None:
    page = make(ada)
    [token] = set(TOKEN.findall(page.text))
    assert page.headers["Cache-Control"] == "private, no-store"
    assert not TOKEN.search(ada.get("/account").text)
    headers = {"Authorization": f"Bearer {token}"}
    assert world.client.get("/api/me", headers=headers).get_json()["person"]["login"] == "ada"


@pytest.mark.parametrize("days", ["", "0", "367", "-1", "1e9", "9" * 5000, "\u0663" * 5000])
def test_a_span_that_cannot_be_is_refused(ada: FlaskClient, days: str) -> None:
    page = make(ada, days=days)
    assert (page.status_code, TOKEN.search(page.text)) == (400, None)


def test_a_token_is_taken_back(world: World, ada: FlaskClient) -> None:
    token = TOKEN.findall(make(ada).text)[0]
    key = re.findall(r'name="token" value="(tok_\w+)"', ada.get("/account").text)[0]
    assert send(ada, "/tokens/revoke", token=key).headers["Location"] == "/account?done=revoked"
    assert "No tokens" in ada.get("/account?done=revoked").text
    assert world.client.get("/api/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_what_cannot_be_comes_back_as_it_was_typed(ada: FlaskClient) -> None:
    for wrong in ({"name": ""}, {"days": "367"}, {"days": "x"}, {"scope": "all"}, {"name": "<b>\u202e"}):
        page = make(ada, **wrong)
        assert page.status_code == 400, wrong
        assert "making a token" in page.text
    assert 'value="&lt;b&gt;\u202e"' in page.text
    assert make(ada, app="nothing").status_code == 404
    assert "No tokens" in ada.get("/account").text


def test_a_token_is_for_no_app_of_others(world: World, ada: FlaskClient, github: FakeSignIn) -> None:
    app = world.app(1)
    let(world, a_person(world, "bob"), app, Level.ADMIN)
    del github
    assert make(ada, app=app.name).status_code == 404


def test_sign_ins_are_listed_and_ended_one_by_one(world: World, ada: FlaskClient, github: FakeSignIn) -> None:
    other = signed_in(world, github, "ada")
    page = ada.get("/account").text
    assert page.count(">this one<") == 1
    digests = re.findall(r'name="session" value="(\w+)"', page)
    assert len(digests) == 2
    for digest in digests:
        send(ada if who(ada) else other, "/sessions/end", session=digest)
    assert {who(ada), who(other)} == {None}


def test_nobody_ends_the_sign_ins_of_others(world: World, ada: FlaskClient, github: FakeSignIn) -> None:
    grace = signed_in(world, github, "grace")
    digest = re.findall(r'name="session" value="(\w+)"', grace.get("/account").text)[0]
    assert send(ada, "/sessions/end", session=digest).status_code == 404
    assert who(grace) == "grace"


def test_signing_out_everywhere_ends_them_all(world: World, ada: FlaskClient, github: FakeSignIn) -> None:
    other, grace = signed_in(world, github, "ada"), signed_in(world, github, "grace")
    assert send(ada, "/sign-out-everywhere").headers["Location"] == "/login"
    assert [who(it) for it in (ada, other, grace)] == [None, None, "grace"]
    assert [it.login for it in github.tokens.values()] == ["grace"]


def test_tokens_stay_good_when_sign_ins_end(world: World, ada: FlaskClient) -> None:
    token = TOKEN.findall(make(ada).text)[0]
    send(ada, "/sign-out-everywhere")
    assert world.client.get("/api/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_operators_see_those_of_everybody(world: World, ada: FlaskClient, github: FakeSignIn) -> None:
    make(ada, name="of-ada")
    grace = signed_in(world, github, "grace")
    make(grace, name="of-nobody", service="on")
    assert "of-ada" not in grace.get("/account").text
    page = grace.get("/account?everybody=1").text
    assert "of-ada" in page
    assert "of-nobody" in page
    assert "of-nobody" not in ada.get("/account?everybody=1").text
    assert make(ada, service="on").status_code == 403
    world.clock.advance()
    assert "of-ada" in world.client.get("/account", headers=AUTHORIZED).text


@pytest.mark.parametrize("path", ["/tokens", "/tokens/revoke", "/sessions/end", "/sign-out-everywhere"])
def test_no_form_is_taken_without_its_key(ada: FlaskClient, path: str) -> None:
    assert ada.post(f"/account{path}", headers=OURS).status_code == 403
    assert ada.post(f"/account{path}", data={"form_key": "wrong"}).status_code == 403
    assert who(ada) == "ada"


def test_names_of_others_are_text(world: World, ada: FlaskClient) -> None:
    make(ada, name="<script>alert(1)</script>")
    page = ada.get("/account").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    del world


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140 Safari/537.36 Edg/140",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (iPhone; like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1", "Safari on iPhone"),
        ("<script>", "A browser"),
        (None, "A browser"),
    ],
)
def test_a_browser_is_named_as_people_know_it(agent: str | None, told: str) -> None:
    assert browser_of(agent) == told
