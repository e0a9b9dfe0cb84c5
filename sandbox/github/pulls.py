"""Pull requests: opened, followed when their branches move, merged and closed.

``refs/pull/N/head`` is the head and ``refs/pull/N/merge`` the merge that GitHub tries in advance; both live
in the base repository and nobody can push to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.github import clock, commits, events, lookups
from sandbox.github.errors import ApiError, invalid, not_found
from sandbox.github.git import ZERO, Git
from sandbox.github.pushes import BRANCHES
from sandbox.github.shapes import accounts, repositories
from sandbox.github.shapes import pulls as shapes

if TYPE_CHECKING:
    from sandbox.github.actors import Actor
    from sandbox.github.database import Row
    from sandbox.github.site import Site


@dataclass(frozen=True)
class Proposal:
    """What somebody asks to be merged; ``head`` is ``branch`` or ``owner:branch``."""

    title: str
    body: str | None
    head: str
    base: str
    draft: bool


def get(site: Site, repository_id: int, number: int) -> Row:
    """Return a pull request.

    Raises: ApiError 404 when there is none.
    """
    row = site.database.one(
        "SELECT * FROM pulls WHERE repository_id = ? AND number = ?", repository_id, number
    )
    if row is None:
        raise not_found()
    return row


def reload(site: Site, pull: Row) -> Row:
    """Return the pull request as it is now."""
    return site.database.get("SELECT * FROM pulls WHERE id = ?", pull["id"])


def open_pull(site: Site, repository: Row, proposal: Proposal, actor: Actor) -> Row:
    """Open a pull request.

    Raises: ApiError 422 when a branch is missing, nothing is to be merged, or one is open already.
    """
    head_repository, head_ref = _head(site, repository, proposal.head)
    head_sha = site.git(head_repository["id"]).ref(BRANCHES + head_ref) if head_repository else None
    base_sha = site.git(repository["id"]).ref(BRANCHES + proposal.base)
    if not head_repository or not head_sha:
        raise invalid("PullRequest", "head", "invalid")
    if not base_sha:
        raise invalid("PullRequest", "base", "invalid")
    _check_new(site, repository, head_repository, head_ref, proposal.base)
    git = site.git(repository["id"])
    _bring(site, git, head_repository, head_ref, repository)
    if git.is_ancestor(head_sha, base_sha):
        raise _custom(f"No commits between {proposal.base} and {proposal.head}")
    branches = {"head_ref": head_ref, "head_sha": head_sha, "base_ref": proposal.base, "base_sha": base_sha}
    pull = _insert(site, repository, proposal, actor, head_repository_id=head_repository["id"], **branches)
    pull = try_merge(site, pull)
    announce(site, pull, "opened", actor)
    return pull


def _custom(message: str) -> ApiError:
    return ApiError(
        422, "Validation Failed", [{"resource": "PullRequest", "code": "custom", "message": message}]
    )


def _head(site: Site, repository: Row, head: str) -> tuple[Row | None, str]:
    """Return the repository and branch that ``head`` means: here, or a fork in the same network."""
    owner, _, branch = head.rpartition(":")
    account = accounts.by_login(site, owner) if owner else None
    if not owner or (account and account["id"] == repository["owner_id"]):
        return repository, branch
    network = repository["source_id"] or repository["id"]
    query = "SELECT * FROM repositories WHERE owner_id = ? AND (source_id = ? OR id = ?) ORDER BY id"
    return site.database.one(query, account["id"], network, network) if account else None, branch


def _check_new(site: Site, repository: Row, head_repository: Row, head_ref: str, base: str) -> None:
    query = (
        "SELECT id FROM pulls WHERE repository_id = ? AND head_repository_id = ? AND head_ref = ? "
        "AND base_ref = ? AND state = 'open'"
    )
    if site.database.one(query, repository["id"], head_repository["id"], head_ref, base):
        owner = accounts.account(site, head_repository["owner_id"])["login"]
        raise _custom(f"A pull request already exists for {owner}:{head_ref}.")


def _bring(site: Site, git: Git, head_repository: Row, head_ref: str, repository: Row) -> None:
    """Have the head's objects in the base repository."""
    if head_repository["id"] != repository["id"]:
        git.fetch(site.git(head_repository["id"]).directory, BRANCHES + head_ref)


def _insert(site: Site, repository: Row, proposal: Proposal, actor: Actor, **branches: Any) -> Row:
    assert actor.account  # noqa: S101 - nobody opens one anonymously
    with site.database.transaction():
        number = next_number(site, repository["id"])
        pull_id = site.database.insert(
            "pulls",
            repository_id=repository["id"],
            number=number,
            title=proposal.title,
            body=proposal.body,
            state="open",
            draft=proposal.draft,
            user_id=actor.account["id"],
            created_at=clock.now(),
            updated_at=clock.now(),
            **branches,
        )
    return site.database.get("SELECT * FROM pulls WHERE id = ?", pull_id)


def next_number(site: Site, repository_id: int) -> int:
    """Take the repository's next number; issues and pull requests share them."""
    site.database.execute("UPDATE repositories SET last_number = last_number + 1 WHERE id = ?", repository_id)
    return site.database.count("SELECT last_number FROM repositories WHERE id = ?", repository_id)


def try_merge(site: Site, pull: Row) -> Row:
    """Bring refs/pull/N up to date with the head and base recorded in the row."""
    git = site.git(pull["repository_id"])
    prefix = f"refs/pull/{pull['number']}"
    git.update_ref(f"{prefix}/head", pull["head_sha"])
    tree = git.merge_tree(pull["base_sha"], pull["head_sha"])
    merge = None
    if tree:
        merge = write_merge(git, pull, tree, f"Merge {pull['head_sha']} into {pull['base_sha']}")
        git.update_ref(f"{prefix}/merge", merge)
    else:
        git.delete_ref(f"{prefix}/merge")
    site.database.update("pulls", pull["id"], merge_commit_sha=merge, mergeable=tree is not None)
    return reload(site, pull)


def write_merge(git: Git, pull: Row, tree: str, message: str, author: commits.Signature | None = None) -> str:
    """Make the merge commit of a pull request's base and head."""
    web = commits.Signature.now(*commits.WEB_FLOW)
    parents = [pull["base_sha"], pull["head_sha"]]
    return commits.write(
        git, tree=tree, parents=parents, message=message, author=author or web, committer=web
    )


def announce(site: Site, pull: Row, action: str, actor: Actor, **more: Any) -> None:
    """Raise the webhook event and the occasion of something that happened to a pull request."""
    repository = lookups.repository(site, pull["repository_id"])
    payload = {"action": action, "number": pull["number"], **more, "pull_request": shapes.webhook(site, pull)}
    with site.database.transaction():
        body = events.emit(site, "pull_request", repository, payload, actor)
        if not pull["merge_commit_sha"]:
            return  # GitHub starts no runs for a pull request that conflicts.
        events.occur(
            site,
            "pull_request",
            repository["id"],
            actor,
            action=action,
            ref=f"refs/pull/{pull['number']}/merge",
            sha=pull["merge_commit_sha"],
            payload=body,
            is_fork_pull_request=pull["head_repository_id"] != pull["repository_id"],
        )


def follow(site: Site, repository_id: int, actor: Actor) -> None:
    """Bring every open pull request from or into a repository up to date; may run twice."""
    query = (
        "SELECT * FROM pulls WHERE state = 'open' AND ? IN (repository_id, head_repository_id) ORDER BY id"
    )
    for pull in site.database.all(query, repository_id):
        with site.locks.of(pull["repository_id"]):
            _follow(site, reload(site, pull), actor)


def _follow(site: Site, pull: Row, actor: Actor) -> None:
    head = site.git(pull["head_repository_id"]).ref(BRANCHES + pull["head_ref"])
    base = site.git(pull["repository_id"]).ref(BRANCHES + pull["base_ref"])
    if pull["state"] != "open" or (head, base) == (pull["head_sha"], pull["base_sha"]):
        return
    if head is None or base is None:
        close(site, pull, actor)
        return
    _move(site, pull, head, base, actor)


def _move(site: Site, pull: Row, head: str, base: str, actor: Actor) -> None:
    before = pull["head_sha"]
    git = site.git(pull["repository_id"])
    if head != before:
        head_repository = lookups.repository(site, pull["head_repository_id"])
        repository = lookups.repository(site, pull["repository_id"])
        _bring(site, git, head_repository, pull["head_ref"], repository)
    if git.is_ancestor(head, base):
        site.database.update("pulls", pull["id"], head_sha=head)
        mark_merged(site, reload(site, pull), base, actor)
        return
    site.database.update("pulls", pull["id"], head_sha=head, base_sha=base, updated_at=clock.now())
    pull = try_merge(site, reload(site, pull))
    if head != before:
        announce(site, pull, "synchronize", actor, before=before, after=head)


def close(site: Site, pull: Row, actor: Actor) -> Row:
    """Close a pull request without merging it."""
    site.database.update("pulls", pull["id"], state="closed", closed_at=clock.now(), updated_at=clock.now())
    pull = reload(site, pull)
    announce(site, pull, "closed", actor)
    return pull


def reopen(site: Site, pull: Row, actor: Actor) -> Row:
    """Open a closed pull request again.

    Raises: ApiError 422 when it is merged or its branch is gone.
    """
    head = pull["head_repository_id"] and site.git(pull["head_repository_id"]).ref(
        BRANCHES + pull["head_ref"]
    )
    if pull["merged"] or not head:
        raise invalid(
            "PullRequest", "state", "invalid", "state cannot be changed. The branch is gone or merged."
        )
    base = site.git(pull["repository_id"]).ref(BRANCHES + pull["base_ref"]) or ZERO
    changed = {
        "state": "open",
        "closed_at": None,
        "updated_at": clock.now(),
        "head_sha": head,
        "base_sha": base,
    }
    site.database.update("pulls", pull["id"], **changed)
    pull = try_merge(site, reload(site, pull))
    announce(site, pull, "reopened", actor)
    return pull


def mark_merged(site: Site, pull: Row, merge_sha: str, actor: Actor) -> Row:
    """Close a pull request as merged by a commit that is on the base branch."""
    assert actor.account  # noqa: S101 - nobody merges anonymously
    at = clock.now()
    outcome = {
        "merged": 1,
        "merged_at": at,
        "merged_by_id": actor.account["id"],
        "merge_commit_sha": merge_sha,
    }
    site.database.update("pulls", pull["id"], state="closed", closed_at=at, updated_at=at, **outcome)
    pull = reload(site, pull)
    announce(site, pull, "closed", actor)
    return pull


def default_title(site: Site, pull: Row) -> str:
    """Return the first line of the merge commit that GitHub proposes."""
    head = lookups.repository_if_any(site, pull["head_repository_id"])
    owner = repositories.full_name(site, head).split("/")[0] if head else "unknown"
    return f"Merge pull request #{pull['number']} from {owner}/{pull['head_ref']}"
