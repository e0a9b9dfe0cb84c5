"""Drift: what is recorded and what is there are not the same.

A kind says what differs, and what it takes to heal it. Nothing here looks, compares or heals.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from app.domain.apps import Heal

# Whose drift it is when no app and no worker is there any more.
NOBODY: Final = "platform"
# What changed this shortly before a look is left to the next one: word of it may still be on its way, and a
# script may have gone up whose record has not. As long as whoever puts a script up has it for itself.
QUIET: Final = timedelta(minutes=2)
# A deployment that has not moved for so long is asked about; a build may take twenty minutes.
PATIENCE: Final = timedelta(hours=1)


class Kind(StrEnum):
    """What differs."""

    REPOSITORY_GONE = "repository:gone"
    REPOSITORY_BACK = "repository:back"
    REPOSITORY_MOVED = "repository:moved"
    REPOSITORY_ARCHIVED = "repository:archived"
    REPOSITORY_LEFT_OVER = "repository:left-over"
    ACTIONS_OFF = "actions:off"
    WEBHOOK_MISSING = "webhook:missing"
    WEBHOOK_CHANGED = "webhook:changed"
    WORKFLOW_OUTDATED = "workflow:outdated"
    WORKFLOW_EDITED = "workflow:edited"
    WORKFLOW_MISSING = "workflow:missing"
    PULL_UNHEARD = "pull:unheard"
    PULL_CLOSED = "pull:closed"
    BRANCH_GONE = "branch:gone"
    HEAD_UNDEPLOYED = "head:undeployed"
    RUN_AHEAD = "run:ahead"
    DEPLOYMENT_STUCK = "deployment:stuck"
    ALIAS_UNSETTLED = "alias:unsettled"
    SCRIPT_GONE = "script:gone"
    SCRIPT_CHANGED = "script:changed"
    SCRIPT_ORPHAN = "script:orphan"


# What deletes nothing, and overwrites nothing that somebody did on purpose.
_SAFE: Final = frozenset(
    {
        Kind.REPOSITORY_GONE,
        Kind.REPOSITORY_BACK,
        Kind.REPOSITORY_MOVED,
        Kind.WEBHOOK_MISSING,
        Kind.WEBHOOK_CHANGED,
        Kind.WORKFLOW_OUTDATED,
        Kind.PULL_UNHEARD,
        Kind.HEAD_UNDEPLOYED,
        Kind.RUN_AHEAD,
        Kind.DEPLOYMENT_STUCK,
        Kind.ALIAS_UNSETTLED,
        Kind.SCRIPT_GONE,
    }
)
# What only a person can decide about.
_REPORTED: Final = frozenset({Kind.REPOSITORY_ARCHIVED, Kind.REPOSITORY_LEFT_OVER})
SCRIPT_KINDS: Final = frozenset({Kind.SCRIPT_GONE, Kind.SCRIPT_CHANGED, Kind.SCRIPT_ORPHAN})
# What one call for many repositories does not show.
ASKED_ONE_BY_ONE: Final = frozenset(
    {Kind.ACTIONS_OFF, Kind.WEBHOOK_MISSING, Kind.WEBHOOK_CHANGED, Kind.REPOSITORY_LEFT_OVER}
)


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference, of one `subject` (a branch, a script, `#7`, ...) of an app or worker.

    `facts` tell both sides; `outcome` among them says why healing it came to nothing, and that it is not
    tried again as long as the subject is the same. `found_at` is when it was first seen, since it was last
    gone, and `seen_at` when it was seen last.
    """

    app_id: str
    kind: Kind
    subject: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    found_at: datetime | None = None
    seen_at: datetime | None = None
    is_open: bool = True

    @property
    def key(self) -> tuple[str, Kind, str]:
        """What makes it one and the same at the next look."""
        return (self.app_id, self.kind, self.subject)

    @property
    def is_given_up(self) -> bool:
        """Healing it came to nothing, and would again."""
        return "outcome" in self.facts

    def may_be_healed(self, policy: Heal) -> bool:
        """Tell whether an app's policy lets it be healed without anybody asking."""
        if policy is Heal.OFF or self.kind in _REPORTED or self.is_given_up:
            return False
        return policy is Heal.ALL or self.kind in _SAFE


def healed_by(kind: Kind) -> Heal:
    """Return the least policy that heals a kind; OFF says that none does."""
    if kind in _REPORTED:
        return Heal.OFF
    return Heal.SAFE if kind in _SAFE else Heal.ALL
