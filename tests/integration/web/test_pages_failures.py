"""Pages of errors: each says whose move it is, by what happened, and where one signs in again."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.domain.rights import Level, Scope
from app.web.pages import failures
from app.web.sessions import FORM_FIELD
from tests.fakes.sign_in import FakeSignIn
from tests.integration.web.people import a_person, bearing, let
from tests.integration.web.reading import Page
from tests.integration.web.signing_in import OURS, SESSION, enter, form_key
from tests.integration.web.world import PLATFORM, World

MORE_RIGHTS = "Somebody with more rights on this app's repository can do it"


@pytest.fixture
def github() -> FakeSignIn:
    return FakeSignIn()


@pytest.fixture
def world(migrated_sqlite_url: str, github: FakeSignIn) -> Iterator[World]:
    world = World(migrated_sqlite_url, sign_in=github)
    yield world
    world.close()


@pytest.fixture
def ada(world: World, github: FakeSignIn) -> FlaskClient:
    """A browser in which Ada signed in; she is in no organisation."""
    browser = world.web.test_client()
    enter(browser, github)
    return browser


def refused(answer: TestResponse, status: int, code: str, who: str) -> Page:
    """Return the page of an error, which says whose move it is and nobody else's."""
    assert (answer.status_code, answer.mimetype) == (status, "text/html"), answer.text
    shown = Page(answer.text)
    assert f" {code} " in shown.one("section", class_="failure").text
    assert who in shown.text
    assert (MORE_RIGHTS in shown.text) == (who == MORE_RIGHTS)
    return shown


# -------------------- 403


def test_a_right_on_the_repository_is_given_by_who_has_more_of_them(world: World) -> None:
    app, ada = world.app(1), a_person(world, "ada")
    let(world, ada, app, Level.READ)
    answer = world.client.post(f"/apps/{app.slug}/rollback", headers=dict(bearing(world, ada)))
    refused(answer, 403, "request:not-allowed", MORE_RIGHTS)


@pytest.mark.parametrize("path", ["/apps/app-1/rollback", "/account/sign-out-everywhere", "/workers/new"])
def test_a_token_that_may_too_little_stays_as_it_is(world: World, path: str) -> None:
    app, ada = world.app(1), a_person(world, "ada", is_member=True)
    let(world, ada, app, Level.ADMIN)
    answer = world.client.post(path, headers=dict(bearing(world, ada, Scope.READ)))
    refused(answer, 403, "token:too-narrow", "ask with a token that is allowed more")


def test_what_only_a_person_can_do_takes_a_sign_in(world: World) -> None:
    answer = world.client.post("/account/sign-out-everywhere", headers=dict(bearing(world)))
    refused(answer, 403, "token:of-nobody", "Only somebody who signed in can.")


def test_what_is_for_operators_is_given_by_nobody_on_github(ada: FlaskClient) -> None:
    shown = refused(ada.get("/deliveries"), 403, "operator:only", "An operator of this platform can do it")
    assert "BRANCHLINE_OPERATORS" in shown.text


def test_a_token_of_a_service_is_for_operators(world: World) -> None:
    ada = a_person(world, "ada")
    answer = world.call(
        "POST",
        "/api/tokens",
        json={"name": "ci", "scope": "apps:read", "service": True},
        headers=dict(bearing(world, ada)),
    )
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "operator:only")


@pytest.mark.parametrize("path", ["/apps/new", "/workers/new"])
def test_who_is_no_member_is_invited_by_an_owner(ada: FlaskClient, path: str) -> None:
    shown = refused(ada.get(path), 403, "person:not-a-member", "An owner of the organisation can invite you")
    assert "a member of acme" in shown.text


def test_a_form_of_another_sign_in_is_mended_by_loading_the_page_again(ada: FlaskClient) -> None:
    answer = ada.post("/account/tokens", data={FORM_FIELD: "of yesterday"}, headers=OURS)
    refused(answer, 403, "session:wrong-form-key", "load the page that you came from again")


@pytest.mark.parametrize("path", ["/account/tokens", "/logout", "/login"])
def test_a_form_of_another_site_is_sent_again_from_ours(ada: FlaskClient, path: str) -> None:
    given = {FORM_FIELD: form_key(ada)}
    answer = ada.post(path, data=given, headers={"Origin": "https://evil.example"})
    refused(answer, 403, "session:foreign-origin", "If you meant it, do it from a page of this platform")


def test_who_cannot_sign_in_is_told_who_can_change_that(migrated_sqlite_url: str) -> None:
    world = World(migrated_sqlite_url)
    answer = world.client.post("/login", headers=OURS)
    refused(answer, 403, "sign-in:not-set-up", "An operator has to do that")
    world.close()


def test_every_sentence_is_tested() -> None:
    tests = Path(__file__).read_text(encoding="utf-8")
    assert [code for code in failures._WHO_BY_CODE if f'403, "{code}", ' not in tests] == []


# -------------------- 401


def ended(
    world: World, headers: Mapping[str, str] | None = None, cookie: str | None = None
) -> tuple[Page, str]:
    """Return what a form of somebody says whose sign-in has ended, and where it leads."""
    world.app(1)
    browser = world.web.test_client()
    if cookie is not None:
        browser.set_cookie(SESSION, cookie)
    answer = browser.post("/apps/app-1/variables", data={"name": "A"}, headers=headers or {})
    shown = refused(answer, 401, "request:unauthenticated", "Sign in again, and you are back")
    assert shown.one("h1").text == "Your sign-in has ended"
    assert "Bearer" not in shown.text
    return shown, shown.one("a", class_="primary")["href"]


@pytest.mark.parametrize("cookie", [None, "garbage"])
def test_whose_sign_in_has_ended_signs_in_again_on_the_way_to_where_they_were(
    world: World, cookie: str | None
) -> None:
    place = f"{PLATFORM.url}/apps/app-1?environment=staging#variables"
    _, href = ended(world, {"Referer": place, **OURS}, cookie)
    assert href == "/login?next=%2Fapps%2Fapp-1%3Fenvironment%3Dstaging"


@pytest.mark.parametrize(
    "referrer",
    [
        None,
        "https://evil.example/apps/shop",
        f"{PLATFORM.url}.evil.example/apps",
        f"{PLATFORM.url}//evil.example",
        f"{PLATFORM.url}/login?next=/jobs",
        f"{PLATFORM.url}/apps/\\evil.example",
        "http://[",
        "evil.example/apps",
        "/\\evil.example",
        "x" * 5000,
        "nonsense",
    ],
)
def test_signing_in_again_leads_nowhere_else(world: World, referrer: str | None) -> None:
    _, href = ended(world, {"Referer": referrer} if referrer else {})
    assert href == "/login?next=%2F"


def test_who_bears_a_token_has_no_sign_in_that_could_end(world: World) -> None:
    answer = world.client.post("/workers/new", headers={"Authorization": "Bearer blt_no"})
    assert answer.status_code == 401
    assert "Authorization: Bearer" in answer.text
    assert "/login" not in answer.text


def test_programs_are_told_as_before(world: World) -> None:
    answer = world.client.post("/api/workers", json={})
    assert answer.status_code == 401
    assert "send Authorization: Bearer" in answer.get_json()["error"]["message"]
