"""git itself: clone, push and what a push tells."""

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sandbox.github.git import Git
from tests.contract.sandbox_github.driver import Receiver, World, git


@pytest.fixture
def clone(world: World, repository: str, tmp_path: Path) -> Path:
    """Return a clone whose origin knows Ada's token."""
    directory = tmp_path / "clone"
    git("clone", "--quiet", world.clone_url(repository, "ada"), str(directory))
    return directory


def commit(clone: Path, name: str, content: str | bytes, message: str) -> str:
    (clone / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    git("add", ".", at=clone)
    git("commit", "--quiet", "-m", message, at=clone)
    return git("rev-parse", "HEAD", at=clone).strip()


def test_what_is_public_is_cloned_without_a_token(world: World, repository: str, tmp_path: Path) -> None:
    git("clone", "--quiet", world.clone_url(repository), str(tmp_path / "public"))
    assert (tmp_path / "public" / "README.md").read_text() == "# Template\n"


def test_what_is_private_is_not(world: World, tmp_path: Path) -> None:
    private = world.repository(private=True)
    assert "Username" in git("clone", world.clone_url(private), str(tmp_path / "none"), fails=True)
    git("clone", "--quiet", world.clone_url(private, "ada"), str(tmp_path / "mine"))
    unknown = world.clone_url("acme/unknown", "ada")
    assert "not found" in git("clone", unknown, str(tmp_path / "unknown"), fails=True)


def test_a_push_needs_a_token_that_may_write(world: World, repository: str, clone: Path) -> None:
    commit(clone, "a", "b", "Change")
    assert "Username" in git("push", world.clone_url(repository), "main", at=clone, fails=True)
    wrong = world.clone_url(repository, "ada").replace(world.tokens["ada"], "ghp_wrong")
    assert "Authentication failed" in git("push", wrong, "main", at=clone, fails=True)
    personal = world.bot("POST", "/user/repos", 201, {"name": f"own-{repository.partition('/')[2]}"})[
        "full_name"
    ]
    assert "403" in git("push", world.clone_url(personal, "ada"), "main", at=clone, fails=True)


def test_a_push_is_told_with_its_commits(
    world: World, repository: str, clone: Path, receiver: Receiver
) -> None:
    world.hook(repository, receiver)
    first = commit(clone, "one.txt", "1\n", "One")
    second = commit(clone, "two.txt", "2\n", "Two")
    before = world.head(repository)
    git("push", "--quiet", "origin", "main", at=clone)
    (push,) = receiver.wait("push")
    push.check()
    assert [found["id"] for found in push.body["commits"]] == [first, second]
    assert (push.body["before"], push.body["after"]) == (before, second)
    assert (push.body["pusher"]["name"], push.body["sender"]["login"]) == ("ada", "ada")
    assert push.body["compare"].endswith(f"/compare/{before[:12]}...{second[:12]}")


def test_a_new_branch_brings_only_its_own_commits(
    world: World, repository: str, clone: Path, receiver: Receiver
) -> None:
    world.hook(repository, receiver)
    git("push", "--quiet", "origin", "main:staging", at=clone)
    (push,) = receiver.wait("push")
    assert (push.body["created"], push.body["commits"]) == (True, [])
    assert push.body["head_commit"]["id"] == world.head(repository)


def test_a_forced_push_and_a_tag_are_told_as_such(
    world: World, repository: str, clone: Path, receiver: Receiver
) -> None:
    commit(clone, "a", "b", "Change")
    git("push", "--quiet", "origin", "main", at=clone)
    world.hook(repository, receiver)
    git("commit", "--quiet", "--amend", "-m", "Other", at=clone)
    assert "rejected" in git("push", "origin", "main", at=clone, fails=True)
    git("push", "--quiet", "--force", "origin", "main", at=clone)
    (forced,) = receiver.wait("push")
    git("tag", "-a", "v1", "-m", "First", at=clone)
    git("push", "--quiet", "origin", "v1", at=clone)
    (created,) = receiver.wait("create")
    created.check()
    assert forced.body["forced"] is True
    assert (created.body["ref"], created.body["ref_type"]) == ("v1", "tag")


def test_a_large_push_and_fetch_stream(world: World, repository: str, clone: Path, tmp_path: Path) -> None:
    content = os.urandom(8 * 1024 * 1024)
    sha = commit(clone, "large.bin", content, "Large")
    git("push", "--quiet", "origin", "main", at=clone)
    assert world.head(repository) == sha
    again = tmp_path / "again"
    git("clone", "--quiet", "--depth=1", world.clone_url(repository), str(again))
    assert (again / "large.bin").read_bytes() == content


def test_refs_of_pull_requests_can_be_fetched_but_not_pushed(
    world: World, repository: str, clone: Path
) -> None:
    number = world.pull(repository)["number"]
    git("fetch", "--quiet", "origin", f"refs/pull/{number}/merge", at=clone)
    assert "feature.txt" in git("ls-tree", "--name-only", "FETCH_HEAD", at=clone)
    git("push", "origin", f"HEAD:refs/pull/{number}/head", at=clone, fails=True)


def test_a_push_moves_the_pull_request_of_its_branch(
    world: World, repository: str, clone: Path, receiver: Receiver
) -> None:
    git("checkout", "--quiet", "-b", "topic", at=clone)
    commit(clone, "topic.txt", "1\n", "Topic")
    git("push", "--quiet", "origin", "topic", at=clone)
    world.hook(repository, receiver)
    wanted = {"title": "Topic", "head": "topic", "base": "main"}
    number = world.ada("POST", f"/repos/{repository}/pulls", 201, wanted)["number"]
    sha = commit(clone, "topic.txt", "2\n", "Better")
    git("push", "--quiet", "origin", "topic", at=clone)
    opened, moved = receiver.wait("pull_request:opened", "pull_request:synchronize")
    opened.check()
    moved.check()
    assert moved.body["pull_request"]["head"]["sha"] == sha
    git("push", "--quiet", "origin", "topic:main", at=clone)
    (closed,) = receiver.wait("pull_request:closed")
    assert (closed.body["pull_request"]["merged"], closed.body["number"]) == (True, number)


def test_the_first_branch_pushed_becomes_the_default(world: World, tmp_path: Path) -> None:
    made = world.bot("POST", "/orgs/acme/repos", 201, {"name": "begun"})["full_name"]
    git("init", "--quiet", "-b", "trunk", str(tmp_path))
    commit(tmp_path, "a", "b", "Begin")
    git("push", "--quiet", world.clone_url(made, "branchline-bot"), "trunk", at=tmp_path)
    assert world.bot("GET", f"/repos/{made}", 200)["default_branch"] == "trunk"


def test_a_renamed_repository_is_still_found_by_git(world: World, repository: str, clone: Path) -> None:
    world.bot("PATCH", f"/repos/{repository}", 200, {"name": f"{repository.partition('/')[2]}-moved"})
    git("fetch", "--quiet", "origin", at=clone)


def chunks(content: bytes) -> Iterator[bytes]:
    yield from (content[at : at + 7] for at in range(0, len(content), 7))


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_body_may_be_chunked_and_compressed(world: World, repository: str, encoding: str) -> None:
    line = f"0032want {world.head(repository)}\n00000009done\n".encode()
    body = gzip.compress(line) if encoding == "gzip" else line
    answer = httpx.post(
        f"{world.url}/{repository}.git/git-upload-pack",
        content=chunks(body),
        headers={"Content-Type": "application/x-git-upload-pack-request", "Content-Encoding": encoding},
    )
    assert answer.status_code == 200
    assert answer.content.startswith(b"0008NAK\nPACK")


def test_the_dumb_protocol_is_not_spoken(world: World, repository: str) -> None:
    assert httpx.get(f"{world.url}/{repository}.git/info/refs").status_code == 403
    assert httpx.get(f"{world.url}/{repository}.git/HEAD").status_code == 404


def test_the_size_of_a_repository_is_asked_for_while_somebody_pushes(tmp_path: Path) -> None:
    packs = tmp_path / "objects" / "pack"
    on_its_way = tmp_path / "objects" / "tmp_objdir-incoming-1" / "pack"
    for directory in (packs, on_its_way):
        directory.mkdir(parents=True)
        (directory / "a.pack").write_bytes(bytes(4096))
    (packs / "gone.pack").symlink_to("nothing")

    assert Git(tmp_path).size_kilobytes() == 4
