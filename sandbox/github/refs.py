"""Announcing refs: whoever moves one, by git or by the API, ends here.

The table ``refs`` holds what has been announced. ``publish`` compares it with git and turns the difference
into events in one transaction, so that a push whose server died in between is announced at the next start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github import clock, events, lookups, pushes
from sandbox.github.git import ZERO, GitError
from sandbox.github.pushes import BRANCHES, TAGS, Change

if TYPE_CHECKING:
    from typing import Any

    from sandbox.github.actors import Actor
    from sandbox.github.database import Row
    from sandbox.github.site import Site


def publish(site: Site, repository_id: int, actor: Actor) -> None:
    """Announce every branch and tag that moved since the last time; may run twice."""
    from sandbox.github import pulls  # noqa: PLC0415 - a pull request's merge publishes in turn

    with site.locks.of(repository_id):
        repository = lookups.repository(site, repository_id)
        known = announced(site, repository_id)
        changes = _changes(known, _present(site, repository_id))
        _choose_default_branch(site, repository, known, changes)
        told = [
            (change, pushes.payload(site, repository, change, set(known.values()), actor))
            for change in changes
        ]
        with site.database.transaction():
            _touch(site, repository_id, changes)
            repository = lookups.repository(site, repository_id)
            for change, payload in told:
                _announce(site, repository, change, payload, actor)
    pulls.follow(site, repository_id, actor)


def publish_quietly(site: Site, repository_id: int) -> None:
    """Take the present refs as announced: a copy's refs are nobody's push."""
    with site.locks.of(repository_id):
        present = _present(site, repository_id)
        with site.database.transaction():
            site.database.execute("DELETE FROM refs WHERE repository_id = ?", repository_id)
            for name, sha in present.items():
                site.database.insert("refs", repository_id=repository_id, name=name, sha=sha)


def announced(site: Site, repository_id: int) -> dict[str, str]:
    """Return the refs as last announced."""
    rows = site.database.all("SELECT name, sha FROM refs WHERE repository_id = ?", repository_id)
    return {row["name"]: row["sha"] for row in rows}


def _present(site: Site, repository_id: int) -> dict[str, str]:
    """Return the refs in git; none while the repository is still being made."""
    try:
        found = site.git(repository_id).refs()
    except GitError:
        return {}
    return {name: sha for name, sha in found.items() if name.startswith((BRANCHES, TAGS))}


def _changes(known: dict[str, str], present: dict[str, str]) -> list[Change]:
    names = sorted(known.keys() | present.keys())
    pairs = ((name, known.get(name, ZERO), present.get(name, ZERO)) for name in names)
    return [Change(name, before, after) for name, before, after in pairs if before != after]


def _choose_default_branch(site: Site, repository: Row, known: dict[str, str], changes: list[Change]) -> None:
    """Make the first branch ever pushed the default one, as GitHub does."""
    branches = [change.short_name for change in changes if change.kind == "branch" and not change.deleted]
    if known or not branches or repository["default_branch"] in branches:
        return
    site.git(repository["id"]).set_head(branches[0])
    site.database.update("repositories", repository["id"], default_branch=branches[0])


def _touch(site: Site, repository_id: int, changes: list[Change]) -> None:
    if changes:
        site.database.update("repositories", repository_id, pushed_at=clock.now(), updated_at=clock.now())
    for change in changes:
        site.database.execute(
            "DELETE FROM refs WHERE repository_id = ? AND name = ?", repository_id, change.name
        )
        if not change.deleted:
            site.database.insert("refs", repository_id=repository_id, name=change.name, sha=change.after)


def _announce(site: Site, repository: Row, change: Change, payload: dict[str, Any], actor: Actor) -> None:
    named = {"ref": change.short_name, "ref_type": change.kind, "pusher_type": "user"}
    if change.created:
        described = {"master_branch": repository["default_branch"], "description": repository["description"]}
        events.emit(site, "create", repository, named | described, actor)
    body = events.emit(site, "push", repository, payload, actor)
    if change.deleted:
        events.emit(site, "delete", repository, named, actor)
        return
    events.occur(
        site, "push", repository["id"], actor, action=None, ref=change.name, sha=change.after, payload=body
    )
