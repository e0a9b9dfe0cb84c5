"""Signing in through the pages: the whole way to GitHub and back, and what is refused on it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import NoReturn
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.test import TestResponse

from app.domain.events import Selection, Tag
from app.errors import RemoteUnavailable, Unauthenticated
from app.pipeline.sign_in import access_of
from app.web.outside import Gate
from app.web.pages import login
from app.web.pages.login import local
from tests.contract.sign_in.doors import SandboxDoor
from tests.fakes.sign_in import FakeSignIn
from tests.integration.web.signing_in import BEGUN, OURS, SESSION, begin, come_back, enter, form_key, who
from tests.integration.web.world import PLATFORM, World


@pytest.fixture
def github() -> FakeSignIn:
    return FakeSignIn()


@pytest.fixture
def world(migrated_sqlite_url: str, github: FakeSignIn) -> Iterator[World]:
    world = World(migrated_sqlite_url, sign_in=github)
    yield world
    world.close()


def facts(world: World, tag: Tag) -> list[str]:
    with world.records.read() as tx:
        return [it.actor for it in tx.events.page(Selection(tag=tag))]


# -------------------- there and back


def test_the_page_has_one_button(world: World) -> None:
    page = world.client.get("/login?next=/jobs")
    assert page.status_code == 200
    assert page.text.count("<button") == 1
    assert 'name="next" value="/jobs"' in page.text
    assert "form-action 'self' https://github.test;" in page.headers["Content-Security-Policy"]


def test_somebody_signs_in(world: World, github: FakeSignIn) -> None:
    answer = enter(world.client, github, place="/jobs?status=failed")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/jobs?status=failed")
    assert who(world.client) == "ada"
    assert facts(world, Tag.PERSON_SIGNED_IN) == ["person:ada"]


def test_the_question_is_asked_with_pkce_and_without_a_scope(world: World) -> None:
    asked = parse_qs(urlsplit(begin(world.client)).query)
    assert len(asked["code_challenge"][0]) == 43
    assert asked["redirect_uri"] == [f"{PLATFORM.url}/login/callback"]
    assert "scope" not in asked


def test_the_token_of_github_is_kept_encrypted_and_the_former_one_taken_back(
    world: World, github: FakeSignIn
) -> None:
    enter(world.client, github)
    [former] = github.tokens
    enter(world.web.test_client(), github)
    [token] = github.tokens
    assert former != token
    with world.records.read() as tx:
        person = tx.people.by_github_id(1)
    assert person is not None
    assert token.encode() not in (person.access or b"")
    assert access_of(person, world.web.extensions["branchline"].vault) == token


def test_a_session_is_a_new_one_after_each_sign_in(world: World, github: FakeSignIn) -> None:
    enter(world.client, github)
    before = world.client.get_cookie(SESSION, path="/")
    enter(world.client, github)
    after = world.client.get_cookie(SESSION, path="/")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    old = world.web.test_client()
    old.set_cookie(SESSION, before.value, path="/")
    assert who(old) is None
    assert who(world.client) == "ada"


def test_whoever_has_not_signed_in_is_led_to_it_and_back(world: World, github: FakeSignIn) -> None:
    answer = world.client.get("/jobs?status=failed")
    assert answer.status_code == 303
    place = parse_qs(urlsplit(answer.headers["Location"]).query)["next"][0]
    assert enter(world.client, github, place=place).headers["Location"] == "/jobs?status=failed"


def test_who_has_signed_in_may_sign_in_again(world: World, github: FakeSignIn) -> None:
    enter(world.client, github)
    assert '<button class="button primary"' in world.client.get("/login").text
    enter(world.client, github, "grace")
    assert who(world.client) == "grace"


def test_github_of_the_sandbox_lets_somebody_in(
    migrated_sqlite_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    platform = replace(PLATFORM, url="http://127.0.0.1:4711")
    door = SandboxDoor(tmp_path_factory.mktemp("github"))
    world = World(migrated_sqlite_url, platform=platform, sign_in=door.port)
    with closing(door), closing(world):
        begun = world.client.post("/login", headers={"Origin": platform.url})
        back = door.allow(begun.headers["Location"])
        answer = world.client.get(back.removeprefix(platform.url))
        assert answer.status_code == 303, answer.text
        assert who(world.client) == "ada"
        assert come_again(world, back) == 400


def come_again(world: World, address: str) -> int:
    return world.client.get(f"/login/callback?{urlsplit(address).query}").status_code


# -------------------- what is refused


def refused(world: World, answer: TestResponse, status: int, words: str) -> None:
    assert answer.status_code == status, answer.text
    assert words in answer.text
    assert who(world.client) is None
    assert facts(world, Tag.PERSON_SIGNED_IN) == []


def test_who_says_no_is_told_that_nothing_happened(world: World, github: FakeSignIn) -> None:
    answer = come_back(world.client, github.deny(begin(world.client, "/jobs")))
    refused(world, answer, 400, "You told GitHub not to let Branchline know")
    assert 'value="/jobs"' in answer.text


def test_a_wrong_callback_address_names_the_right_one(world: World) -> None:
    answer = world.client.get("/login/callback?error=redirect_uri_mismatch")
    refused(world, answer, 400, "https://branchline.test/login/callback")


@pytest.mark.parametrize("word", ["<script>alert(1)</script>", "x" * 5000, ""])
def test_what_github_never_says_is_not_repeated(world: World, word: str) -> None:
    answer = world.client.get("/login/callback", query_string={"error": word, "error_description": word})
    refused(world, answer, 400, "for a reason that is not known here")
    assert word[:8] not in answer.text or not word


def test_a_state_that_is_not_this_browsers_is_refused(world: World, github: FakeSignIn) -> None:
    begin(world.client)
    theirs = github.allow(begin(world.web.test_client()), "grace")
    refused(world, come_back(world.client, theirs), 400, "not begun in this browser")
    assert "code-" in next(iter(github.codes))  # nobody used it


@pytest.mark.parametrize("query", ["", "code=code-1", "state=x", "code=code-1&state=", "code=a&state=%00"])
def test_an_answer_without_its_parts_is_refused(world: World, query: str) -> None:
    begin(world.client)
    refused(world, world.client.get(f"/login/callback?{query}"), 400, "not begun in this browser")


def test_an_answer_is_good_once(world: World, github: FakeSignIn) -> None:
    address = github.allow(begin(world.client))
    assert come_back(world.client, address).status_code == 303
    assert come_back(world.client, address).status_code == 400
    assert facts(world, Tag.PERSON_SIGNED_IN) == ["person:ada"]


def test_a_code_that_was_used_is_refused(world: World, github: FakeSignIn) -> None:
    address = github.allow(begin(world.client))
    github.codes.clear()
    refused(world, come_back(world.client, address), 401, "begin again")


def test_an_answer_after_ten_minutes_is_refused(world: World, github: FakeSignIn) -> None:
    address = github.allow(begin(world.client))
    world.clock.advance(601)
    refused(world, come_back(world.client, address), 400, "more than ten minutes ago")


def test_a_cookie_that_somebody_changed_is_refused(world: World, github: FakeSignIn) -> None:
    address = github.allow(begin(world.client))
    cookie = world.client.get_cookie(BEGUN, path="/")
    assert cookie is not None
    world.client.set_cookie(BEGUN, f"x{cookie.value}", path="/")
    refused(world, come_back(world.client, address), 400, "not begun in this browser")


def test_a_session_is_not_taken_for_a_beginning(world: World, github: FakeSignIn) -> None:
    enter(world.client, github)
    session = world.client.get_cookie(SESSION, path="/")
    assert session is not None
    other = world.web.test_client()
    other.set_cookie(BEGUN, session.value, path="/")
    assert other.get("/login/callback?code=x&state=x").status_code == 400


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}])
def test_another_site_cannot_begin_a_sign_in(world: World, headers: dict[str, str]) -> None:
    answer = world.client.post("/login", headers=headers)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_githubs_token_is_taken_back_when_it_is_not_kept(
    world: World, github: FakeSignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(world.client, github)
    [kept] = github.tokens
    other = world.web.test_client()
    with monkeypatch.context() as broken:
        broken.setattr(login, "sign_in", failing(RemoteUnavailable("the database is away")))
        assert enter(other, github).status_code == 503
    assert list(github.tokens) == [kept]
    assert who(other) is None
    assert who(world.client) == "ada"


def test_githubs_token_is_taken_back_when_nobody_says_whose_it_is(
    world: World, github: FakeSignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(github, "account", failing(RemoteUnavailable("signing in with GitHub: no answer")))
    refused(world, enter(world.client, github), 503, "signing in with GitHub")
    assert github.tokens == {}


def test_a_sign_in_fails_as_it_failed_when_nothing_can_be_taken_back(
    world: World, github: FakeSignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(github, "account", failing(Unauthenticated("asking GitHub: it said no")))
    monkeypatch.setattr(github, "revoke", failing(RemoteUnavailable("revoking: no answer")))
    refused(world, enter(world.client, github), 401, "Asking GitHub: it said no.")


def failing(error: Exception) -> Callable[..., NoReturn]:
    def fail(*_arguments: object, **_named: object) -> NoReturn:
        raise error

    return fail


def test_without_github_nobody_is_let_in(world: World, github: FakeSignIn) -> None:
    class Away(FakeSignIn):
        def exchange(self, *, code: str, verifier: str, redirect_uri: str) -> str:
            raise RemoteUnavailable(
                f"signing in with GitHub: no answer to {code}{verifier[:0]}{redirect_uri[:0]}"
            )

    del github
    away = Away()
    world.web.extensions["branchline"] = replace(world.web.extensions["branchline"], sign_in=away)
    refused(world, enter(world.client, away), 503, "signing in with GitHub")


def test_few_wait_for_github_at_once(migrated_sqlite_url: str, github: FakeSignIn) -> None:
    calls = Gate(1)
    world = World(migrated_sqlite_url, sign_in=github, calls=calls)
    address = github.allow(begin(world.client))
    with calls.entered("testing"):
        refused(world, come_back(world.client, address), 503, "ask again in a moment")
    assert come_back(world.client, address).status_code == 303
    assert who(world.client) == "ada"
    world.close()


def test_without_a_client_the_page_says_what_to_set(migrated_sqlite_url: str) -> None:
    with closing(World(migrated_sqlite_url)) as world:
        page = world.client.get("/login").text
        assert "GITHUB_CLIENT_ID" in page
        assert f"{PLATFORM.url}/login/callback" in page
        assert "<button" not in page
        assert world.client.post("/login").status_code == 403
        assert world.client.get("/login/callback?code=x&state=x").status_code == 400


# -------------------- where one is led


@pytest.mark.parametrize("place", ["/", "/jobs", "/apps/shop?part=timeline", "/a/../b", "/%2f%2fevil.test"])
def test_places_of_this_site_are_gone_to(place: str) -> None:
    assert local(place) == place


@pytest.mark.parametrize(
    "place",
    [
        None,
        "",
        "jobs",
        "//evil.test",
        "///evil.test",
        "/\\evil.test",
        "\\\\evil.test",
        "/\t/evil.test",
        "/\n/evil.test",
        "/jobs\r\nSet-Cookie: a=b",
        " //evil.test",
        "https://evil.test",
        "https:evil.test",
        "javascript:alert(1)",
        "/jobs\u202e",
        "/" + "x" * 5000,
        "/login?next=/login",
        "/logout",
    ],
)
def test_no_other_place_is(place: str | None) -> None:
    assert local(place) == "/"


@pytest.mark.parametrize("place", ["//evil.test", "https://evil.test", "/\\evil.test"])
def test_nobody_is_led_elsewhere(world: World, github: FakeSignIn, place: str) -> None:
    assert enter(world.client, github, place=place).headers["Location"] == "/"


# -------------------- out again


def test_somebody_signs_out(world: World, github: FakeSignIn) -> None:
    enter(world.client, github)
    other = world.web.test_client()
    enter(other, github)
    answer = world.client.post("/logout", data={"form_key": form_key(world.client)}, headers=OURS)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert world.client.get_cookie(SESSION, path="/") is None
    assert who(world.client) is None
    assert who(other) == "ada"
    assert facts(world, Tag.PERSON_SIGNED_OUT) == ["person:ada"]


def test_a_cookie_that_was_copied_ends_too(world: World, github: FakeSignIn) -> None:
    enter(world.client, github)
    cookie = world.client.get_cookie(SESSION, path="/")
    assert cookie is not None
    world.client.post("/logout", data={"form_key": form_key(world.client)}, headers=OURS)
    thief = world.web.test_client()
    thief.set_cookie(SESSION, cookie.value, path="/")
    assert thief.get("/jobs").status_code == 303


@pytest.mark.parametrize(
    ("key", "headers"), [("wrong", OURS), ("", {}), (None, {"Origin": "https://evil.test"})]
)
def test_nobody_is_signed_out_by_another_site(
    world: World, github: FakeSignIn, key: str | None, headers: dict[str, str]
) -> None:
    enter(world.client, github)
    given = form_key(world.client) if key is None else key
    assert world.client.post("/logout", data={"form_key": given}, headers=headers).status_code == 403
    assert who(world.client) == "ada"


def test_signing_out_twice_is_signing_out_once(world: World) -> None:
    assert world.client.post("/logout").status_code == 303


def test_a_page_does_nothing_without_the_key(world: World, github: FakeSignIn) -> None:
    enter(world.client, github)
    assert world.client.post("/apps/new", data={"name": "shop"}, headers=OURS).status_code == 403
    assert world.client.post("/api/apps", json={"name": "shop"}, headers=OURS).status_code == 403
    elsewhere = {"X-Form-Key": form_key(world.client), "Origin": "https://evil.test"}
    assert world.client.post("/api/apps", json={"name": "shop"}, headers=elsewhere).status_code == 403
