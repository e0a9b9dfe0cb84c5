"""The HTTP API: who may ask, how it says no, and what it never tells."""

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.apps import AppStatus
from app.errors import Gone, Misconfigured, NotAllowed, RateLimited, RemoteConflict, RemoteUnavailable
from app.web import create_app
from tests.builders import NOON
from tests.integration.web.ordering import create
from tests.integration.web.world import CANARIES, TOKEN, World, a_message, an_end, deploy_secret, error_of
from tests.issuer import token

ROUTES = [
    ("POST", "/api/apps"),
    ("GET", "/api/apps"),
    ("GET", "/api/apps/app-1"),
    ("DELETE", "/api/apps/app-1"),
    ("GET", "/api/apps/app-1/deployments"),
    ("GET", "/api/deployments/dpl_0001_1"),
    ("GET", "/api/jobs/job_1"),
    ("GET", "/api/deliveries"),
    ("GET", "/api/deliveries/guid-1"),
]


# -------------------- who may ask, for what


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN} {TOKEN}",
        "Bearer é",
    ],
)
def test_nobody_asks_without_the_token(
    world: World, method: str, path: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = world.call(method, path, headers=headers, json={"name": "hello"} if method == "POST" else None)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert error_of(answer)["code"] == "request:unauthenticated"
    assert TOKEN not in answer.text


@pytest.mark.parametrize("authorization", [f"bearer {TOKEN}", f"BEARER  {TOKEN}", f"Bearer {TOKEN} "])
def test_the_scheme_is_read_generously(world: World, authorization: str) -> None:
    answer = world.call("GET", "/api/apps", headers={"Authorization": authorization})
    assert answer.status_code == 200


def test_the_token_is_asked_for_before_the_body_is_read(world: World) -> None:
    answer = world.call("POST", "/api/apps", headers={"Content-Type": "application/json"}, data=b"{")
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/apps/nothing", "app:not-found"),
        ("/api/apps/nothing/deployments", "app:not-found"),
        ("/api/deployments/nothing", "deployment:not-found"),
        ("/api/jobs/nothing", "job:not-found"),
        ("/api/deliveries/nothing", "delivery:not-found"),
        ("/api/apps/%00", "app:not-found"),
        ("/api/apps/%F0%9F%92%A9", "app:not-found"),
        ("/api/apps/..", "app:not-found"),
    ],
)
def test_what_is_not_there_is_not_found(world: World, path: str, code: str) -> None:
    answer = world.call("GET", path)
    assert answer.status_code == 404
    assert error_of(answer)["code"] == code


def test_an_id_is_not_too_long(world: World) -> None:
    assert world.call("GET", f"/api/apps/{'x' * 101}").status_code == 400


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/apps/", "/api/nothing", "/nothing", "/api/apps/a/b"])
def test_an_unknown_route_is_told_in_our_form(world: World, path: str) -> None:
    answer = world.call("GET", path)
    assert answer.status_code == 404
    assert error_of(answer)["code"] == "request:not-found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/apps", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("POST", "/api/apps/x", {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH"}),
        ("DELETE", "/api/jobs/x", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_method_that_a_route_does_not_have_is_refused(
    world: World, method: str, path: str, allowed: set[str]
) -> None:
    answer = world.call(method, path)
    assert answer.status_code == 405
    assert error_of(answer)["code"] == "request:method-not-allowed"
    assert set(answer.headers["Allow"].split(", ")) == allowed


# -------------------- when it breaks


class Failing:
    """Records whose every transaction fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def begin(self) -> Any:
        raise self._error

    read = begin


def failing(url: str, error: Exception) -> World:
    return World(url, records=Failing(error))


def test_what_we_did_not_foresee_is_logged_and_not_told(
    migrated_sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    world = failing(migrated_sqlite_url, RuntimeError("canary: /secret/path"))
    answer = world.call("GET", "/api/apps")
    assert answer.status_code == 500
    error = error_of(answer)
    assert error["code"] == "branchline:broken"
    reference = error["details"]["reference"]
    assert reference in error["message"]
    assert reference in caplog.text
    assert "canary" in caplog.text
    assert "canary" not in answer.text
    assert "Traceback" not in answer.text
    world.close()


@pytest.mark.parametrize(
    ("error", "status", "code", "headers"),
    [
        (NotAllowed("no"), 403, "request:not-allowed", {}),
        (Gone("gone"), 410, "request:gone", {}),
        (RemoteUnavailable("away"), 503, "remote:unavailable", {}),
        (RateLimited("slow", retry_at=NOON), 503, "remote:rate-limited", {"Retry-After": "1"}),
        (RemoteConflict("taken", code="a:b", x=1), 502, "a:b", {}),
        (Misconfigured("X", "is missing", "get one"), 500, "branchline:broken", {}),
    ],
)
def test_every_error_has_its_status(
    migrated_sqlite_url: str, error: Exception, status: int, code: str, headers: dict[str, str]
) -> None:
    world = failing(migrated_sqlite_url, error)
    answer = world.call("GET", "/api/apps")
    assert answer.status_code == status
    assert error_of(answer)["code"] == code
    assert {name: answer.headers[name] for name in headers} == headers
    world.close()


def test_a_rate_limit_says_when_to_come_back(migrated_sqlite_url: str) -> None:
    retry_at = datetime.now(UTC) + timedelta(seconds=120)
    world = failing(migrated_sqlite_url, RateLimited("slow", retry_at=retry_at))
    assert 100 <= int(world.call("GET", "/api/apps").headers["Retry-After"]) <= 120
    world.close()


def test_a_locked_database_stops_no_reader(world: World) -> None:
    world.app()
    with world.database.connect() as other:
        other.exec_driver_sql("ROLLBACK")
        other.exec_driver_sql("BEGIN IMMEDIATE")
        assert world.call("GET", "/api/apps/app-1").status_code == 200
        answer = create(world)
        other.exec_driver_sql("ROLLBACK")
        other.exec_driver_sql("BEGIN")
    assert answer.status_code == 503
    assert create(world).status_code == 202


# -------------------- health


def test_health_needs_no_token(world: World) -> None:
    assert world.client.get("/healthz").get_json() == {"status": "ok"}
    assert world.client.get("/readyz").get_json() == {"status": "ready"}


def test_a_process_that_cannot_work_is_not_ready(world: World) -> None:
    world.is_ready = False
    answer = world.client.get("/readyz")
    assert answer.status_code == 503
    assert error_of(answer)["code"] == "database:not-migrated"
    assert world.client.get("/healthz").status_code == 200


# -------------------- secrets


def test_no_answer_and_no_log_holds_a_secret(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world.app(status=AppStatus.READY)
    world.ask(a_message(), token())
    world.ask(an_end(), token())
    world.github({"repository": {"id": 1}})
    job_id = create(world).get_json()["jobId"]
    deployment_id = world.get("/api/apps/app-1/deployments")["items"][0]["id"]
    paths = [
        *("/api/apps", "/api/apps/app-1", "/api/apps/app-1/deployments", "/api/openapi.json"),
        *(f"/api/deployments/{deployment_id}", f"/api/jobs/{job_id}", "/api/apps/nothing", "/nothing"),
        *("/api/deliveries", "/api/deliveries/msg_1", "/api/deliveries/guid-1", "/healthz", "/readyz"),
    ]
    answers = [world.call("GET", path).text for path in paths]
    answers.append(world.call("GET", "/api/apps", headers={"Authorization": "Bearer wrong"}).text)
    told = json.dumps(answers) + caplog.text + world.dump()
    secrets = (*CANARIES, deploy_secret("app_0001"), "whsec_")
    assert [secret for secret in secrets if secret in told] == []


def test_a_database_that_is_away_is_not_described_to_strangers(world: World) -> None:
    def away() -> None:
        raise RemoteUnavailable("using database bob@db.internal: refused", code="database:unavailable")

    web = create_app(replace(world.web.extensions["branchline"], check_ready=away))
    answer = web.test_client().get("/readyz")
    assert answer.status_code == 503
    assert error_of(answer)["code"] == "database:unavailable"
    assert "db.internal" not in answer.get_data(as_text=True)
