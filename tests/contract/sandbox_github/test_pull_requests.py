"""Pull requests, their comments and commit statuses."""

from typing import Any

import pytest

from tests.contract.sandbox_github.driver import Receiver, World, eventually


def test_a_pull_request_is_opened_shown_and_listed(world: World, repository: str) -> None:
    made = world.pull(repository)
    number = made["number"]
    assert (made["state"], made["mergeable"], made["commits"], made["changed_files"]) == ("open", True, 1, 1)
    assert made["head"]["label"] == "acme:feature"
    shown = world.bot("GET", f"/repos/{repository}/pulls/{number}", 200)
    assert (
        shown["merge_commit_sha"]
        == world.bot("GET", f"/repos/{repository}/git/ref/pull/{number}/merge", 200)["object"]["sha"]
    )
    listed = world.bot("GET", f"/repos/{repository}/pulls", 200, head="acme:feature", state="open")
    assert [pull["number"] for pull in listed] == [number]
    assert world.bot("GET", f"/repos/{repository}/pulls", 200, state="closed") == []
    files = world.bot("GET", f"/repos/{repository}/pulls/{number}/files", 200)
    assert [found["filename"] for found in files] == ["feature.txt"]
    assert len(world.bot("GET", f"/repos/{repository}/pulls/{number}/commits", 200)) == 1


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"head": "none", "base": "main"}, "invalid"),
        ({"head": "main", "base": "none"}, "invalid"),
        ({"head": "main", "base": "main"}, "custom"),
        ({"base": "main"}, "missing_field"),
    ],
)
def test_a_pull_request_needs_something_to_merge(
    world: World, repository: str, wanted: dict[str, Any], told: str
) -> None:
    refused = world.bot("POST", f"/repos/{repository}/pulls", 422, {"title": "x"} | wanted)
    assert refused["errors"][0]["code"] == told


def test_a_branch_has_one_open_pull_request(world: World, repository: str) -> None:
    world.pull(repository)
    wanted = {"title": "Again", "head": "feature", "base": "main"}
    refused = world.bot("POST", f"/repos/{repository}/pulls", 422, wanted)
    assert refused["errors"][0]["message"] == "A pull request already exists for acme:feature."


@pytest.mark.parametrize("method", ["merge", "squash"])
def test_a_pull_request_is_merged(world: World, repository: str, receiver: Receiver, method: str) -> None:
    pull, base = world.pull(repository), world.head(repository)
    world.hook(repository, receiver)
    path = f"/repos/{repository}/pulls/{pull['number']}"
    world.bot("GET", f"{path}/merge", 404)
    world.bot("PUT", f"{path}/merge", 409, {"sha": "0" * 40})
    merged = world.bot("PUT", f"{path}/merge", 200, {"merge_method": method})
    assert merged["merged"] is True
    assert world.head(repository) == merged["sha"]
    world.bot("GET", f"{path}/merge", 204)
    parents = world.bot("GET", f"/repos/{repository}/commits/{merged['sha']}", 200)["parents"]
    expected = [base, pull["head"]["sha"]] if method == "merge" else [base]
    assert [parent["sha"] for parent in parents] == expected
    closed, push = receiver.wait("pull_request:closed", "push")
    closed.check()
    assert (closed.body["pull_request"]["merged"], push.body["after"]) == (True, merged["sha"])
    world.bot("PUT", f"{path}/merge", 405)


def test_a_pull_request_that_conflicts_cannot_be_merged(world: World, repository: str) -> None:
    world.commit(repository, "left", {"README.md": "left\n"})
    world.commit(repository, "main", {"README.md": "right\n"})
    wanted = {"title": "Left", "head": "left", "base": "main"}
    made = world.bot("POST", f"/repos/{repository}/pulls", 201, wanted)
    assert (made["mergeable"], made["mergeable_state"]) == (False, "dirty")
    world.bot("PUT", f"/repos/{repository}/pulls/{made['number']}/merge", 405)


def test_a_pull_request_follows_its_branch(world: World, repository: str, receiver: Receiver) -> None:
    pull = world.pull(repository)
    world.hook(repository, receiver)
    sha = world.commit(repository, "feature", {"more.txt": "more\n"})
    (told,) = receiver.wait("pull_request:synchronize")
    told.check()
    assert (told.body["before"], told.body["after"]) == (pull["head"]["sha"], sha)
    shown = world.bot("GET", f"/repos/{repository}/pulls/{pull['number']}", 200)
    assert (shown["head"]["sha"], shown["changed_files"]) == (sha, 2)
    head = world.bot("GET", f"/repos/{repository}/git/ref/pull/{pull['number']}/head", 200)
    assert head["object"]["sha"] == sha


def test_a_pull_request_is_closed_and_opened_again(world: World, repository: str, receiver: Receiver) -> None:
    pull = world.pull(repository)
    world.hook(repository, receiver)
    path = f"/repos/{repository}/pulls/{pull['number']}"
    assert world.ada("PATCH", path, 200, {"state": "closed"})["closed_at"]
    assert world.ada("PATCH", path, 200, {"state": "open", "title": "Better"})["title"] == "Better"
    world.ada("PATCH", path, 422, {"state": "gone"})
    for told in receiver.wait("pull_request:closed", "pull_request:reopened", "pull_request:edited"):
        told.check()


def test_a_pull_request_closes_with_its_branch(world: World, repository: str) -> None:
    pull = world.pull(repository)
    world.bot("DELETE", f"/repos/{repository}/git/refs/heads/feature", 204)
    shown = world.bot("GET", f"/repos/{repository}/pulls/{pull['number']}", 200)
    assert (shown["state"], shown["merged"]) == ("closed", False)


def test_a_pull_request_can_come_from_a_fork(world: World, repository: str, receiver: Receiver) -> None:
    world.hook(repository, receiver)
    name = f"fork-of-{repository.rpartition('/')[2]}"
    fork = world.ada("POST", f"/repos/{repository}/forks", 202, {"name": name})["full_name"]
    eventually(lambda: world.ada.client.get(f"/repos/{fork}/branches").json())
    content = {"content": "eAo=", "message": "Propose", "branch": "main"}
    world.ada("PUT", f"/repos/{fork}/contents/proposal.txt", 201, content)
    wanted = {"title": "From outside", "head": "ada:main", "base": "main"}
    pull = world.ada("POST", f"/repos/{repository}/pulls", 201, wanted)
    assert (pull["head"]["repo"]["full_name"], pull["mergeable"]) == (fork, True)
    (opened,) = receiver.wait("pull_request:opened")
    opened.check()
    content = {"content": "eQo=", "message": "Propose more"}
    world.ada("PUT", f"/repos/{fork}/contents/more.txt", 201, content)
    receiver.wait("pull_request:synchronize")


def test_comments_are_made_edited_and_deleted(world: World, repository: str, receiver: Receiver) -> None:
    number = world.pull(repository)["number"]
    world.hook(repository, receiver)
    issue, comments = f"/repos/{repository}/issues/{number}", f"/repos/{repository}/issues/comments"
    made = world.bot("POST", f"{issue}/comments", 201, {"body": "<!-- marker --> hello"})
    assert made["user"]["login"] == "branchline-bot"
    assert made["html_url"].endswith(f"/pull/{number}#issuecomment-{made['id']}")
    world.bot("PATCH", f"{comments}/{made['id']}", 200, {"body": "changed"})
    assert [found["body"] for found in world.bot("GET", f"{issue}/comments", 200)] == ["changed"]
    world.bot("POST", f"{issue}/comments", 422, {"body": "x" * 65537})
    world.bot("DELETE", f"{comments}/{made['id']}", 204)
    world.bot("GET", f"{comments}/{made['id']}", 404)
    assert world.bot("GET", issue, 200)["pull_request"]["merged_at"] is None
    for told in receiver.wait("issue_comment:created", "issue_comment:edited", "issue_comment:deleted"):
        told.check()


def test_statuses_are_summed_up(world: World, repository: str, receiver: Receiver) -> None:
    sha = world.head(repository)
    world.hook(repository, receiver)
    path = f"/repos/{repository}/statuses/{sha}"
    assert world.bot("GET", f"/repos/{repository}/commits/{sha}/status", 200)["state"] == "pending"
    for state, context in (("pending", "build"), ("success", "build"), ("failure", "lint")):
        world.bot(
            "POST",
            path,
            201,
            {"state": state, "context": context, "target_url": "http://x/", "description": "d"},
        )
    summed = world.bot("GET", f"/repos/{repository}/commits/main/status", 200)
    assert (summed["state"], summed["total_count"]) == ("failure", 2)
    assert len(world.bot("GET", f"/repos/{repository}/commits/{sha}/statuses", 200)) == 3
    for wrong in ({"state": "great"}, {"state": "success", "description": "x" * 141}):
        assert world.bot.client.post(path, json=wrong).status_code == 422
    (told,) = receiver.wait("status")
    told.check()


def test_a_comment_tells_who_wrote_it_and_on_what(world: World, repository: str, receiver: Receiver) -> None:
    number = world.pull(repository)["number"]
    world.hook(repository, receiver, ("issue_comment",))
    comments = f"/repos/{repository}/issues/{number}/comments"
    for caller in (world.ada, world.mallory):
        caller("POST", comments, 201, {"body": "/preview"})
    eventually(lambda: receiver.names().count("issue_comment:created") == 2)
    told = [delivery for delivery in receiver.deliveries if delivery.event == "issue_comment"]
    for delivery in told:
        delivery.check()
        assert delivery.body["sender"] == delivery.body["comment"]["user"]
        assert delivery.body["issue"]["pull_request"]["url"].endswith(f"/pulls/{number}")
    written = [delivery.body["comment"] for delivery in told]
    assert [(comment["user"]["login"], comment["author_association"]) for comment in written] == [
        ("ada", "MEMBER"),
        ("mallory", "NONE"),
    ]


def test_everybody_may_react_to_a_comment_once(world: World, repository: str) -> None:
    number = world.pull(repository)["number"]
    made = world.ada("POST", f"/repos/{repository}/issues/{number}/comments", 201, {"body": "/preview"})
    comment = f"/repos/{repository}/issues/comments/{made['id']}"
    reactions = f"{comment}/reactions"

    given = world.bot("POST", reactions, 201, {"content": "eyes"})
    assert world.bot("POST", reactions, 200, {"content": "eyes"}) == given
    world.mallory("POST", reactions, 201, {"content": "eyes"})
    world.bot("POST", reactions, 422, {"content": "applause"})
    world.anybody("POST", reactions, 401, {"content": "eyes"})

    assert [one["user"]["login"] for one in world.ada("GET", reactions, 200, content="eyes")] == [
        "branchline-bot",
        "mallory",
    ]
    assert world.ada("GET", reactions, 200, content="+1") == []
    world.mallory("DELETE", f"{reactions}/{given['id']}", 403)
    world.bot("DELETE", f"{reactions}/{given['id']}", 204)
    world.bot("DELETE", f"{reactions}/{given['id']}", 404)
    shown = world.ada("GET", comment, 200)["reactions"]
    assert (shown["eyes"], shown["total_count"]) == (1, 1)
