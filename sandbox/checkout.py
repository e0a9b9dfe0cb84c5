"""A developer's working copy: the git binary, with a token that never stands on a command line."""

from __future__ import annotations

import base64
import os
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_SECONDS = 60.0
_AUTHOR = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}


class GitFailed(Exception):
    """Git said no; the message is what it said."""


class Checkout:
    """A clone in `directory`."""

    def __init__(self, directory: Path, token: str) -> None:
        self.directory = directory
        self._token = token

    @classmethod
    def clone(cls, url: str, directory: Path, token: str) -> Checkout:
        """Clone `url` into `directory`, which must not exist."""
        directory.parent.mkdir(parents=True, exist_ok=True)
        checkout = cls(directory, token)
        checkout._run(directory.parent, "clone", "--quiet", url, str(directory), origin=url)
        return checkout

    def git(self, *arguments: str) -> str:
        """Run git in the working copy and return what it prints."""
        return self._run(self.directory, *arguments)

    def switch(self, branch: str) -> None:
        """Go to `branch`: GitHub's newest of it, or a new one from here when GitHub has none."""
        self.git("fetch", "--quiet", "origin")
        is_known = bool(self.git("ls-remote", "--heads", "origin", f"refs/heads/{branch}"))
        self.git("switch", "--quiet", "-C", branch, *([f"origin/{branch}"] if is_known else []))

    def read(self, path: str) -> str:
        """Return a file's text."""
        return (self.directory / path).read_text()

    def write(self, path: str, text: str) -> None:
        """Set a file's text."""
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def commit(self, message: str) -> str:
        """Commit everything and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def push(self, *arguments: str) -> None:
        """Push the current branch under its own name."""
        self.git("push", "--quiet", *arguments, "origin", "HEAD")

    def _run(self, cwd: Path, *arguments: str, origin: str | None = None) -> str:
        environment = self._environment(origin or self._origin())
        result = subprocess.run(
            ["git", *arguments],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        if result.returncode != 0:
            raise GitFailed(f"git {arguments[0]}: {result.stderr.strip()}")
        return result.stdout.strip()

    def _origin(self) -> str:
        config = (self.directory / ".git" / "config").read_text()
        return next(line.split("=", 1)[1].strip() for line in config.splitlines() if "url =" in line)

    def _environment(self, url: str) -> dict[str, str]:
        """Return our environment with the author and the token, and without this machine's git settings."""
        parts = urlsplit(url)
        credential = base64.b64encode(f"x-access-token:{self._token}".encode()).decode()
        return {
            **os.environ,
            **_AUTHOR,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{parts.scheme}://{parts.netloc}/.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {credential}",
        }
