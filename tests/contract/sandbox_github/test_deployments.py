"""Deployments, environments, Actions secrets and variables."""

import base64
from typing import Any

import pytest
from nacl.public import PublicKey, SealedBox

from sandbox.github.side import GitHub
from tests.contract.sandbox_github.driver import Receiver, World


def deploy(world: World, repository: str, **wanted: Any) -> dict[str, Any]:
    body = {"ref": "main", "required_contexts": [], "auto_merge": False, **wanted}
    made: dict[str, Any] = world.bot("POST", f"/repos/{repository}/deployments", 201, body)
    return made


def report(
    world: World, repository: str, deployment: dict[str, Any], state: str, **wanted: Any
) -> dict[str, Any]:
    path = f"/repos/{repository}/deployments/{deployment['id']}/statuses"
    made: dict[str, Any] = world.bot("POST", path, 201, {"state": state, **wanted})
    return made


def states(world: World, repository: str, deployment: dict[str, Any]) -> list[str]:
    path = f"/repos/{repository}/deployments/{deployment['id']}/statuses"
    return [status["state"] for status in world.bot("GET", path, 200)]


def test_a_deployment_is_made_reported_and_listed(world: World, repository: str, receiver: Receiver) -> None:
    world.hook(repository, receiver)
    made = deploy(world, repository, environment="preview", transient_environment=True, payload={"a": 1})
    assert (made["ref"], made["sha"], made["payload"]) == ("main", world.head(repository), {"a": 1})
    addresses = {"environment_url": "http://x/", "log_url": "http://x/log", "description": "Ready"}
    status = report(world, repository, made, "success", **addresses)
    assert (status["environment"], status["target_url"]) == ("preview", "http://x/log")
    listed = world.bot("GET", f"/repos/{repository}/deployments", 200, environment="preview")
    assert [found["id"] for found in listed] == [made["id"]]
    names = [
        one["name"] for one in world.bot("GET", f"/repos/{repository}/environments", 200)["environments"]
    ]
    assert names == ["preview"]
    for told in receiver.wait("deployment:created", "deployment_status:created"):
        told.check()


def test_success_makes_earlier_deployments_inactive_unless_transient(world: World, repository: str) -> None:
    first, passing = deploy(world, repository), deploy(world, repository, transient_environment=True)
    report(world, repository, first, "success")
    report(world, repository, passing, "success", auto_inactive=False)
    second = deploy(world, repository)
    report(world, repository, second, "success")
    assert states(world, repository, first) == ["inactive", "success"]
    assert states(world, repository, passing) == ["success"]


def test_only_an_inactive_deployment_can_be_deleted(world: World, repository: str) -> None:
    first, second = deploy(world, repository), deploy(world, repository)
    report(world, repository, first, "success")
    path = f"/repos/{repository}/deployments"
    world.bot("DELETE", f"{path}/{first['id']}", 422)
    report(world, repository, first, "inactive")
    world.bot("DELETE", f"{path}/{first['id']}", 204)
    world.bot("GET", f"{path}/{first['id']}", 404)
    world.bot("DELETE", f"{path}/{second['id']}", 204)


def test_red_statuses_stop_a_deployment_that_asks_for_green(world: World, repository: str) -> None:
    sha = world.head(repository)
    world.bot("POST", f"/repos/{repository}/statuses/{sha}", 201, {"state": "failure", "context": "build"})
    world.bot("POST", f"/repos/{repository}/deployments", 409, {"ref": "main"})
    deploy(world, repository)


def test_a_deployment_needs_a_ref_that_is_there(world: World, repository: str) -> None:
    world.bot("POST", f"/repos/{repository}/deployments", 422, {"ref": "none", "required_contexts": []})
    world.bot("POST", f"/repos/{repository}/deployments", 422, {})


def test_environments_are_put_shown_and_deleted(world: World, repository: str) -> None:
    path = f"/repos/{repository}/environments/production"
    policy = {"protected_branches": False, "custom_branch_policies": True}
    made = world.bot("PUT", path, 200, {"wait_timer": 5, "deployment_branch_policy": policy})
    assert made["deployment_branch_policy"] == policy
    assert world.bot("PUT", path, 200)["id"] == made["id"]
    assert world.bot("GET", path, 200)["name"] == "production"
    world.ada("PUT", path, 403)
    world.bot("DELETE", path, 204)
    world.bot("GET", path, 404)


def seal(world: World, place: str, value: str) -> dict[str, str]:
    key = world.bot("GET", f"{place}/public-key", 200)
    sealed = SealedBox(PublicKey(base64.b64decode(key["key"]))).encrypt(value.encode())
    return {"key_id": key["key_id"], "encrypted_value": base64.b64encode(sealed).decode()}


@pytest.fixture
def places(world: World, repository: str) -> list[str]:
    """Return where a repository's and an environment's secrets and variables are, without the last word."""
    world.bot("PUT", f"/repos/{repository}/environments/staging", 200)
    return [f"/repos/{repository}/actions", f"/repos/{repository}/environments/staging"]


def test_a_secret_is_kept_sealed_and_never_shown(world: World, repository: str, places: list[str]) -> None:
    for index, place in enumerate(places):
        path = f"{place}/secrets"
        assert world.bot("PUT", f"{path}/KEY", 201, seal(world, path, f"first-{index}")) == {}
        world.bot("PUT", f"{path}/KEY", 204, seal(world, path, f"value-{index}"))
        listed = world.bot("GET", path, 200)
        assert [set(found) for found in listed["secrets"]] == [{"name", "created_at", "updated_at"}]
        world.bot("GET", f"{path}/KEY", 200)
    kept = GitHub(world.server.site)
    repository_id = kept.repository_id(repository) or 0
    assert kept.secrets(repository_id, None) == {"KEY": "value-0"}
    assert kept.secrets(repository_id, "staging") == {"KEY": "value-1"}
    for place in places:
        world.bot("DELETE", f"{place}/secrets/KEY", 204)
        world.bot("GET", f"{place}/secrets/KEY", 404)


def test_a_secret_that_is_not_sealed_to_the_key_is_refused(world: World, places: list[str]) -> None:
    first, second = (f"{place}/secrets" for place in places)
    foreign = seal(world, second, "x")
    key_id = seal(world, first, "x")["key_id"]
    for wrong in (foreign, foreign | {"key_id": key_id}, {"key_id": key_id, "encrypted_value": "plain"}):
        assert world.bot.client.put(f"{first}/KEY", json=wrong).status_code == 422
    assert world.bot.client.put(f"{first}/GITHUB_KEY", json=seal(world, first, "x")).status_code == 422


def test_variables_are_set_changed_and_deleted(world: World, places: list[str]) -> None:
    for place in places:
        path = f"{place}/variables"
        assert world.bot("POST", path, 201, {"name": "branchline_url", "value": "http://x"}) == {}
        assert world.bot.client.post(path, json={"name": "BRANCHLINE_URL", "value": ""}).status_code == 409
        world.bot("PATCH", f"{path}/BRANCHLINE_URL", 204, {"value": "http://y"})
        listed = world.bot("GET", path, 200)
        assert [(found["name"], found["value"]) for found in listed["variables"]] == [
            ("BRANCHLINE_URL", "http://y")
        ]
        assert world.bot("GET", f"{path}/BRANCHLINE_URL", 200)["value"] == "http://y"
        world.bot("DELETE", f"{path}/BRANCHLINE_URL", 204)
        assert world.bot.client.get(f"{path}/BRANCHLINE_URL").status_code == 404
