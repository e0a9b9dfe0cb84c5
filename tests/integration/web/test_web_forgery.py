"""What another site may have a browser send with the cookie of who signed in: every route refuses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import inspect, text

from app.ports.people import Account
from app.web.guard import is_open
from tests.fakes.sign_in import FakeSignIn
from tests.integration.web.rights import BODY, NAMED, make_theirs, place, rename_job
from tests.integration.web.test_web_sessions import NAME, cookie_of, enter
from tests.integration.web.world import PLATFORM, World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from werkzeug.routing import Rule
    from werkzeug.test import TestResponse

SAFE: Final = {"GET", "HEAD", "OPTIONS"}
# Unsafe, and yet nothing to forge: a signature, a code or a token in each message is their proof.
PROVED: Final = {
    "/api/deployments",
    "/api/login/device",
    "/api/login/device/token",
    "/webhooks/deployments",
    "/webhooks/github",
}
# Who signs in has no session yet, hence no form key: where the form came from is all there is to look at.
KEYLESS: Final = "/login"
FORM: Final = {"name": "forged", "confirmation": "app-2", "environment": "production"}
FOREIGN: Final = ({"Origin": "https://evil.test"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"})


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    """Everything that a route may be about, and Ada, whom nothing but a forged form is refused."""
    world = World(migrated_sqlite_url, operators=frozenset({"ada"}), sign_in=FakeSignIn())
    rename_job(world, make_theirs(world), "job_theirs")
    yield world
    world.live.follower.close()
    world.close()


def signed_in(world: World) -> str:
    """Have Ada's browser send her cookie with whatever asks, and return her form key."""
    entered = enter(world, Account(1, "ada", "Ada", None))
    world.client.set_cookie(NAME, cookie_of(world, entered), path="/")
    return entered.session.form_key


def unsafe(world: World) -> list[tuple[str, Rule]]:
    """Return every route that may change something."""
    return [
        (method, rule)
        for rule in world.web.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - SAFE)
    ]


def forgeable(world: World) -> list[tuple[str, Rule]]:
    """Return every route that takes a session for proof."""
    return [(method, rule) for method, rule in unsafe(world) if rule.rule not in PROVED]


def sent(world: World, method: str, rule: Rule, headers: Mapping[str, str]) -> TestResponse:
    """Send what a route takes: JSON to the API, a form to a page."""
    kind = next((kind for kind in NAMED if kind in rule.arguments), None)
    path = place(rule, NAMED[kind][0] if kind else "")
    given: dict[str, Any] = {"json": BODY} if path.startswith("/api/") else {"data": FORM}
    return world.client.open(path, method=method, headers=dict(headers), **given)


def everything(world: World) -> dict[str, list[str]]:
    """Return every row of every table."""
    tables = inspect(world.database).get_table_names()
    with world.database.connect() as connection:
        return {it: sorted(map(repr, connection.execute(text(f'SELECT * FROM "{it}"')))) for it in tables}  # noqa: S608 - our own names


def refused(world: World, headers: Mapping[str, str], code: str) -> set[str]:
    """Send every form with these headers; return which were, each with that code and without a trace."""
    before, tried = everything(world), set()
    for method, rule in forgeable(world):
        if rule.rule == KEYLESS and code == "session:wrong-form-key":
            continue
        answer = sent(world, method, rule, headers)
        assert answer.status_code == 403, f"{method} {rule}: {answer.status_code} {answer.text[:300]}"
        assert code in answer.text, f"{method} {rule}"
        tried.add(f"{method} {rule}")
    assert everything(world) == before
    assert world.host.writes.total() == 0
    return tried


def test_no_route_takes_a_form_that_lacks_the_key_of_the_sign_in(world: World) -> None:
    signed_in(world)
    for key in ({}, {"X-Form-Key": "wrong"}):
        tried = refused(world, {"Origin": PLATFORM.url, **key}, "session:wrong-form-key")
        assert len(tried) > 50


@pytest.mark.parametrize("headers", FOREIGN)
def test_no_route_takes_a_form_of_another_site_though_it_has_the_key(
    world: World, headers: Mapping[str, str]
) -> None:
    key = signed_in(world)
    tried = refused(world, {"X-Form-Key": key, **headers}, "session:foreign-origin")
    assert {f"POST {KEYLESS}", "POST /logout", "POST /account/tokens"} < tried


def test_no_route_refuses_a_form_of_our_own(world: World) -> None:
    for method, rule in forgeable(world):
        key = signed_in(world)
        answer = sent(world, method, rule, {"Origin": PLATFORM.url, "X-Form-Key": key})
        assert "session:" not in answer.text, f"{method} {rule}"
        assert answer.status_code not in {401, 403}, f"{method} {rule}: {answer.text[:300]}"
        answer.close()


def test_what_has_a_proof_of_its_own_does_not_take_the_cookie_for_it(world: World) -> None:
    key = signed_in(world)
    before = everything(world)
    proved = [(method, rule) for method, rule in unsafe(world) if rule.rule in PROVED]
    assert {rule.rule for _, rule in proved} == PROVED
    assert all(is_open(rule.endpoint) for _, rule in proved)
    for method, rule in proved:
        answer = sent(world, method, rule, {"X-Form-Key": key})
        assert answer.status_code >= 400, f"{method} {rule}"
    assert everything(world) == before
