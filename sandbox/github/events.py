"""Events: written down for every hook that wants them, and for Actions, in the transaction that caused them.

Sending is ``deliveries`` and ``occasions``' part; both start from the rows written here.
"""

from __future__ import annotations

import json
import secrets
import uuid
from typing import TYPE_CHECKING, Any

from sandbox.github import clock, lookups
from sandbox.github.shapes import accounts, repositories

if TYPE_CHECKING:
    from sandbox.github.actors import Actor
    from sandbox.github.database import Row
    from sandbox.github.site import Site

ALL = "*"


def emit(site: Site, event: str, repository: Row, payload: dict[str, Any], actor: Actor) -> dict[str, Any]:
    """Queue an event for every hook that asked for it and return its whole body.

    ``payload`` needs only what is the event's own: repository, organization and sender are added.
    """
    body = _body(site, event, repository, payload, actor)
    for hook in hooks_for(site, repository):
        if wants(hook, event):
            enqueue(site, hook, event, body, repository["id"])
    site.news.set()
    return body


def occur(site: Site, event: str, repository_id: int, actor: Actor, **details: Any) -> None:
    """Queue an occasion for workflow runs, unless a run's own token caused it.

    https://docs.github.com/actions/concepts/security/github_token#when-github_token-triggers-workflow-runs
    """
    if site.actions is None or not actor.starts_runs:
        return
    if not lookups.repository(site, repository_id)["actions_enabled"]:
        return  # what happens while Actions are off is not made up for
    document = {"event": event, "repository_id": repository_id, **details}
    site.database.insert("occasions", document=json.dumps(document))
    site.news.set()


def _body(site: Site, event: str, repository: Row, payload: dict[str, Any], actor: Actor) -> dict[str, Any]:
    shape = repositories.push_webhook if event == "push" else repositories.webhook
    owner = accounts.account(site, repository["owner_id"])
    body = {**payload, "repository": shape(site, repository)}
    if owner["type"] == "Organization":
        body["organization"] = accounts.organization(site, owner)
    return body | {"sender": accounts.user(site, actor.account or owner)}


def hooks_for(site: Site, repository: Row) -> list[Row]:
    """Return the active hooks of a repository, its organisation and the apps installed there."""
    return site.database.all(
        "SELECT * FROM hooks WHERE active = 1 AND (repository_id = ? OR org_id = ? OR app_id IN "
        "(SELECT app_id FROM installations WHERE account_id = ?)) ORDER BY id",
        repository["id"],
        repository["owner_id"],
        repository["owner_id"],
    )


def wants(hook: Row, event: str) -> bool:
    """Tell whether a hook asked for an event."""
    events = json.loads(hook["events"])
    return ALL in events or event in events


def enqueue(site: Site, hook: Row, event: str, body: dict[str, Any], repository_id: int | None) -> int:
    """Write a delivery down that is to be sent, and return its id."""
    installation = _installation(site, hook, body)
    if installation:
        body = body | {"installation": installation}
    return site.database.insert(
        "deliveries",
        hook_id=hook["id"],
        guid=str(uuid.uuid4()),
        event=event,
        action=body.get("action"),
        repository_id=repository_id,
        installation_id=installation["id"] if installation else None,
        body=json.dumps(body),
        redelivery=0,
        state="waiting",
        created_at=clock.now(),
    )


def _installation(site: Site, hook: Row, body: dict[str, Any]) -> dict[str, Any] | None:
    if hook["app_id"] is None or "repository" not in body:
        return None
    row = site.database.one(
        "SELECT id FROM installations WHERE app_id = ? AND account_id = ?",
        hook["app_id"],
        body["repository"]["owner"]["id"],
    )
    return {"id": row["id"], "node_id": accounts.node_id("IN", row["id"])} if row else None


ZEN = (
    "Responsive is better than fast.",
    "It's not fully shipped until it's fast.",
    "Anything added dilutes everything else.",
    "Practicality beats purity.",
    "Approachable is better than simple.",
    "Mind your words, they are important.",
    "Speak like a human.",
    "Half measures are as bad as nothing at all.",
    "Encourage flow.",
    "Non-blocking is better than blocking.",
    "Favor focus over features.",
    "Avoid administrative distraction.",
    "Design for failure.",
    "Keep it logically awesome.",
)


def zen() -> str:
    """Return one of GitHub's sayings."""
    return secrets.choice(ZEN)
