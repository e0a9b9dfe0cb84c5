"""Merging a pull request through the API, by a merge commit or squashed into one commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.github import commits, lookups, pulls, refs
from sandbox.github.errors import ApiError, conflict
from sandbox.github.git import GitError
from sandbox.github.pushes import BRANCHES
from sandbox.github.shapes import accounts

if TYPE_CHECKING:
    from sandbox.github.actors import Actor
    from sandbox.github.database import Row
    from sandbox.github.git import Git
    from sandbox.github.site import Site

METHODS = ("merge", "squash")


@dataclass(frozen=True)
class Wish:
    """How somebody wants a pull request merged; what is None is GitHub's choice."""

    method: str
    expected_head: str | None
    title: str | None
    body: str | None


def merge(site: Site, pull: Row, actor: Actor, wish: Wish) -> str:
    """Merge a pull request and return the new commit on its base branch.

    Raises: ApiError 405 when it cannot be merged, 409 when the head is not the expected one.
    """
    with site.locks.of(pull["repository_id"]):
        pull = pulls.reload(site, pull)
        _check(pull, wish.expected_head)
        git = site.git(pull["repository_id"])
        sha = _write(site, git, pull, actor, wish)
        try:
            git.update_ref(BRANCHES + pull["base_ref"], sha, pull["base_sha"])
        except GitError:
            raise ApiError(405, "Base branch was modified. Review and try the merge again.") from None
        pulls.mark_merged(site, pull, sha, actor)
    refs.publish(site, pull["repository_id"], actor)
    _tidy(site, pull, actor)
    return sha


def _check(pull: Row, expected_head: str | None) -> None:
    if pull["state"] != "open" or not pull["mergeable"]:
        raise ApiError(405, "Pull Request is not mergeable")
    if expected_head and expected_head != pull["head_sha"]:
        raise conflict("Head branch was modified. Review and try the merge again.")


def _write(site: Site, git: Git, pull: Row, actor: Actor, wish: Wish) -> str:
    assert actor.account  # noqa: S101 - nobody merges anonymously
    tree = git.merge_tree(pull["base_sha"], pull["head_sha"])
    if tree is None:
        raise ApiError(405, "Pull Request is not mergeable")
    message = _message(site, pull, wish)
    if wish.method == "merge":
        return pulls.write_merge(git, pull, tree, message, commits.Signature.of(actor.account))
    author = commits.Signature.of(accounts.account(site, pull["user_id"]))
    web = commits.Signature.now(*commits.WEB_FLOW)
    parents = [pull["base_sha"]]
    return commits.write(git, tree=tree, parents=parents, message=message, author=author, committer=web)


def _message(site: Site, pull: Row, wish: Wish) -> str:
    if wish.method == "merge":
        title, body = pulls.default_title(site, pull), pull["title"]
    else:
        title, body = f"{pull['title']} (#{pull['number']})", ""
    return f"{wish.title or title}\n\n{body if wish.body is None else wish.body}".strip()


def _tidy(site: Site, pull: Row, actor: Actor) -> None:
    """Delete the merged branch where the repository asks for it."""
    repository = lookups.repository(site, pull["repository_id"])
    if not repository["delete_branch_on_merge"] or pull["head_repository_id"] != repository["id"]:
        return
    site.git(repository["id"]).delete_ref(BRANCHES + pull["head_ref"])
    refs.publish(site, repository["id"], actor)
