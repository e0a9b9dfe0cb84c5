"""Blobs, trees, commits, refs and files through the API, and the pushes that they are."""

import base64

import pytest

from tests.contract.sandbox_github.driver import Receiver, World


def test_one_commit_with_many_files_is_three_calls(world: World, repository: str) -> None:
    sha = world.commit(repository, "main", {"a.txt": "ä\n", ".github/workflows/deploy.yml": "on: push\n"})
    tree = world.bot("GET", f"/repos/{repository}/git/trees/{sha}", 200, recursive="1")["tree"]
    paths = {entry["path"] for entry in tree if entry["type"] == "blob"}
    assert paths == {".github/workflows/deploy.yml", "README.md", "a.txt", "src/index.ts"}
    assert world.head(repository) == sha


def test_a_tree_entry_without_sha_removes_the_path(world: World, repository: str) -> None:
    base = world.bot("GET", f"/repos/{repository}/commits/main", 200)["commit"]["tree"]["sha"]
    entry = {"path": "src/index.ts", "mode": "100644", "type": "blob", "sha": None}
    made = world.bot("POST", f"/repos/{repository}/git/trees", 201, {"base_tree": base, "tree": [entry]})
    assert [found["path"] for found in made["tree"]] == ["README.md"]


@pytest.mark.parametrize(
    "entry",
    [
        {"path": "../up", "mode": "100644", "content": "x"},
        {"path": ".git/config", "mode": "100644", "content": "x"},
        {"path": "a", "mode": "777", "content": "x"},
        {"path": "a", "mode": "100644"},
        {"path": "a", "mode": "100644", "sha": "0" * 40},
    ],
)
def test_a_bad_tree_entry_is_refused(world: World, repository: str, entry: dict[str, str]) -> None:
    world.bot("POST", f"/repos/{repository}/git/trees", 422, {"tree": [entry]})


def test_a_blob_comes_back_as_it_went_in(world: World, repository: str) -> None:
    content = base64.b64encode(bytes(range(256))).decode()
    made = world.bot(
        "POST", f"/repos/{repository}/git/blobs", 201, {"content": content, "encoding": "base64"}
    )
    found = world.bot("GET", f"/repos/{repository}/git/blobs/{made['sha']}", 200)
    assert base64.b64decode(found["content"]) == bytes(range(256))
    world.bot("GET", f"/repos/{repository}/git/blobs/{'0' * 40}", 404)


def test_a_ref_moves_forwards_only_unless_forced(world: World, repository: str) -> None:
    first = world.head(repository)
    second = world.commit(repository, "main", {"a": "b"})
    ref = f"/repos/{repository}/git/refs/heads/main"
    refused = world.bot("PATCH", ref, 422, {"sha": first})
    assert refused["message"] == "Update is not a fast forward"
    assert world.head(repository) == second
    assert world.bot("PATCH", ref, 200, {"sha": first, "force": True})["object"]["sha"] == first


def test_refs_are_found_by_prefix_created_and_deleted(world: World, repository: str) -> None:
    sha, git = world.head(repository), f"/repos/{repository}/git"
    for name in ("heads/feature-a", "heads/feature-b", "tags/v1"):
        world.bot("POST", f"{git}/refs", 201, {"ref": f"refs/{name}", "sha": sha})
    found = world.bot("GET", f"{git}/matching-refs/heads/feature", 200)
    assert [ref["ref"] for ref in found] == ["refs/heads/feature-a", "refs/heads/feature-b"]
    assert world.bot("GET", f"{git}/ref/tags/v1", 200)["object"]["type"] == "commit"
    world.bot("POST", f"{git}/refs", 422, {"ref": "refs/tags/v1", "sha": sha})
    world.bot("POST", f"{git}/refs", 422, {"ref": "main", "sha": sha})
    world.bot("DELETE", f"{git}/refs/heads/feature-a", 204)
    world.bot("GET", f"{git}/ref/heads/feature-a", 404)


def test_git_data_of_an_empty_repository_is_a_conflict(world: World) -> None:
    world.bot("POST", "/orgs/acme/repos", 201, {"name": "hollow"})
    refused = world.bot("POST", "/repos/acme/hollow/git/blobs", 409, {"content": "x"})
    assert refused["message"] == "Git Repository is empty."
    assert world.bot("GET", "/repos/acme/hollow/branches", 200) == []


def test_a_file_is_created_changed_and_deleted(world: World, repository: str) -> None:
    path = f"/repos/{repository}/contents/docs/guide.md"
    text = {"content": base64.b64encode(b"one\n").decode(), "message": "Add"}
    made = world.bot("PUT", path, 201, text)
    world.bot("PUT", path, 422, text)
    assert world.bot.client.put(path, json=text | {"sha": "0" * 40}).status_code == 409
    changed = world.bot("PUT", path, 200, text | {"sha": made["content"]["sha"], "message": "Change"})
    found = world.bot("GET", path, 200)
    assert base64.b64decode(found["content"]) == b"one\n"
    assert [entry["name"] for entry in world.bot("GET", f"/repos/{repository}/contents/docs", 200)] == [
        "guide.md"
    ]
    raw = world.bot.client.get(path, headers={"Accept": "application/vnd.github.raw+json"})
    assert raw.text == "one\n"
    world.bot("DELETE", path, 200, {"sha": changed["content"]["sha"], "message": "Remove"})
    world.bot("GET", path, 404)


def test_commits_are_listed_shown_and_compared(world: World, repository: str) -> None:
    before = world.head(repository)
    after = world.commit(repository, "topic", {"README.md": "# New\nmore\n"}, "Rewrite")
    listed = world.bot("GET", f"/repos/{repository}/commits", 200, sha="topic")
    assert [commit["sha"] for commit in listed] == [after, before]
    shown = world.bot("GET", f"/repos/{repository}/commits/{after}", 200)
    assert shown["stats"] == {"total": 3, "additions": 2, "deletions": 1}
    assert shown["files"][0]["patch"].startswith("@@ -1 +1,2 @@")
    compared = world.bot("GET", f"/repos/{repository}/compare/main...topic", 200)
    assert (compared["status"], compared["ahead_by"], compared["behind_by"]) == ("ahead", 1, 0)
    world.bot("GET", f"/repos/{repository}/commits/{'0' * 40}", 422)


def test_branches_are_listed_and_shown(world: World, repository: str) -> None:
    world.commit(repository, "a/b", {"x": "y"})
    assert [found["name"] for found in world.bot("GET", f"/repos/{repository}/branches", 200)] == [
        "a/b",
        "main",
    ]
    world.bot("GET", f"/repos/{repository}/branches/none", 404)


def test_moving_a_ref_through_the_api_is_a_push(world: World, repository: str, receiver: Receiver) -> None:
    before = world.head(repository)
    world.hook(repository, receiver)
    after = world.commit(repository, "main", {"a/new.txt": "1\n", "README.md": "2\n"}, "Two files\n\nBody")
    (push,) = receiver.wait("push")
    push.check()
    body = push.body
    assert (body["ref"], body["before"], body["after"]) == ("refs/heads/main", before, after)
    assert (body["created"], body["deleted"], body["forced"]) == (False, False, False)
    assert [commit["message"] for commit in body["commits"]] == ["Two files\n\nBody"]
    assert (body["head_commit"]["added"], body["head_commit"]["modified"]) == (["a/new.txt"], ["README.md"])
    assert body["pusher"]["name"] == body["sender"]["login"] == "branchline-bot"


def test_a_new_and_a_deleted_branch_are_told(world: World, repository: str, receiver: Receiver) -> None:
    world.hook(repository, receiver)
    world.commit(repository, "short-lived", {"a": "b"})
    receiver.wait("create", "push")
    world.bot("DELETE", f"/repos/{repository}/git/refs/heads/short-lived", 204)
    (deleted,) = receiver.wait("delete")
    pushes = [delivery for delivery in receiver.deliveries if delivery.event == "push"]
    for delivery in (*pushes, deleted):
        delivery.check()
    assert [push.body["created"] for push in pushes] == [True, False]
    assert [push.body["deleted"] for push in pushes] == [False, True]
    assert pushes[1].body["head_commit"] is None
    assert (deleted.body["ref"], deleted.body["ref_type"]) == ("short-lived", "branch")
