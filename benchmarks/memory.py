"""What web and jobs hold together after a thousand deployments were recorded and told to GitHub.

The deployments have the form of real runs: signed webhooks, and signed start and finish messages, of 25 apps.
GitHub is the sandbox's, without runners. Shared pages count once (PSS).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from rich.console import Console
from rich.table import Table

from app.bootstrap.schema import upgrade_database
from app.database.records import SqlRecords
from app.database.session import create_engine
from app.domain.apps import App, AppStatus, Repository
from app.domain.names import new_id, new_slug
from app.pipeline.install import deploy_secret
from benchmarks.control_plane import (
    ControlPlane,
    environment,
    free_port,
    serving,
    stop,
    wait_until_it_answers,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.domain.jobs import Job

DEPLOYMENTS = 1000
APPS = 25
SENDERS = 4
DRAIN_SECONDS = 900.0
LIMIT_BYTES = 200 * 1024 * 1024


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="branchline-bench-") as name, _github(Path(name)) as (url, token):
        nowhere = f"http://127.0.0.1:{free_port()}"
        environ = environment(
            Path(name), github_url=f"{url}/api/v3", github_token=token, cloudflare_url=nowhere
        )
        upgrade_database(environ)
        apps = [_adopt(environ, *_repository(url, token, f"shop-{n}")) for n in range(APPS)]
        with serving(environ) as plane:
            runs = [_Runs(plane, app, commit) for app, commit in apps]
            before = plane.memory_bytes()
            began = time.monotonic()
            _deploy(runs)
            _show(before, plane.memory_bytes(), time.monotonic() - began)


def _show(before: int, after: int, seconds: float) -> None:
    table = Table(title=f"memory of web and jobs together, {DEPLOYMENTS} deployments in {seconds:.0f} s")
    for column in ("before", f"after {DEPLOYMENTS}", "limit"):
        table.add_column(column, justify="right")
    table.add_row(*(f"{size / 1024 / 1024:.0f} MiB" for size in (before, after, LIMIT_BYTES)))
    Console().print(table)
    print(f"{'within' if after < LIMIT_BYTES else 'OVER'} the limit")


@contextmanager
def _github(directory: Path) -> Iterator[tuple[str, str]]:
    home = directory / "github"
    url = f"http://127.0.0.1:{free_port()}"
    port = url.rpartition(":")[2]
    options = ["--directory", str(home), "--port", port, "--no-actions", "--rate-limit", "1000000"]
    process = subprocess.Popen([sys.executable, "-m", "sandbox.github", *options], stdout=subprocess.DEVNULL)
    try:
        wait_until_it_answers(f"{url}/api/v3/meta")
        yield url, json.loads((home / "tokens.json").read_text())["branchline-bot"]
    finally:
        stop(process)


def _repository(url: str, token: str, name: str) -> tuple[dict[str, Any], str]:
    with httpx.Client(base_url=f"{url}/api/v3", headers={"Authorization": f"Bearer {token}"}) as http:
        made = http.post("/orgs/acme/repos", json={"name": name, "auto_init": True}).raise_for_status()
        branch = http.get(f"/repos/acme/{name}/branches/main").raise_for_status()
    return made.json(), branch.json()["commit"]["sha"]


def _adopt(environ: dict[str, str], repository: dict[str, Any], commit: str) -> tuple[App, str]:
    """Keep an app that has this repository, as provisioning would have."""
    at = datetime.now(UTC)
    kept = Repository(
        id=repository["id"],
        full_name=repository["full_name"],
        html_url=repository["html_url"],
        clone_url=repository["clone_url"],
        default_branch="main",
        is_private=False,
        is_fork=False,
        parent_full_name=None,
        created_at=at,
    )
    slug = new_slug(random.SystemRandom())
    app = App(new_id("app", at), slug, repository["name"], AppStatus.READY, at, at, repository=kept)

    def refuse(_session: object, job: Job) -> None:
        raise AssertionError(job)

    engine = create_engine(environ["DATABASE_URL"])
    with SqlRecords(engine, refuse, lambda: at).begin() as tx:
        tx.apps.add(app)
    engine.dispose()
    return app, commit


def _deploy(runs: list[_Runs]) -> None:
    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(lambda n: runs[n % APPS].one(n // APPS), range(DEPLOYMENTS)))
    runs[0].wait_until_told()


@dataclass
class _Runs:
    """Runs of the app's workflow, as GitHub and `deploy.mjs` would report them."""

    plane: ControlPlane
    app: App
    commit: str

    def __post_init__(self) -> None:
        environ = self.plane.environ
        self.secret = deploy_secret(environ["BRANCHLINE_SECRET_KEY"], self.app.id)
        self.http = httpx.Client(base_url=self.plane.url, timeout=30)
        self.token = {"Authorization": f"Bearer {environ['BRANCHLINE_API_TOKEN']}"}

    def one(self, index: int) -> None:
        """Report one run from its request to its end; busy answers are asked again."""
        for action, status in (("requested", "queued"), ("in_progress", "in_progress")):
            self._webhook(index, action, status)
        self._message(index, {"action": "start"})
        self._message(index, {"action": "finish", "conclusion": "success"})

    def wait_until_told(self) -> None:
        """Return when every delivery and every job is done."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < deadline:
            deliveries = self._get("/api/deliveries?limit=100")["items"]
            jobs = self._jobs_left()
            if all(d["status"] != "waiting" for d in deliveries) and not jobs:
                return
            time.sleep(1)
        raise TimeoutError(f"not everything was told to GitHub in {DRAIN_SECONDS:.0f} s")

    def _jobs_left(self) -> bool:
        engine = create_engine(self.plane.environ["DATABASE_URL"])
        with SqlRecords(engine, lambda _session, _job: None, lambda: datetime.now(UTC)).read() as tx:
            left = bool(tx.jobs.unfinished(limit=1))
        engine.dispose()
        return left

    def _get(self, path: str) -> dict[str, Any]:
        body: dict[str, Any] = self.http.get(path, headers=self.token).raise_for_status().json()
        return body

    def _webhook(self, index: int, action: str, status: str) -> None:
        body = json.dumps(self._workflow_run(index, action, status)).encode()
        key = self.plane.environ["GITHUB_WEBHOOK_SECRET"].encode()
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "workflow_run",
            "X-GitHub-Delivery": str(uuid.uuid4()),
            "X-Hub-Signature-256": "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest(),
        }
        self.http.post("/webhooks/github", content=body, headers=headers).raise_for_status()

    def _message(self, index: int, parts: dict[str, Any]) -> None:
        body = json.dumps(self._run_report(index) | parts).encode()
        message_id, timestamp = f"msg_{uuid.uuid4()}", str(int(time.time()))
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        signed = b".".join((message_id.encode(), timestamp.encode(), body))
        signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{signature}",
        }
        while True:
            response = self.http.post("/webhooks/deployments", content=body, headers=headers)
            if response.status_code != httpx.codes.CONFLICT:
                response.raise_for_status()
                return
            time.sleep(0.05)

    def _run_report(self, index: int) -> dict[str, Any]:
        assert self.app.repository is not None
        return {
            "repository": {"id": self.app.repository.id, "fullName": self.app.repository.full_name},
            "event": "push",
            "ref": "refs/heads/main",
            "branch": "main",
            "commit": self.commit,
            "message": "Make it blue",
            "pullRequest": None,
            "run": {"id": index + 1, "number": index + 1, "attempt": 1, "url": "http://127.0.0.1:9/run"},
            "phases": {"install": 3.2, "build": 0.7},
        }

    def _workflow_run(self, index: int, action: str, status: str) -> dict[str, Any]:
        assert self.app.repository is not None
        repository = {"id": self.app.repository.id, "full_name": self.app.repository.full_name}
        run = {
            "id": index + 1,
            "run_number": index + 1,
            "run_attempt": 1,
            "html_url": "http://127.0.0.1:9/run",
            "event": "push",
            "status": status,
            "conclusion": None,
            "head_branch": "main",
            "head_sha": self.commit,
            "head_commit": {"message": "Make it blue"},
            "head_repository": repository,
            "path": ".github/workflows/deploy.yml",
            "pull_requests": [],
            "created_at": "2026-11-22T12:00:00Z",
            "updated_at": "2026-11-22T12:00:00Z",
        }
        return {"action": action, "workflow_run": run, "repository": repository, "sender": {"login": "ada"}}


if __name__ == "__main__":
    main()
