"""Apps: one repository each, known by id, by slug and by name.

An app does not know its deployments; they know their app.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote

from app.domain.environments import DEFAULT_BRANCHES, Environment


class AppStatus(StrEnum):
    """What an app is going through."""

    PROVISIONING = "provisioning"
    READY = "ready"
    FAILED = "failed"
    DETACHED = "detached"  # its repository was deleted on GitHub, or we lost access to it
    DELETING = "deleting"


class Heal(StrEnum):
    """What may be done about an app that is not as it was recorded, without anybody asking."""

    OFF = "off"  # nothing; it is only told
    SAFE = "safe"  # everything that deletes and overwrites nothing of anybody's
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as its host describes it; `id` is what stays when it is renamed or moved.

    `owner_id` stays when the owner is renamed; None when the host has not told it yet. `imported_from` is the
    address that its history was brought in from.
    """

    id: int
    full_name: str
    html_url: str
    clone_url: str
    default_branch: str
    is_private: bool
    is_fork: bool
    parent_full_name: str | None
    created_at: datetime
    owner_id: int | None = None
    imported_from: str | None = None

    def was_made(self, full_name: str, since: datetime) -> bool:
        """Tell whether this is the repository that was just asked for: its name was free at `since`."""
        return self.full_name.lower() == full_name.lower() and self.created_at >= since

    def commit_url(self, commit: str) -> str:
        """Return the page of a commit."""
        return f"{self.html_url}/commit/{commit}"

    def branch_url(self, branch: str) -> str:
        """Return the page of a branch."""
        return f"{self.html_url}/tree/{quote(branch)}"


@dataclass(frozen=True, slots=True)
class App:
    """One app.

    `waiting_for` says in a sentence what the app's job is waiting for, `error` why it failed; `branches` maps
    branch names to environments; `files` are written at provisioning and not kept afterwards. `heal` is None
    where the platform's own rule holds.
    """

    id: str
    slug: str
    name: str
    status: AppStatus
    created_at: datetime
    updated_at: datetime
    is_private: bool = False
    repository: Repository | None = None
    branches: Mapping[str, Environment] = field(default_factory=lambda: dict(DEFAULT_BRANCHES))
    waiting_for: str | None = None
    error: str | None = None
    heal: Heal | None = None

    @property
    def is_reachable(self) -> bool:
        """It has a repository that we may speak to."""
        return self.repository is not None and self.status is not AppStatus.DETACHED

    @property
    def repository_name(self) -> str:
        """The full name of its repository; asking for it before there is one is our mistake."""
        if self.repository is None:
            raise LookupError(f"app {self.name} has no repository yet")
        return self.repository.full_name
