"""Repositories, forks and what is made from templates, as GitHub's description has them."""

import pytest

from tests.contract.sandbox_github.driver import Receiver, World, eventually


def test_the_accounts_are_seeded(world: World) -> None:
    assert world.bot("GET", "/user", 200)["login"] == "branchline-bot"
    assert world.anybody("GET", "/users/ada", 200)["type"] == "User"
    assert world.anybody("GET", "/orgs/acme", 200)["login"] == "acme"
    assert [org["login"] for org in world.ada("GET", "/user/orgs", 200)] == ["acme"]
    assert world.bot("GET", "/orgs/acme/memberships/branchline-bot", 200)["role"] == "admin"


def test_the_template_holds_the_directory_without_what_is_installed_or_built(world: World) -> None:
    tree = world.anybody("GET", "/repos/acme/template/git/trees/main", 200, recursive="1")["tree"]
    assert [entry["path"] for entry in tree] == ["README.md", "src", "src/index.ts"]
    assert world.anybody("GET", "/repos/acme/template", 200)["is_template"] is True


def test_a_repository_is_created_changed_renamed_and_deleted(world: World) -> None:
    made = world.bot("POST", "/orgs/acme/repos", 201, {"name": "shop", "private": True, "auto_init": True})
    assert (made["private"], made["default_branch"]) == (True, "main")
    world.anybody("GET", "/repos/acme/shop", 404)
    changed = world.bot("PATCH", "/repos/acme/shop", 200, {"name": "store", "description": "Sells"})
    assert (changed["full_name"], changed["description"]) == ("acme/store", "Sells")
    moved = world.bot.client.get("/repos/acme/shop")
    assert moved.status_code == 301
    assert moved.headers["Location"].endswith(f"/repositories/{made['id']}")
    assert world.bot.client.get(f"/repositories/{made['id']}").json()["name"] == "store"
    world.bot("DELETE", "/repos/acme/store", 204)
    world.bot("GET", "/repos/acme/store", 404)


def test_a_name_can_be_taken_once(world: World) -> None:
    world.bot("POST", "/orgs/acme/repos", 201, {"name": "twice"})
    refused = world.bot("POST", "/orgs/acme/repos", 422, {"name": "Twice"})
    assert refused["errors"][0]["message"] == "name already exists on this account"
    world.bot("POST", "/orgs/acme/repos", 422, {"name": "no spaces"})
    world.bot("POST", "/orgs/acme/repos", 422, {})


def test_a_fork_is_answered_at_once_and_filled_later(world: World) -> None:
    fork = world.bot("POST", "/repos/acme/template/forks", 202, {"organization": "acme", "name": "forked"})
    assert (fork["full_name"], fork["fork"]) == ("acme/forked", True)
    assert fork["parent"]["full_name"] == fork["source"]["full_name"] == "acme/template"
    eventually(lambda: world.bot.client.get("/repos/acme/forked/branches").json())
    assert world.head("acme/forked") == world.head("acme/template")
    assert "acme/forked" in [one["full_name"] for one in world.bot("GET", "/repos/acme/template/forks", 200)]


def test_actions_are_off_in_a_fork_until_they_are_switched_on(world: World) -> None:
    world.bot("POST", "/repos/acme/template/forks", 202, {"organization": "acme", "name": "quiet"})
    assert world.bot("GET", "/repos/acme/quiet/actions/permissions", 200) == {"enabled": False}
    world.bot(
        "PUT", "/repos/acme/quiet/actions/permissions", 204, {"enabled": True, "allowed_actions": "all"}
    )
    assert world.bot("GET", "/repos/acme/quiet/actions/permissions", 200)["enabled"] is True


def test_a_person_has_one_fork_of_a_repository(world: World) -> None:
    first = world.ada("POST", "/repos/acme/template/forks", 202, {"name": "mine"})
    again = world.ada("POST", "/repos/acme/template/forks", 202, {"name": "another"})
    assert (again["id"], again["full_name"]) == (first["id"], "ada/mine")


def test_an_organisation_may_fork_twice_but_not_under_the_same_name(world: World) -> None:
    wanted = {"organization": "acme", "name": "second"}
    first = world.bot("POST", "/repos/acme/template/forks", 202, wanted | {"name": "first"})
    second = world.bot("POST", "/repos/acme/template/forks", 202, wanted)
    assert first["id"] != second["id"]
    world.bot("POST", "/repos/acme/template/forks", 422, wanted)


def test_a_repository_from_a_template_has_one_commit_of_its_own(world: World) -> None:
    made = world.bot("POST", "/repos/acme/template/generate", 201, {"owner": "acme", "name": "fresh"})
    assert (made["fork"], made["template_repository"]["full_name"]) == (False, "acme/template")
    commits = world.bot("GET", "/repos/acme/fresh/commits", 200)
    assert [commit["commit"]["message"] for commit in commits] == ["Initial commit"]
    assert world.bot("GET", "/repos/acme/fresh/actions/permissions", 200)["enabled"] is True


def test_only_a_template_can_be_generated_from(world: World, repository: str) -> None:
    refused = world.bot.client.post(f"/repos/{repository}/generate", json={"name": "x"})
    assert refused.status_code == 404


def test_lists_come_in_pages_with_links(world: World) -> None:
    first = world.bot.response("GET", "/orgs/acme/repos", 200, per_page="1")
    second = world.bot.client.get(first.links["next"]["url"])
    assert first.json()[0]["id"] != second.json()[0]["id"]
    assert second.links["prev"]["url"].endswith("page=1")
    assert "last" in first.links


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/repos/acme/nothing", 404),
        ("PATCH", "/repos/acme/template", 401),
        ("GET", "/user", 401),
    ],
)
def test_without_a_token_only_what_is_public_can_be_read(
    world: World, method: str, path: str, status: int
) -> None:
    assert world.anybody.client.request(method, path, json={}).status_code == status


def test_a_member_may_write_but_not_administer(world: World, repository: str) -> None:
    assert world.ada("GET", f"/repos/{repository}", 200)["permissions"]["push"] is True
    world.ada("PATCH", f"/repos/{repository}", 403, {"description": "Mine"})
    found = world.bot("GET", f"/repos/{repository}/collaborators/ada/permission", 200)
    assert (found["permission"], found["role_name"]) == ("write", "write")


def test_an_outsider_may_look_propose_and_comment_but_change_nothing(world: World, repository: str) -> None:
    repo, private = f"/repos/{repository}", world.repository(private=True)
    number = world.fork_pull(repository, {"gift.txt": "for you"})["number"]
    comment = world.mallory("POST", f"{repo}/issues/{number}/comments", 201, {"body": "Mine"})["id"]
    other = world.ada("POST", f"{repo}/issues/{number}/comments", 201, {"body": "Ours"})["id"]
    assert world.bot("GET", f"{repo}/collaborators/mallory/permission", 200)["permission"] == "read"
    assert world.bot("GET", f"/repos/{private}/collaborators/mallory/permission", 200)["permission"] == "none"
    assert "mallory" not in [one["login"] for one in world.bot("GET", f"{repo}/collaborators", 200)]
    world.mallory("GET", f"/repos/{private}", 404)
    world.mallory("GET", f"{repo}/actions/secrets", 403)
    world.mallory("PUT", f"{repo}/contents/x.txt", 403, {"content": "eAo=", "message": "x"})
    world.mallory("PUT", f"{repo}/pulls/{number}/merge", 403, {})
    world.mallory("PATCH", f"{repo}/issues/comments/{other}", 403, {"body": "changed"})
    world.mallory("PATCH", f"{repo}/issues/comments/{comment}", 200, {"body": "changed"})
    world.bot("PUT", f"{repo}/pulls/{number}/merge", 200, {})
    assert world.ada("GET", f"{repo}/issues/comments/{comment}", 200)["author_association"] == "CONTRIBUTOR"


def test_a_wrong_token_is_refused_even_for_what_is_public(world: World) -> None:
    refused = world.caller("ghp_wrong").client.get("/repos/acme/template")
    assert refused.status_code == 401
    assert refused.json()["message"] == "Bad credentials"


def test_every_answer_carries_the_rate_and_an_id(world: World) -> None:
    first = world.bot.response("GET", "/rate_limit", 200)
    second = world.bot.response("GET", "/repos/acme/template", 200)
    spent = int(first.headers["X-RateLimit-Remaining"]) - int(second.headers["X-RateLimit-Remaining"])
    assert spent == 1
    assert second.headers["X-GitHub-Request-Id"]
    assert int(second.headers["X-RateLimit-Limit"]) == 100_000


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"'])
def test_a_body_that_is_no_json_object_is_refused(world: World, body: bytes) -> None:
    assert world.bot.client.post("/orgs/acme/repos", content=body).status_code == 400


def test_creating_and_renaming_raise_events_for_the_organisation(world: World, receiver: Receiver) -> None:
    config = {"url": receiver.url, "content_type": "json"}
    hook = world.bot("POST", "/orgs/acme/hooks", 201, {"name": "web", "config": config, "events": ["*"]})
    try:
        name = world.repository(name="told")
        world.bot("PATCH", f"/repos/{name}", 200, {"name": "retold"})
        world.bot("POST", "/repos/acme/retold/forks", 202, {"organization": "acme", "name": "echo"})
        world.bot("DELETE", "/repos/acme/retold", 204)
        for delivery in receiver.wait("repository:created", "repository:renamed", "repository:deleted"):
            delivery.check()
    finally:
        world.bot("DELETE", f"/orgs/acme/hooks/{hook['id']}", 204)


def test_a_fork_is_announced_when_it_is_made(world: World, repository: str, receiver: Receiver) -> None:
    world.hook(repository, receiver, ("fork",))
    world.bot("POST", f"/repos/{repository}/forks", 202, {"organization": "acme", "name": "announced"})
    (delivery,) = receiver.wait("fork")
    delivery.check()
    assert delivery.body["forkee"]["full_name"] == "acme/announced"
