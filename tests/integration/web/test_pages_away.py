"""Pages while the database is away: who signed in is told so, as bearers of tokens are; nothing is done."""

import re
from collections.abc import Iterator
from typing import NoReturn

import pytest
from flask.testing import FlaskClient

from app.errors import RemoteUnavailable
from app.web.guard import is_open
from app.web.sessions import FORM_FIELD
from tests.fakes.sign_in import FakeSignIn
from tests.integration.web.reading import Page
from tests.integration.web.signing_in import OURS, enter, form_key
from tests.integration.web.world import World

HTML = {"Accept": "text/html"}


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    world = World(migrated_sqlite_url, sign_in=FakeSignIn(), operators=frozenset({"ada"}))
    yield world
    world.close()


@pytest.fixture
def ada(world: World) -> FlaskClient:
    """A browser in which Ada signed in, who may do everything."""
    github = world.web.extensions["branchline"].sign_in
    browser = world.web.test_client()
    assert isinstance(github, FakeSignIn)
    enter(browser, github)
    return browser


@pytest.fixture
def away(world: World, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have the database away from now on, and return what grows with each look."""
    looks = list[int]()

    def refuse() -> NoReturn:
        looks.append(1)
        raise RemoteUnavailable("using database ada@db.internal: refused", code="database:unavailable")

    assert form_key(ada)
    monkeypatch.setattr(world.records, "read", refuse)
    monkeypatch.setattr(world.records, "begin", refuse)
    return looks


def places(world: World, method: str) -> list[str]:
    """Return where each page is that asks who looks at it, or where its forms go."""
    rules = [it for it in world.web.url_map.iter_rules() if it.endpoint.startswith("pages_")]
    wanted = [it for it in rules if method in (it.methods or ()) and not is_open(it.endpoint)]
    return [re.sub(r"<(?:\w+:)?\w+>", "x", it.rule) for it in wanted]


def test_who_signed_in_is_told_on_every_page(world: World, ada: FlaskClient, away: list[int]) -> None:
    found = {place: ada.get(place, headers=HTML) for place in places(world, "GET")}
    assert {"/", "/activity", "/account", "/apps/x", "/workers/new"} < found.keys()
    for place, answer in found.items():
        assert (answer.status_code, answer.mimetype) == (503, "text/html"), place
        assert "The database does not answer" in Page(answer.text).one("p", class_="lead").text
        assert "db.internal" not in answer.text
        assert "data-form-key" not in answer.text
    # Each of them has looked for the session, and nobody waits for another look.
    assert len(away) == len(found)


def test_what_needs_no_database_is_there(ada: FlaskClient, away: list[int]) -> None:
    assert ada.get("/login", headers=HTML).status_code == 200
    assert ada.get("/nowhere", headers=HTML).status_code == 404
    assert len(away) == 2


@pytest.mark.parametrize("form", [{}, {FORM_FIELD: ""}])
def test_nothing_is_done_without_a_key(
    world: World, ada: FlaskClient, away: list[int], form: dict[str, str]
) -> None:
    for place in [*places(world, "POST"), "/logout"]:
        answer = ada.post(place, data=form, headers={**HTML, **OURS})
        assert (answer.status_code, answer.mimetype) == (503, "text/html"), place
    assert away


def test_a_form_of_a_page_without_a_key_is_refused_when_the_database_is_back(
    world: World, ada: FlaskClient, away: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.get("/", headers=HTML)
    monkeypatch.undo()
    assert away
    for place in [*places(world, "POST"), "/logout"]:
        answer = ada.post(place, data={FORM_FIELD: ""}, headers={**HTML, **OURS})
        assert (answer.status_code, answer.mimetype) == (403, "text/html"), place
        assert "session:wrong-form-key" in answer.text


def test_a_database_that_is_back_in_between_opens_nothing(
    world: World, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, looks = world.records.read, list[int]()

    def refuse_once() -> object:
        looks.append(1)
        if len(looks) == 1:
            raise RemoteUnavailable("using database: refused", code="database:unavailable")
        return read()

    monkeypatch.setattr(world.records, "read", refuse_once)
    answer = ada.post("/apps/new", data={"name": "shop", FORM_FIELD: ""}, headers={**HTML, **OURS})
    assert answer.status_code == 503
    assert "<bdi>ada</bdi>" not in answer.text
    with read() as tx:
        assert list(tx.jobs.unfinished()) == []
