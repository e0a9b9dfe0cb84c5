"""Show: the one way in which aliases are kept, so that whatever they show from then on is a fact.

Told in the transaction that changes it. Replayed in the order of their ids, these facts of an app say what
each of its environments and previews showed at any moment. Nothing is put up here.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from app.domain.aliases import Alias
from app.domain.events import Event, Tag
from app.errors import Broken
from app.ports import Transaction


class Why(StrEnum):
    """Why an alias shows something else."""

    DEPLOYED = "deployed"
    ROLLED_BACK = "rolled-back"
    RESUMED = "resumed"
    PROMOTED = "promoted"
    REFUSED = "refused"
    EXPIRED = "expired"
    RESTORED = "restored"
    REMOVED = "removed"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Change:
    """That an alias shows something else, by whose doing, and since when."""

    why: Why
    actor: str
    at: datetime


def keep(tx: Transaction, alias: Alias, change: Change | None = None) -> None:
    """Keep an alias; what it shows from now on is told when that is something else than before."""
    before = tx.aliases.get(alias.script) or replace(alias, deployment_id=None, is_pinned=False)
    tx.aliases.save(alias)
    if (before.shown, before.is_pinned) == (alias.shown, alias.is_pinned):
        return
    if change is None:  # Defensive: nobody could tell later what was live.
        raise Broken(f"keeping alias {alias.script}: it shows something else, and nobody says why")
    _tell(tx, before, alias, change)


def forget(tx: Transaction, app_id: str, change: Change) -> None:
    """Let all aliases of an app go, and tell of those that showed something."""
    for alias in tx.aliases.of_app(app_id):
        if alias.shown is not None or alias.is_pinned:
            _tell(tx, alias, replace(alias, deployment_id=None, is_pinned=False), change)
    tx.aliases.forget(app_id)


def _tell(tx: Transaction, before: Alias, after: Alias, change: Change) -> None:
    payload = {
        "script": after.script,
        "environment": after.environment,
        "pullRequest": after.pull_request,
        "deployment": after.shown,
        "before": before.shown,
        "pinned": after.is_pinned,
        "wasPinned": before.is_pinned,
        "why": change.why,
    }
    event = Event(
        Tag.ENVIRONMENT_CHANGED, after.script, change.actor, change.at, payload, app_id=after.app_id
    )
    tx.events.append(event)
