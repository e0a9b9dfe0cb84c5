"""Copying repositories: forks, made some time after they were answered, and what templates are for."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from sandbox.github import actors, commits, events, lookups, refs
from sandbox.github.git import GitError
from sandbox.github.pushes import BRANCHES
from sandbox.github.shapes import repositories

if TYPE_CHECKING:
    from sandbox.github.actors import Actor
    from sandbox.github.database import Row
    from sandbox.github.site import Site

_log = logging.getLogger(__name__)


def schedule(site: Site, fork: Row, source: Row, actor: Actor, *, default_branch_only: bool) -> None:
    """Ask for a fork's git data to be copied when the configured delay is over."""
    assert actor.account  # noqa: S101 - nobody forks anonymously
    site.database.insert(
        "copies",
        repository_id=fork["id"],
        source_id=source["id"],
        actor_id=actor.account["id"],
        default_branch_only=default_branch_only,
        due_at=time.time() + site.settings.fork_delay_seconds,
    )
    site.news.set()


def seconds_until_due(site: Site) -> float:
    """Return how long the next copy has to wait; a long time when there is none."""
    row = site.database.get("SELECT min(due_at) AS due_at FROM copies")
    return float("inf") if row["due_at"] is None else max(0.0, row["due_at"] - time.time())


def finish_due(site: Site) -> None:
    """Copy what is due."""
    for copy in site.database.all("SELECT * FROM copies WHERE due_at <= ? ORDER BY id", time.time()):
        _finish(site, copy)


def _finish(site: Site, copy: Row) -> None:
    fork = lookups.repository(site, copy["repository_id"])
    source = lookups.repository_if_any(site, copy["source_id"])
    with site.locks.of(fork["id"]):
        try:
            if source:
                _fetch(site, fork, source, default_branch_only=bool(copy["default_branch_only"]))
        except GitError:
            # The source was deleted or emptied meanwhile: on GitHub too the fork then stays empty.
            _log.warning("repository %s could not be forked", copy["source_id"])
        refs.publish_quietly(site, fork["id"])
    with site.database.transaction():
        site.database.execute("DELETE FROM copies WHERE id = ?", copy["id"])
        if source:
            account = site.database.get("SELECT * FROM accounts WHERE id = ?", copy["actor_id"])
            forkee = repositories.webhook(site, fork)
            events.emit(site, "fork", source, {"forkee": forkee}, actors.Actor(account=account))


def _fetch(site: Site, fork: Row, source: Row, *, default_branch_only: bool) -> None:
    branch = source["default_branch"]
    only = [f"+{BRANCHES}{branch}:{BRANCHES}{branch}"]
    everything = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]
    git = site.git(fork["id"])
    git.fetch(site.git(source["id"]).directory, *(only if default_branch_only else everything))


def generate(site: Site, repository: Row, template: Row, actor: Actor, *, all_branches: bool) -> None:
    """Give a new repository the template's files in one commit per branch, without its history."""
    assert actor.account  # noqa: S101 - nobody generates anonymously
    source, target = site.git(template["id"]), site.git(repository["id"])
    who = commits.Signature.of(actor.account)
    for name, sha in source.refs(BRANCHES).items():
        if not all_branches and name != BRANCHES + template["default_branch"]:
            continue
        target.fetch(source.directory, sha)
        tree = commits.read(source, sha).tree
        first = commits.write(
            target, tree=tree, parents=[], message="Initial commit", author=who, committer=who
        )
        target.update_ref(name, first)
    refs.publish(site, repository["id"], actor)
