"""Many files in one commit over HTTP, and the commits of where an app came from."""

import base64
from typing import Any

import pytest

from app.domain.apps import AppStatus
from app.domain.events import Tag
from app.domain.jobs import JobType
from tests.integration.web.described import assert_described
from tests.integration.web.files import ICON, README, commit, facts, head, main, with_files
from tests.integration.web.world import World, error_of


@pytest.fixture
def world(world: World) -> World:
    return with_files(world)


# -------------------- many files


def test_many_files_are_one_commit(world: World) -> None:
    before = head(world)
    answer = commit(
        world,
        files=[
            {"path": "a.txt", "content": "a"},
            {"path": "b.bin", "content": base64.b64encode(ICON).decode(), "encoding": "base64"},
            {"path": "icon.png", "delete": True},
        ],
        parent=before,
    )
    body = answer.get_json()
    assert answer.status_code == 201
    assert body == {
        "branch": "main",
        "branchUrl": "https://github.example/acme/app-1/tree/main",
        "commit": head(world),
        "htmlUrl": f"https://github.example/acme/app-1/commit/{head(world)}",
        "changed": True,
        "pullRequest": None,
    }
    assert set(main(world)) == {"README.md", "a.txt", "b.bin", "src/index.ts"}
    assert world.host.repository("acme/app-1").commits[head(world)].parent == before
    (fact,) = facts(world)
    assert (fact.tag, fact.actor) == (Tag.FILES_COMMITTED, "operator")
    assert fact.payload["paths"] == ["a.txt", "b.bin", "icon.png"]


def test_nothing_to_change_is_said(world: World) -> None:
    before = head(world)
    answer = commit(world, files=[{"path": "README.md", "content": README.decode()}])
    assert answer.status_code == 200
    assert (answer.get_json()["commit"], answer.get_json()["changed"]) == (before, False)
    assert facts(world) == []


def test_a_new_branch_and_its_pull_request_in_one_call(world: World) -> None:
    asked = {"branch": "blue", "createBranch": True, "pullRequest": {"title": "Blue", "body": "Look"}}
    answer = commit(world, **asked)
    (pull,) = world.host.repository("acme/app-1").pulls
    url = f"https://github.test/acme/app-1/pull/{pull.number}"
    assert answer.status_code == 201
    assert answer.get_json()["pullRequest"] == {"number": pull.number, "htmlUrl": url}
    assert answer.get_json()["branchUrl"] == "https://github.example/acme/app-1/tree/blue"
    again = commit(world, **asked)
    assert (again.status_code, again.get_json()) == (200, {**answer.get_json(), "changed": False})


def test_a_branch_that_moved_meanwhile_is_a_conflict_with_where_it_is(world: World) -> None:
    before = head(world)
    now = world.host.push("acme/app-1", "main", {"theirs.txt": b"1"})
    answer = commit(world, parent=before)
    assert answer.status_code == 409
    assert error_of(answer)["code"] == "branch:moved"
    assert error_of(answer)["details"]["head"] == now


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"files": []}, 400, "commit:empty"),
        ({"files": None}, 400, "request:invalid"),
        ({"files": [{"path": "a"}]}, 400, "request:invalid"),
        ({"files": [{"path": "a", "content": "a", "delete": True}]}, 400, "request:invalid"),
        ({"files": [{"path": "a", "content": "a", "delete": "yes"}]}, 400, "request:invalid"),
        ({"files": [{"path": "a", "content": "a", "mode": "100755"}]}, 400, "request:invalid"),
        ({"files": [{"path": "a", "content": "a"}] * 501}, 400, "request:invalid"),
        ({"files": [{"path": "a", "content": "a"}] * 2}, 400, "app:invalid-files"),
        ({"files": [{"path": ".github/workflows/x.yml", "content": ""}]}, 400, "app:invalid-files"),
        ({"files": [{"path": "nothing", "delete": True}]}, 404, "file:not-found"),
        ({"files": [{"path": "src", "content": ""}]}, 409, "file:not-a-file"),
        ({"message": None}, 400, "request:invalid"),
        ({"message": ""}, 400, "commit:invalid-message"),
        ({"parent": "main"}, 400, "request:invalid"),
        ({"parent": "A" * 40}, 400, "request:invalid"),
        ({"branch": "a b"}, 400, "ref:invalid-name"),
        ({"branch": "nothing"}, 404, "branch:not-found"),
        ({"branch": "blue", "createBranch": "true"}, 400, "request:invalid"),
        ({"createBranch": True}, 400, "branch:is-default"),
        ({"pullRequest": {"title": "Blue"}}, 400, "branch:is-default"),
        ({"branch": "blue", "createBranch": True, "pullRequest": {}}, 400, "request:invalid"),
        (
            {"branch": "blue", "createBranch": True, "pullRequest": {"title": " "}},
            400,
            "commit:invalid-message",
        ),
    ],
)
def test_a_commit_of_the_wrong_form_is_refused(
    world: World, body: dict[str, Any], status: int, code: str
) -> None:
    answer = commit(world, **body)
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)
    assert world.host.writes.total() == 0


def test_what_takes_long_becomes_a_job(world: World) -> None:
    icons = [
        {"path": f"{n}.png", "content": base64.b64encode(ICON).decode(), "encoding": "base64"}
        for n in range(5)
    ]
    answer = commit(world, files=icons)
    body = answer.get_json()
    assert answer.status_code == 202
    assert body["pollUrl"] == f"https://branchline.test/api/jobs/{body['jobId']}"
    with world.records.read() as tx:
        job = tx.jobs.get(body["jobId"])
    assert (job.type, job.app_id, job.arguments["actor"]) == (JobType.COMMIT, "app_0001", "operator")
    assert world.host.writes.total() == 0


# -------------------- new commits of where it came from


def test_a_sync_is_a_job(world: World) -> None:
    document = world.client.get("/api/openapi.json").get_json()
    answer = world.call("POST", "/api/apps/app-1/sync")
    assert answer.status_code == 202
    with world.records.read() as tx:
        job = tx.jobs.get(answer.get_json()["jobId"])
    assert (job.type, job.app_id, job.arguments) == (JobType.SYNC, "app_0001", {"actor": "operator"})
    assert_described(document, "POST", "/api/apps/{app}/sync", answer)
    assert world.host.faults.calls == []


@pytest.mark.parametrize("status", [AppStatus.PROVISIONING, AppStatus.DETACHED, AppStatus.DELETING])
def test_an_app_in_motion_is_not_synced(migrated_sqlite_url: str, status: AppStatus) -> None:
    world = World(migrated_sqlite_url)
    world.app(1, status=status)
    answer = world.call("POST", "/api/apps/app-1/sync")
    assert (answer.status_code, error_of(answer)["code"]) == (409, f"app:{status}")
    world.close()
