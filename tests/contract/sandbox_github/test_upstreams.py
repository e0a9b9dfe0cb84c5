"""A fork takes its parent's new commits: forwards, by a merge, or not at all."""

import pytest

from tests.contract.sandbox_github.driver import World, eventually


@pytest.fixture
def fork(world: World, repository: str) -> str:
    name = f"fork-of-{repository.partition('/')[2]}"
    wanted = {"organization": "acme", "name": name}
    made = world.bot("POST", f"/repos/{repository}/forks", 202, wanted)
    eventually(lambda: world.bot.client.get(f"/repos/acme/{name}/branches").json())
    return str(made["full_name"])


def sync(world: World, fork: str, expect: int = 200, branch: str = "main") -> str:
    answer = world.bot("POST", f"/repos/{fork}/merge-upstream", expect, {"branch": branch})
    return str(answer.get("merge_type"))


def test_a_fork_without_commits_of_its_own_moves_forwards(world: World, repository: str, fork: str) -> None:
    assert sync(world, fork) == "none"
    new = world.commit(repository, "main", {"new.txt": "new\n"})
    assert sync(world, fork) == "fast-forward"
    assert world.head(fork) == new
    assert sync(world, fork) == "none"


def test_a_fork_with_commits_of_its_own_merges(world: World, repository: str, fork: str) -> None:
    ours = world.commit(fork, "main", {"ours.txt": "ours\n"})
    theirs = world.commit(repository, "main", {"theirs.txt": "theirs\n"})
    assert sync(world, fork) == "merge"
    merged = world.bot("GET", f"/repos/{fork}/git/commits/{world.head(fork)}", 200)
    assert [parent["sha"] for parent in merged["parents"]] == [ours, theirs]


def test_a_conflict_changes_nothing_and_the_commits_are_at_hand(
    world: World, repository: str, fork: str
) -> None:
    ours = world.commit(fork, "main", {"README.md": "ours\n"})
    theirs = world.commit(repository, "main", {"README.md": "theirs\n"})
    world.bot.client.post(f"/repos/{fork}/merge-upstream", json={"branch": "main"})
    sync(world, fork, 409)
    assert world.head(fork) == ours
    world.bot("POST", f"/repos/{fork}/git/refs", 201, {"ref": "refs/heads/theirs", "sha": theirs})


def test_what_is_no_fork_and_what_is_no_branch_is_refused(world: World, repository: str, fork: str) -> None:
    sync(world, repository, 422)
    sync(world, fork, 404, "nothing")
    world.bot("POST", f"/repos/{fork}/merge-upstream", 422, {})
    world.anybody("POST", f"/repos/{fork}/merge-upstream", 401, {"branch": "main"})


def test_a_branch_that_the_parent_lacks_takes_its_default_branch(
    world: World, repository: str, fork: str
) -> None:
    world.commit(fork, "staging", {"ours.txt": "ours\n"})
    new = world.commit(repository, "main", {"new.txt": "new\n"})
    assert sync(world, fork, branch="staging") == "merge"
    assert new in [it["sha"] for it in world.bot("GET", f"/repos/{fork}/commits", 200, sha="staging")]
