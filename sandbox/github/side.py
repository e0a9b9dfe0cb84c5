"""What the Actions engine asks of this GitHub: the other half of ``sandbox.actions.ports``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.github import actors, clock, events, lookups
from sandbox.github.seed import ACTIONS_BOT
from sandbox.github.shapes import repositories

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.github.database import Row
    from sandbox.github.site import Site

JOB_TOKEN_HOURS = 24


class GitHub:
    """The site, seen from the engine (``GitHubSide``)."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.url = site.url
        self.api_url = site.api_url

    def repository(self, repository_id: int) -> dict[str, Any]:
        """Return the API's repository object."""
        actor = actors.by_login(self._site, self._site.settings.bot)
        return repositories.full(self._site, self._row(repository_id), actor)

    def repository_id(self, full_name: str) -> int | None:
        """Return the id of ``owner/name``, or None when there is none."""
        owner, _, name = full_name.partition("/")
        row = lookups.by_name(self._site, owner, name)
        return row["id"] if row else None

    def git_directory(self, repository_id: int) -> Path:
        """Return the bare repository."""
        return self._site.git(repository_id).directory

    def actions_enabled(self, repository_id: int) -> bool:
        """Say whether workflows may run in this repository."""
        return bool(self._row(repository_id)["actions_enabled"])

    def secrets(self, repository_id: int, environment: str | None) -> dict[str, str]:
        """Return the decrypted secrets, an environment's own ones laid over the repository's."""
        return self._values("secrets", repository_id, environment)

    def variables(self, repository_id: int, environment: str | None) -> dict[str, str]:
        """Return the variables, an environment's own ones laid over the repository's."""
        return self._values("variables", repository_id, environment)

    def _values(self, table: str, repository_id: int, environment: str | None) -> dict[str, str]:
        query = (
            f"SELECT v.name, v.value FROM {table} v LEFT JOIN environments e ON e.id = v.environment_id "  # noqa: S608
            "WHERE v.repository_id = ? AND (v.environment_id = 0 OR e.name = ?) ORDER BY v.environment_id"
        )
        rows = self._site.database.all(query, repository_id, environment)
        return {row["name"]: row["value"] for row in rows}

    def job_token(self, repository_id: int, *, read_only: bool) -> str:
        """Return a GITHUB_TOKEN for this repository only."""
        bot = actors.by_login(self._site, ACTIONS_BOT).account or {}
        expires_at = clock.stamp(datetime.now(UTC) + timedelta(hours=JOB_TOKEN_HOURS))
        limits = {"repository_id": repository_id, "read_only": read_only, "expires_at": expires_at}
        return actors.issue_token(self._site, bot["id"], actors.JOB, **limits)

    def emit(self, event: str, repository_id: int, payload: dict[str, Any]) -> None:
        """Send webhooks of an event; repository, organization and sender are added."""
        login = payload.get("sender", {}).get("login", ACTIONS_BOT)
        with self._site.database.transaction():
            actor = actors.by_login(self._site, login)
            events.emit(self._site, event, self._row(repository_id), payload, actor)

    def _row(self, repository_id: int) -> Row:
        return lookups.repository(self._site, repository_id)
