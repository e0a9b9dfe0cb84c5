"""A GitHub as the Actions engine sees it: real git over HTTP, everything else in memory."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from sandbox.actions.ports import Occasion

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

REPOSITORY_ID = 12
_SECONDS = 30
FULL_NAME = "acme/hello"
OWNER = {"login": "acme", "id": 1, "node_id": "O_1", "type": "Organization", "site_admin": False}
SENDER = {"login": "octo", "id": 2, "node_id": "U_2", "type": "User", "site_admin": False}
_USER_LINKS = (
    *("avatar_url", "url", "html_url", "followers_url", "following_url", "gists_url", "starred_url"),
    *("subscriptions_url", "organizations_url", "repos_url", "events_url", "received_events_url"),
)
_IDENTITY = {
    **{f"GIT_{role}_NAME": "Octo" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "octo@example.com" for role in ("AUTHOR", "COMMITTER")},
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


def workflow(*steps: str, head: str = "") -> str:
    """Return a workflow of one job with these steps; `head` goes above its jobs."""
    indented = "\n".join("      " + line for step in steps for line in step.splitlines())
    return f"""name: CI
on: [push, pull_request]
permissions: {{}}
{head}
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
{indented}
"""


class FakeGitHub:
    """One repository, `acme/hello`, whose token is asked for by git."""

    def __init__(self, directory: Path) -> None:
        self._work = directory / "work"
        self._root = directory / "repositories"
        self._git = self._root / f"{FULL_NAME}.git"
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.secret_values: dict[str, str] = {}
        self.variable_values: dict[str, str] = {}
        self.tokens: list[tuple[str, bool]] = []
        self.is_enabled = True
        self.is_fork = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.api_url = f"{self.url}/api/v3"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(self._git)], check=True)
        subprocess.run(
            ["git", "clone", "-q", str(self._git), str(self._work)], check=True, capture_output=True
        )
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def repository(self, repository_id: int) -> dict[str, Any]:
        api = f"{self.api_url}/repos/{FULL_NAME}"
        return {
            "id": repository_id,
            "node_id": "R_12",
            "name": "hello",
            "full_name": FULL_NAME,
            "private": False,
            "owner": self._user(OWNER),
            "html_url": f"{self.url}/{FULL_NAME}",
            "description": None,
            "fork": self.is_fork,
            "url": api,
            "default_branch": "main",
            **{name: f"{api}/{name.removesuffix('_url')}" for name in _REPOSITORY_LINKS},
        }

    def repository_id(self, full_name: str) -> int | None:
        return REPOSITORY_ID if full_name == FULL_NAME else None

    def git_directory(self, _repository_id: int) -> Path:
        return self._git

    def actions_enabled(self, _repository_id: int) -> bool:
        return self.is_enabled

    def secrets(self, _repository_id: int, _environment: str | None) -> dict[str, str]:
        return dict(self.secret_values)

    def variables(self, _repository_id: int, _environment: str | None) -> dict[str, str]:
        return dict(self.variable_values)

    def job_token(self, _repository_id: int, *, read_only: bool) -> str:
        self.tokens.append((f"ghs_fake{len(self.tokens)}token", read_only))
        return self.tokens[-1][0]

    def emit(self, event: str, _repository_id: int, payload: dict[str, Any]) -> None:
        self.events.append((event, payload))

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _SECONDS
        while not is_so():
            assert time.monotonic() < deadline, [(event, payload["action"]) for event, payload in self.events]
            time.sleep(0.01)

    def user(self) -> dict[str, Any]:
        return self._user(SENDER)

    def commit(self, files: dict[str, str], message: str = "Change something", branch: str = "main") -> str:
        """Commit on a branch, push it, return the commit's id."""
        self._run("checkout", "-q", "-B", branch)
        for name, text in files.items():
            path = self._work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self._run("add", "-A")
        self._run("commit", "-q", "--allow-empty", "-m", message)
        self._run("push", "-q", "--force", "origin", branch)
        return self._run("rev-parse", "HEAD")

    def push(self, workflow: str, message: str = "Change something", branch: str = "main") -> Occasion:
        """Commit `workflow` as ci.yml and return the occasion of that push."""
        sha = self.commit({".github/workflows/ci.yml": workflow}, message, branch)
        return self.pushed(sha, branch)

    def pushed(self, sha: str, branch: str = "main") -> Occasion:
        payload = {
            "ref": f"refs/heads/{branch}",
            "before": "0" * 40,
            "after": sha,
            "deleted": False,
            "repository": self.repository(REPOSITORY_ID),
            "sender": self.user(),
        }
        return Occasion("push", None, REPOSITORY_ID, f"refs/heads/{branch}", sha, payload)

    def _user(self, user: dict[str, Any]) -> dict[str, Any]:
        links = {name: f"{self.api_url}/users/{user['login']}/{name}" for name in _USER_LINKS}
        return {**user, **links, "gravatar_id": ""}

    def _run(self, *arguments: str) -> str:
        command = ["git", "-C", str(self._work), *arguments]
        environment = {**os.environ, **_IDENTITY}
        done = subprocess.run(command, check=True, capture_output=True, env=environment, timeout=20)
        return done.stdout.decode().strip()

    def _handler(fake) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler has its own self
        class GitHandler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                fake._serve(self, b"")

            def do_POST(self) -> None:
                fake._serve(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        return GitHandler

    def _serve(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        authorization = request.headers.get("Authorization", "").partition(" ")[2]
        token = base64.b64decode(authorization).decode().partition(":")[2]
        if token not in [known for known, _ in self.tokens]:
            request.send_error(401)
            return
        path, _, query = request.path.partition("?")
        environment = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self._root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path.replace(FULL_NAME, f"{FULL_NAME}.git", 1),
            "QUERY_STRING": query,
            "REQUEST_METHOD": request.command,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        }
        command = ["git", "http-backend"]
        done = subprocess.run(
            command, input=body, capture_output=True, env=environment, check=True, timeout=20
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        request.send_response(200)
        for line in head.decode().splitlines():
            name, _, value = line.partition(": ")
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(content)


_REPOSITORY_LINKS = tuple(
    f"{name}_url"
    for name in (
        *("archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits", "compare"),
        *(
            "contents",
            "contributors",
            "deployments",
            "downloads",
            "events",
            "forks",
            "git_commits",
            "git_refs",
        ),
        *(
            "git_tags",
            "hooks",
            "issue_comment",
            "issue_events",
            "issues",
            "keys",
            "labels",
            "languages",
            "merges",
        ),
        *("milestones", "notifications", "pulls", "releases", "stargazers", "statuses", "subscribers"),
        *("subscription", "tags", "teams", "trees"),
    )
)
