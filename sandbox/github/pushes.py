"""What a moved ref is as a push event: which commits are new, and what they touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.github import commits
from sandbox.github.git import ZERO, Git
from sandbox.github.shapes import accounts, repositories

if TYPE_CHECKING:
    from sandbox.github.actors import Actor
    from sandbox.github.database import Row
    from sandbox.github.site import Site

MOST_COMMITS = 2048
BRANCHES, TAGS = "refs/heads/", "refs/tags/"


@dataclass(frozen=True)
class Change:
    """One ref that moved; forty zeros stand for nothing."""

    name: str
    before: str
    after: str

    @property
    def created(self) -> bool:
        """Tell whether the ref is new."""
        return self.before == ZERO

    @property
    def deleted(self) -> bool:
        """Tell whether the ref is gone."""
        return self.after == ZERO

    @property
    def kind(self) -> str:
        """Return branch or tag."""
        return "tag" if self.name.startswith(TAGS) else "branch"

    @property
    def short_name(self) -> str:
        """Return the name without refs/heads/ or refs/tags/."""
        return self.name.removeprefix(BRANCHES).removeprefix(TAGS)


def payload(site: Site, repository: Row, change: Change, known: set[str], actor: Actor) -> dict[str, Any]:
    """Return a push event's own part; ``known`` are the objects that other refs held before the push."""
    git = site.git(repository["id"])
    head = None if change.deleted else git.commit_of(change.after)
    fresh = _fresh(git, change, known) if head else []
    touched = commits.touched(git, [commit.sha for commit in fresh] + ([head] if head else []))
    described = [_commit(site, repository, commit, touched[commit.sha]) for commit in fresh]
    return {
        "ref": change.name,
        "before": change.before,
        "after": change.after,
        "created": change.created,
        "deleted": change.deleted,
        "forced": _forced(git, change),
        "base_ref": None,
        "compare": _compare(site, repository, change),
        "commits": described,
        "head_commit": _commit(site, repository, commits.read(git, head), touched[head]) if head else None,
        "pusher": _pusher(actor),
    }


def _fresh(git: Git, change: Change, known: set[str]) -> list[commits.Commit]:
    """Return the commits that come with the push, oldest first."""
    left = known if change.created else {change.before}
    hidden = [f"^{sha}" for sha in left if git.commit_of(sha)]
    return commits.log(git, change.after, *hidden, limit=MOST_COMMITS)[::-1]


def _forced(git: Git, change: Change) -> bool:
    if change.created or change.deleted:
        return False
    return not git.is_ancestor(change.before, change.after)


def _compare(site: Site, repository: Row, change: Change) -> str:
    page = repositories.html_url(site, repository)
    if change.created:
        return f"{page}/compare/{change.short_name}"
    return f"{page}/compare/{change.before[:12]}...{change.after[:12]}"


def _commit(site: Site, repository: Row, commit: commits.Commit, touched: commits.Touched) -> dict[str, Any]:
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "distinct": True,
        "message": commit.message,
        "timestamp": commit.committer.date,
        "url": f"{repositories.html_url(site, repository)}/commit/{commit.sha}",
        "author": _person(site, commit.author),
        "committer": _person(site, commit.committer),
        "added": touched.added,
        "removed": touched.removed,
        "modified": touched.modified,
    }


def _person(site: Site, who: commits.Signature) -> dict[str, Any]:
    account = accounts.user_by_email(site, who.email)
    person = {"name": who.name, "email": who.email, "date": who.date}
    return person | ({"username": account["login"]} if account else {})


def _pusher(actor: Actor) -> dict[str, Any]:
    account = actor.account or {"login": "ghost", "email": None}
    return {"name": account["login"], "email": account["email"]}
