"""Drift over the API: what is open, looking for it, policies, passes."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.apps import AppStatus, Heal
from app.domain.drift import NOBODY, Drift, Kind
from app.domain.events import Tag
from app.domain.jobs import JobType
from tests.builders import at
from tests.integration.web.world import World, error_of


@pytest.fixture
def world(world: World) -> World:
    world.app()
    return world


def found(world: World, *drifts: Drift) -> None:
    with world.records.begin() as tx:
        for drift in drifts:
            tx.drifts.save(drift)


def a_drift(number: int = 1, **changes: Any) -> Drift:
    drift = Drift("app_0001", Kind.WORKFLOW_EDITED, f"file {number}", {"seen": None}, at(number), at(number))
    return replace(drift, **changes)


def test_open_drift_of_an_app_is_told_with_its_policy(world: World) -> None:
    found(world, a_drift(1), a_drift(2, is_open=False), a_drift(3, app_id="app_0002"))
    assert world.call("GET", "/api/apps/app-1/drift").get_json() == {
        "appId": "app_0001",
        "heal": "safe",
        "items": [
            {
                "appId": "app_0001",
                "kind": "workflow:edited",
                "subject": "file 1",
                "facts": {"seen": None},
                "healedBy": "all",
                "foundAt": "2026-11-22T12:00:01Z",
                "seenAt": "2026-11-22T12:00:01Z",
            }
        ],
    }


def test_an_app_that_does_not_exist_has_no_drift(world: World) -> None:
    for method in ("GET", "POST"):
        answer = world.call(method, "/api/apps/nothing/drift", json={} if method == "POST" else None)
        assert (answer.status_code, error_of(answer)["code"]) == (404, "app:not-found")


def test_all_open_drift_is_paged(world: World) -> None:
    found(
        world, *(a_drift(number) for number in range(5)), a_drift(9, app_id=NOBODY, kind=Kind.SCRIPT_ORPHAN)
    )
    subjects, cursor = list[str](), ""
    for _ in range(3):
        page = world.call("GET", f"/api/drift?limit=2{cursor}").get_json()
        subjects += [item["subject"] for item in page["items"]]
        cursor = f"&cursor={page['nextCursor']}"
    assert (subjects, page["nextCursor"]) == ([f"file {it}" for it in (9, 4, 3, 2, 1, 0)], None)


def test_a_cursor_of_another_list_is_refused(world: World) -> None:
    found(world, a_drift(1))
    answer = world.call("GET", "/api/drift?cursor=MjAyNi0xMS0yMlQxMjowMDowMCswMDowMCBhcHBfMDAwMQ")
    assert (answer.status_code, error_of(answer)["code"]) == (400, "request:invalid-cursor")


@pytest.mark.parametrize(("body", "arguments"), [({}, {}), ({"heal": "all"}, {"heal": "all"})])
def test_a_look_is_a_job(world: World, body: Any, arguments: Any) -> None:
    answer = world.call("POST", "/api/apps/app-1/drift", json=body)
    assert answer.status_code == 202
    told = answer.get_json()
    with world.records.read() as tx:
        job = tx.jobs.get(told["jobId"])
    assert (job.type, job.app_id, job.arguments) == (JobType.RECONCILE, "app_0001", arguments)
    assert told["pollUrl"] == f"https://branchline.test/api/jobs/{job.id}"


def test_an_app_that_is_being_deleted_is_not_looked_at(world: World) -> None:
    with world.records.begin() as tx:
        tx.apps.save(replace(tx.apps.get("app_0001"), status=AppStatus.DELETING))
    answer = world.call("POST", "/api/apps/app-1/drift", json={})
    assert (answer.status_code, error_of(answer)["code"]) == (409, "app:deleting")


@pytest.mark.parametrize("body", [{"heal": "some"}, {"heal": 1}, {"more": 1}, {"heal": ["all"]}])
def test_what_is_no_policy_is_refused(world: World, body: Any) -> None:
    assert world.call("POST", "/api/apps/app-1/drift", json=body).status_code == 400
    assert world.call("PATCH", "/api/apps/app-1", json=body).status_code == 400


def test_an_apps_policy_is_decided_and_left_to_the_platform(world: World) -> None:
    told = world.call("PATCH", "/api/apps/app-1", json={"heal": "off", "by": "ada"}).get_json()
    assert told == {"appId": "app_0001", "heal": "off", "isOwn": True}
    with world.records.read() as tx:
        assert tx.apps.get("app-1").heal is Heal.OFF
        (event, *_) = tx.events.about("app_0001")
    assert (event.tag, event.actor, event.payload) == (Tag.APP_POLICY_SET, "ada", {"heal": "off"})
    told = world.call("PATCH", "/api/apps/app-1", json={"heal": None}).get_json()
    assert told == {"appId": "app_0001", "heal": "safe", "isOwn": False}


def test_a_pass_tells_what_it_takes_and_is_begun_once(world: World) -> None:
    estimate = {"apps": 1, "scripts": 0, "githubCalls": 3, "cloudflareCalls": 4, "seconds": 7}
    assert world.call("GET", "/api/reconcile").get_json() == estimate
    first = world.call("POST", "/api/reconcile", json={})
    assert (first.status_code, first.get_json()["estimate"]) == (202, estimate)
    again = world.call("POST", "/api/reconcile", json={}).get_json()
    assert again["jobId"] == first.get_json()["jobId"]
    assert world.call("POST", "/api/reconcile", json={"now": True}).status_code == 400


def test_nobody_looks_without_the_token(world: World) -> None:
    for method, path in [
        ("GET", "/api/drift"),
        ("GET", "/api/reconcile"),
        ("POST", "/api/reconcile"),
        ("GET", "/api/apps/app-1/drift"),
        ("PATCH", "/api/apps/app-1"),
    ]:
        assert world.client.open(path, method=method, json={}).status_code == 401
