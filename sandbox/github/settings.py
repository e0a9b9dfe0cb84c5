"""What one sandbox GitHub is started with.

Values only: reading the command line is ``__main__``'s part.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class SecondFork(StrEnum):
    """What an organisation gets that forks the same source again: sources disagree about GitHub's answer."""

    NEW = "new"
    EXISTING = "existing"


@dataclass(frozen=True)
class Settings:
    """Where the state lives, who is seeded, and which of GitHub's habits to show."""

    directory: Path
    port: int = 0
    org: str = "acme"
    bot: str = "branchline-bot"
    developer: str = "ada"
    outsider: str = "mallory"
    people: tuple[str, ...] = ()
    template_name: str = "template"
    template_from: Path | None = None
    token_file: Path | None = None
    second_fork: SecondFork = SecondFork.NEW
    fork_delay_seconds: float = 0.5
    rate_limit: int = 5000
    webhook_timeout_seconds: float = 10.0
    with_actions: bool = True
    actions_concurrency: int = 2

    @property
    def tokens_path(self) -> Path:
        """The file with the seeded accounts' tokens."""
        return self.token_file or self.directory / "tokens.json"
