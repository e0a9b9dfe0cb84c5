"""Who may do what over HTTP: every route, with the ids of others, of one's own, and without a right."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app.domain.callers import Person
from app.domain.environments import Environment
from app.domain.events import Event, Tag
from app.domain.jobs import JobType
from app.domain.rights import Act, Level, Scope, is_about_an_app, needed
from app.web.guard import act_of, is_open
from app.web.lanes import is_long
from app.web.subjects import ARGUMENTS
from tests.builders import a_deployment, a_repository, a_version, a_worker, an_app, at
from tests.integration.web.people import a_person, bearing, let
from tests.integration.web.world import World, error_of

THEIRS: Final = an_app(2, repository=a_repository(2))
DEPLOYMENT: Final = a_deployment(2, app_id=THEIRS.id, script=THEIRS.slug, bundle="b" * 64)
WORKER: Final = a_worker(2)
# Each way to name what is somebody else's.
NAMED: Final[Mapping[str, tuple[str, ...]]] = {
    "app": (THEIRS.id, THEIRS.slug, THEIRS.name),
    "deployment": (DEPLOYMENT.id,),
    "job": ("job_theirs",),
    "worker": (WORKER.id, WORKER.slug, WORKER.name),
}
FILLED: Final[Mapping[str, str]] = {
    "environment": "production",
    "function": "hello",
    "guid": "guid-2",
    "invocation": "inv_2",
    "name": "COLOUR",
    "number": "2",
    "path": "index.html",
    "token": "tok_2",
    "version": "ver_0002",
}
# A body that some route takes; the others refuse it, after they asked who sends it.
BODY: Final = {"environment": "production", "value": "blue", "values": {"COLOUR": "blue"}, "heal": "all"}
UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


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


def place(rule: Rule, key: str) -> str:
    """Return a route's path about the thing of that key."""
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: FILLED.get(found[1], key), rule.rule)


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


def make_theirs(world: World, owner: Person | None = None) -> str:
    """Keep an app with all that an app has, and a worker, and return the name of a job."""
    with world.records.begin() as tx:
        tx.apps.add(THEIRS)
        tx.deployments.add(DEPLOYMENT)
        tx.workers.add(a_worker(2, owner_id=owner.id if owner else None, version_id="ver_0002"))
        tx.versions.add(a_version(2, worker_id=WORKER.id))
        tx.events.append(Event(Tag.APP_READY, THEIRS.id, "job", at(1), {}))
        return tx.jobs.enqueue(JobType.PROVISION, THEIRS.id, {"files": []}).id


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


def rename_job(world: World, job_id: str, name: str) -> None:
    with world.database.begin() as connection:
        connection.exec_driver_sql("UPDATE jobs SET id = ? WHERE id = ?", (name, job_id))


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
    ada, grace = (a_person(world, login) for login in ("ada", "grace"))
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


def test_operators_are_people_whom_a_setting_names(migrated_sqlite_url: str) -> None:
    world = World(migrated_sqlite_url, operators=frozenset({"ada"}))
    make_theirs(world)
    ada = a_person(world, "Ada")
    for scope, status in ((Scope.ADMIN, 200), (Scope.DEPLOY, 403)):
        headers = dict(bearing(world, ada, scope))
        assert world.client.get("/api/deliveries", headers=headers).status_code == status
        assert world.client.get("/api/apps/app-2", headers=headers).status_code == 200
        names = [it["name"] for it in world.client.get("/api/apps", headers=headers).get_json()["items"]]
        assert names == ["app-2"]
    world.close()


def test_an_operator_named_by_number_is_whoever_has_that_account(migrated_sqlite_url: str) -> None:
    world = World(migrated_sqlite_url, operators=frozenset({"id:1000"}))
    ada, grace = a_person(world, "ada"), a_person(world, "grace")
    with world.records.begin() as tx:
        tx.people.save(replace(ada, login="ada-lovelace"))
        tx.people.save(replace(grace, login="ada"))
    for person, status in ((ada, 200), (grace, 403)):
        headers = dict(bearing(world, person))
        assert world.client.get("/api/deliveries", headers=headers).status_code == status
    world.close()


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


# -------------------- tokens


def test_a_token_is_good_until_it_ends(world: World) -> None:
    headers = dict(bearing(world, days=1))
    assert world.client.get("/api/apps", headers=headers).status_code == 200
    world.clock.now = at(86_400)
    assert world.client.get("/api/apps", headers=headers).status_code == 401


@pytest.mark.parametrize("token", ["blt_", "blt_nothing", "nothing", "", "é"])
def test_what_is_no_token_opens_nothing(world: World, token: str) -> None:
    answer = world.client.get("/api/apps", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, error_of(answer)["code"]) == (401, "request:unauthenticated")


def test_it_is_noted_when_a_token_was_used(world: World) -> None:
    headers = dict(bearing(world))
    world.client.get("/api/apps", headers=headers)
    with world.records.read() as tx:
        (token,) = tx.api_tokens.list(None)
    assert token.used_at == world.clock()


def test_a_services_token_does_what_its_scope_says_to_every_app(world: World) -> None:
    make_theirs(world)
    reading, deploying = dict(bearing(world, scope=Scope.READ)), dict(bearing(world, scope=Scope.DEPLOY))
    path = "/api/apps/app-2/environments/staging/variables/COLOUR"
    assert len(world.client.get("/api/apps", headers=reading).get_json()["items"]) == 2
    assert world.client.put(path, json={"value": "blue"}, headers=reading).status_code == 403
    assert world.client.put(path, json={"value": "blue"}, headers=deploying).status_code == 201


# -------------------- who did it


def test_facts_name_who_acts_whatever_they_say(world: World) -> None:
    make_theirs(world)
    ada = a_person(world, "ada")
    let(world, ada, THEIRS, Level.ADMIN)
    for headers in (bearing(world, ada), bearing(world)):
        answer = world.client.patch(
            "/api/apps/app-2", json={"heal": "off", "by": "grace"}, headers=dict(headers)
        )
        assert answer.status_code == 200
        with world.records.read() as tx:
            assert tx.events.about(THEIRS.id, limit=1)[0].actor == "token:ci"


def test_the_operators_token_may_say_for_whom(world: World) -> None:
    for by, actor in (({"by": "grace"}, "grace"), ({}, "operator")):
        world.call("PATCH", "/api/apps/app-1", json={"heal": "off", **by})
        with world.records.read() as tx:
            assert tx.events.about("app_0001", limit=1)[0].actor == actor


# -------------------- something new


def test_members_of_the_organisation_ask_for_apps_and_see_them_at_once(world: World) -> None:
    ada, grace = (a_person(world, login, is_member=True) for login in ("ada", "grace"))
    answer = world.client.post("/api/apps", json={"name": "shop"}, headers=dict(bearing(world, ada)))
    assert answer.status_code == 202, answer.text
    with world.records.read() as tx:
        job = tx.jobs.get(answer.get_json()["jobId"])
    assert job.arguments["creator"] == "ada"
    for person, status, names in ((ada, 200, ["shop"]), (grace, 404, [])):
        headers = dict(bearing(world, person))
        assert world.client.get("/api/apps/shop", headers=headers).status_code == status
        assert world.client.get(f"/api/jobs/{job.id}", headers=headers).status_code == status
        listed = world.client.get("/api/apps", headers=headers).get_json()["items"]
        assert [it["name"] for it in listed] == names


def test_others_do_not_ask_for_apps(world: World) -> None:
    ada, grace = a_person(world, "ada"), a_person(world, "grace", is_member=True)
    mine = world.app(3, repository=a_repository(3))
    for headers, code in (
        (bearing(world, ada), "person:not-a-member"),
        (bearing(world, grace, Scope.DEPLOY), "token:too-narrow"),
        (bearing(world, grace, app=mine), "token:too-narrow"),
        (bearing(world, scope=Scope.DEPLOY), "token:too-narrow"),
        (bearing(world, app=mine), "token:too-narrow"),
    ):
        answer = world.client.post("/api/apps", json={"name": "shop"}, headers=dict(headers))
        assert (answer.status_code, error_of(answer)["code"]) == (403, code)
    answer = world.client.post("/api/apps", json={"name": "shop"}, headers=dict(bearing(world)))
    assert answer.status_code == 202


# -------------------- lists


def test_lists_hold_what_one_may_see(world: World) -> None:
    job_id = make_theirs(world)
    ada, grace = (a_person(world, login) for login in ("ada", "grace"))
    let(world, ada, THEIRS, Level.READ)
    for person, found in ((ada, True), (grace, False)):
        headers = dict(bearing(world, person))
        lists = {
            path: world.client.get(path, headers=headers).get_json()["items"]
            for path in ("/api/apps", "/api/events", "/api/jobs", "/api/drift", "/api/workers")
        }
        assert [it["name"] for it in lists["/api/apps"]] == (["app-2"] if found else [])
        assert [it["id"] for it in lists["/api/jobs"]] == ([job_id] if found else [])
        assert {it["appId"] for it in lists["/api/events"]} == ({THEIRS.id} if found else set())
        assert lists["/api/workers"] == lists["/api/drift"] == []


def test_a_token_for_one_app_lists_that_app(world: World) -> None:
    make_theirs(world)
    headers = dict(bearing(world, app=THEIRS))
    names = [it["name"] for it in world.client.get("/api/apps", headers=headers).get_json()["items"]]
    assert names == ["app-2"]
    assert {it["appId"] for it in world.client.get("/api/events", headers=headers).get_json()["items"]} == {
        THEIRS.id
    }
    assert world.client.get("/api/workers", headers=headers).get_json()["items"] == []


def test_apps_are_found_by_a_part_of_their_name_and_by_status(world: World) -> None:
    world.app(12, name="shop-100%_off", repository=a_repository(12))
    for query, count in (("shop", 1), ("0%_o", 1), ("%", 1), ("app", 1), ("APP-1", 1), ("nothing", 0)):
        assert len(world.get("/api/apps", q=query)["items"]) == count, query
    assert len(world.get("/api/apps", status="ready")["items"]) == 2
    assert world.get("/api/apps", status="failed")["items"] == []
    assert world.get("/api/apps", q=Environment.PRODUCTION)["items"] == []
