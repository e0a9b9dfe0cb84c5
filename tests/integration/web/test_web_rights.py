"""Who may do what over HTTP: every route, with the ids of others, of one's own, and without a right."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app.domain.rights import Act, Level, Scope, is_about_an_app, needed
from app.errors import RemoteForbidden, RemoteUnavailable
from app.pipeline.permit import KEPT
from app.web.guard import act_of, is_open
from app.web.lanes import is_long
from app.web.outside import CALLS_AT_ONCE
from app.web.subjects import ARGUMENTS
from tests.builders import a_repository
from tests.integration.web.people import a_person, bearing, let
from tests.integration.web.rights import (
    BODY,
    DEPLOYMENT,
    FILLED,
    NAMED,
    THEIRS,
    UNSAFE,
    make_theirs,
    place,
    rename_job,
)
from tests.integration.web.world import World, error_of


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    world = World(migrated_sqlite_url)
    world.app(1)
    yield world
    world.live.follower.close()
    world.close()


def routes(world: World) -> list[tuple[str, Rule]]:
    """Return every route that asks who sends a request."""
    return [
        (method, rule)
        for rule in world.web.url_map.iter_rules()
        if not is_open(rule.endpoint)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def about(world: World, named: Mapping[str, tuple[str, ...]] = NAMED) -> list[tuple[str, Rule, str]]:
    """Return every route about something that is named, with each of its names."""
    return [
        (method, rule, place(rule, key))
        for method, rule in routes(world)
        for kind, keys in named.items()
        if kind in rule.arguments
        for key in keys
    ]


def asked(world: World, method: str, path: str, headers: Mapping[str, str]) -> TestResponse:
    body = BODY if method in UNSAFE and path.startswith("/api/") else None
    return world.client.open(path, method=method, headers=dict(headers), json=body)


def seen(answer: TestResponse) -> tuple[int, Any, bytes]:
    """Return all that is in an answer."""
    headers = [it for it in answer.headers if it[0] != "Date"]
    found = (answer.status_code, sorted(headers), answer.data)
    answer.close()
    return found


# -------------------- no route is forgotten


def test_every_route_says_what_it_takes_or_has_a_proof_of_its_own(world: World) -> None:
    views = {rule.rule: world.web.view_functions[rule.endpoint] for _, rule in routes(world)}
    assert {path for path, view in views.items() if act_of(view) is None} == set()


def test_the_routes_with_a_proof_of_their_own_are_few(world: World) -> None:
    found = {rule.rule for rule in world.web.url_map.iter_rules() if is_open(rule.endpoint)}
    own_pages = {path for path in found if path.startswith(("/login", "/logout", "/api/login"))}
    assert found - own_pages == {
        "/addresses/<script>",
        "/api/deployments",
        "/api/openapi.json",
        "/healthz",
        "/metrics",
        "/readyz",
        "/static/<path:filename>",
        "/webhooks/deployments",
        "/webhooks/github",
    }


def test_of_every_argument_it_is_known_whose_it_is(world: World) -> None:
    assert {name for _, rule in routes(world) for name in rule.arguments} <= ARGUMENTS
    assert FILLED.keys() | NAMED.keys() == ARGUMENTS


def test_every_act_about_an_app_names_one(world: World) -> None:
    for method, rule in routes(world):
        act = act_of(world.web.view_functions[rule.endpoint])
        if act is not None and is_about_an_app(act) and act is not Act.SEE:
            assert rule.arguments & NAMED.keys(), f"{method} {rule.rule}"


def test_nobody_is_answered_without_a_proof(world: World) -> None:
    make_theirs(world)
    for method, _, path in about(world):
        answer = asked(world, method, path, {})
        assert answer.status_code in {401, 303}, f"{method} {path}"


# -------------------- what is somebody else's


def strangers(world: World) -> dict[str, Mapping[str, str]]:
    """Return the headers of those who may do something, and nothing to what is theirs."""
    mine, ada = world.app(3, repository=a_repository(3)), a_person(world, "ada", is_member=True)
    let(world, ada, mine, Level.ADMIN)
    return {
        "a person": bearing(world, ada),
        "a person's token for another app": bearing(world, ada, app=mine),
        "a service's token for another app": bearing(world, app=mine),
    }


def test_what_is_somebody_elses_looks_like_what_is_not_there(world: World) -> None:
    callers, grace = strangers(world), a_person(world, "grace")
    named = {**NAMED, "job": ("job_theirs",)}
    asks = [(who, method, path) for who in callers for method, _, path in about(world, named)]
    absent = [seen(asked(world, method, path, callers[who])) for who, method, path in asks]
    rename_job(world, make_theirs(world, grace), "job_theirs")
    before, writes = world.dump(), world.host.writes.total()
    for (who, method, path), expected in zip(asks, absent, strict=True):
        answer = seen(asked(world, method, path, callers[who]))
        assert answer == expected, f"{who}: {method} {path}"
        assert answer[0] == 404, f"{who}: {method} {path}: {answer[2]!r}"
    assert (world.dump(), world.host.writes.total()) == (before, writes)


@contextmanager
def trouble(world: World, name: str) -> Iterator[None]:
    """Have it be impossible to look what anybody may do to an app."""
    if name != "full":
        error = {"away": RemoteUnavailable("away"), "forbidden": RemoteForbidden("no")}[name]
        world.host.fail_next(error, call="level", times=10_000)
        yield
        return
    with ExitStack() as stack:
        for _ in range(CALLS_AT_ONCE):
            stack.enter_context(world.web.extensions["branchline"].calls.entered("asking slowly"))
        yield


@pytest.mark.parametrize("name", ["full", "away", "forbidden"])
def test_it_looks_like_what_is_not_there_when_nobody_can_look_too(world: World, name: str) -> None:
    callers, grace = strangers(world), a_person(world, "grace")
    asks = [(who, method, path) for who in callers for method, _, path in about(world)]
    with trouble(world, name):
        absent = [seen(asked(world, method, path, callers[who])) for who, method, path in asks]
        make_theirs(world, grace)
        for (who, method, path), expected in zip(asks, absent, strict=True):
            answer = seen(asked(world, method, path, callers[who]))
            assert answer == expected, f"{who}: {method} {path}"
            assert answer[0] == 404, f"{who}: {method} {path}: {answer[2]!r}"


@pytest.mark.parametrize("name", ["full", "away"])
def test_whoever_was_seen_to_be_let_in_is_told_to_come_later(world: World, name: str) -> None:
    make_theirs(world)
    ada = a_person(world, "ada")
    let(world, ada, THEIRS, Level.READ)
    headers, place = dict(bearing(world, ada)), f"/api/apps/{THEIRS.slug}"
    assert world.client.get(place, headers=headers).status_code == 200
    world.clock.now += KEPT
    with trouble(world, name):
        answer = world.client.get(place, headers=headers)
    assert answer.status_code == 503
    assert THEIRS.repository_name not in answer.text


@pytest.mark.parametrize("path", ["/api/events", "/api/events/stream", "/api/jobs", "/activity", "/jobs"])
@pytest.mark.parametrize("key", [*NAMED["app"], *NAMED["worker"]])
def test_what_is_asked_about_somebody_elses_is_not_there_either(world: World, path: str, key: str) -> None:
    callers = strangers(world)
    make_theirs(world, a_person(world, "grace"))
    # As long as theirs; both are asked about now, for a page may say how much has happened by now.
    nobodys = f"{key[:-1]}9"
    for who, headers in callers.items():
        answer, absent = (
            seen(world.client.get(path, query_string={"app": it}, headers=dict(headers)))
            for it in (key, nobodys)
        )
        assert answer[0] == 404, who
        assert answer == (*absent[:2], absent[2].replace(nobodys.encode(), key.encode())), who


# -------------------- seen, and not allowed


def levels_of(world: World) -> Iterator[tuple[str, str, str, Level]]:
    """Yield every route about an app, with the level that it takes."""
    for method, rule, path in about(world, {kind: NAMED[kind][:1] for kind in ("app", "deployment")}):
        act = act_of(world.web.view_functions[rule.endpoint])
        assert act is not None
        if is_about_an_app(act):
            yield method, path, rule.rule, needed(act)


@pytest.mark.parametrize("level", [Level.READ, Level.WRITE])
@pytest.mark.parametrize("by_scope", [True, False])
def test_what_one_may_see_and_not_do_is_refused(world: World, level: Level, *, by_scope: bool) -> None:
    make_theirs(world)
    ada = a_person(world, "ada")
    let(world, ada, THEIRS, Level.ADMIN if by_scope else level)
    scope = {Level.READ: Scope.READ, Level.WRITE: Scope.DEPLOY}[level] if by_scope else Scope.ADMIN
    headers, before = bearing(world, ada, scope), world.dump()
    tried = 0
    for method, path, rule, wanted in levels_of(world):
        if wanted > level:
            answer = asked(world, method, path, headers)
            assert answer.status_code == 403, f"{method} {rule}: {answer.text[:300]}"
            if rule.startswith("/api/"):
                error = error_of(answer)
                code = "token:too-narrow" if by_scope else "request:not-allowed"
                assert (error["code"], error["details"]["needed"]) == (code, wanted.word)
            tried += 1
    assert tried > 3
    assert world.dump() == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/apps/app-2/rollback"),
        ("POST", "/api/apps/app-2/resume"),
        ("POST", f"/api/deployments/{DEPLOYMENT.id}/promote"),
    ],
)
def test_what_visitors_of_production_see_is_its_admins_to_decide(
    world: World, method: str, path: str
) -> None:
    make_theirs(world)
    ada = a_person(world, "ada")
    let(world, ada, THEIRS, Level.WRITE)
    headers = dict(bearing(world, ada))
    answer = world.client.open(path, method=method, json={"environment": "production"}, headers=headers)
    assert (answer.status_code, error_of(answer)["details"]["needed"]) == (403, "admin")
    answer = world.client.open(path, method=method, json={"environment": "staging"}, headers=headers)
    assert answer.status_code in {202, 409}, answer.text


def test_a_workers_owner_may_do_everything_and_others_nothing(world: World) -> None:
    ada, grace = (a_person(world, login, is_member=True) for login in ("ada", "grace"))
    make_theirs(world, grace)
    assert world.client.get("/api/workers/worker-2", headers=dict(bearing(world, ada))).status_code == 404
    answer = world.client.patch(
        "/api/workers/worker-2", json={"keep": True}, headers=dict(bearing(world, grace))
    )
    assert answer.status_code == 200, answer.text
    refused = world.client.patch(
        "/api/workers/worker-2", json={"keep": True}, headers=dict(bearing(world, grace, Scope.READ))
    )
    assert refused.status_code == 403


def operators_routes(world: World) -> list[tuple[str, str]]:
    return [
        (method, place(rule, "x"))
        for method, rule in routes(world)
        if act_of(world.web.view_functions[rule.endpoint]) is Act.OPERATE
    ]


def test_the_platform_is_operated_by_operators(world: World) -> None:
    ada = a_person(world, "ada", is_member=True)
    for headers in (bearing(world, ada), bearing(world)):
        for method, path in operators_routes(world):
            answer = asked(world, method, path, headers)
            assert answer.status_code == 403, f"{method} {path}"


def test_whatever_waits_for_a_function_holds_no_place_of_others(world: World) -> None:
    calls = {
        place(rule, "x")
        for method, rule in routes(world)
        if act_of(world.web.view_functions[rule.endpoint]) is Act.INVOKE
        if method == "POST" or rule.rule.endswith("/events")
        if not rule.rule.endswith("/jobs")  # they are called by the jobs process
    }
    assert len(calls) >= 8
    assert [path for path in calls if not is_long(path)] == []
