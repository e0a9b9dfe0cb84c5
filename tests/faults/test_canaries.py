"""No secret leaves: a story is told with secrets like no others, and all that came of it is searched.

Searched are answers of the API, refusals and its document among them; logs of all processes; every row
of the database, the engine's inputs and outputs of jobs among them; and what GitHub shows to people.
"""

import base64
import secrets
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy
from cryptography.fernet import Fernet
from sqlalchemy import BLOB

from app.domain.apps import App
from app.domain.environments import Environment
from app.jobs.lifecycle import OVER
from sandbox.waiting import wait_for
from tests.faults.figures import Figures
from tests.faults.stage import Stage
from tests.faults.town import Plane, Remotes

LIVE_SECONDS = 120.0
PAGES = (
    "/api/openapi.json",
    "/api/apps",
    "/api/deliveries",
    "/api/events",
    "/api/apps/{app}",
    "/api/apps/{app}/deployments",
    "/api/apps/{app}/environments/production/secrets",
    "/api/apps/{app}/environments/production/variables",
    "/metrics",
    "/readyz",
)


@dataclass
class Searched:
    """What was looked through, by where it lay."""

    texts: dict[str, bytes]
    canaries: Mapping[str, str]

    def hits(self) -> list[str]:
        """Return every place where a canary, or its base64, was found."""
        return [
            f"{name} in {place}"
            for place, text in self.texts.items()
            for name, canary in self.canaries.items()
            if any(form in text for form in _forms(canary))
        ]


def _forms(canary: str) -> tuple[bytes, ...]:
    # The middle of it in base64, whatever stood before it.
    shifted = (base64.b64encode(b"x" * by + canary.encode())[4:-4] for by in range(3))
    return canary.encode(), *shifted


def test_no_secret_is_found_anywhere(
    remotes: Remotes, migrated_sqlite_url: str, tmp_path: Path, figures: Figures
) -> None:
    remotes.runs_are_idle(are_idle=False)
    key = Fernet.generate_key().decode()
    with Plane(remotes, migrated_sqlite_url, tmp_path, BRANCHLINE_ENCRYPTION_KEYS=key) as plane, plane.web():
        stage = Stage(plane)
        process = plane.jobs()
        of_app = f"canary-{secrets.token_hex(16)}"
        answers, app = tell_a_story(stage, of_app)
        stage.wait_quiet()
        process.kill()
        texts = answers | dict(_logs(tmp_path)) | dict(_rows(plane)) | dict(_github(stage, app))
        names = ("GITHUB_TOKEN", "GITHUB_WEBHOOK_SECRET", "CLOUDFLARE_API_TOKEN", "BRANCHLINE_API_TOKEN")
        settings = {name: plane.environ[name] for name in (*names, "BRANCHLINE_SECRET_KEY")}
    searched = Searched(texts, {**settings, "BRANCHLINE_ENCRYPTION_KEYS": key, "a secret of the app": of_app})
    size = sum(len(text) for text in texts.values()) / 1e6
    found = searched.hits()
    told = f"{len(found)} hits of {len(searched.canaries)} secrets in {len(texts)} places, {size:.1f} MB"
    figures.tell("S4", "secrets in outputs", told)
    assert found == []
    # What is no secret is found by the same search, so that the search is known to see.
    for place in ("table deliveries", "table workflow_status", "table jobs", "log jobs.log"):
        assert texts[place], place
    assert Searched(texts, {"its id": app.id}).hits()


def tell_a_story(stage: Stage, secret: str) -> tuple[dict[str, bytes], App]:
    """Ask for an app, give it a secret, deploy, refuse and fail; return all answers."""
    url, token = stage.plane.environ["BRANCHLINE_URL"], stage.plane.environ["BRANCHLINE_API_TOKEN"]
    answers = dict[str, bytes]()
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        client.event_hooks["response"].append(lambda response: _keep(response, answers))
        client.headers["Authorization"] = f"Bearer {token}"
        asked = client.post("/api/apps", json={"name": "canary"}).json()
        _wait(client, asked["jobId"])
        place = "/api/apps/canary/environments/production/secrets/CANARY"
        client.put(place, json={"value": secret})
        client.put(place.lower(), json={"value": secret, "and": secret})
        client.post("/api/apps", content=f"not json {secret}", headers={"Content-Type": "application/json"})
        client.post("/webhooks/github", content=secret, headers={"X-Hub-Signature-256": f"sha256={secret}"})
        client.get("/api/apps", headers={"Authorization": f"Bearer {token}x"})
        _wait_live(stage, "canary")
        client.post("/api/apps/canary/rollback", json={"environment": "production"})
        with stage.records.read() as tx:
            app = tx.apps.get("canary")
        for page in PAGES:
            client.get(page.format(app="canary"))
        jobs = [job.id for job in _jobs(stage)]
        for job in jobs:
            client.get(f"/api/jobs/{job}")
    return answers, app


def _keep(response: httpx.Response, answers: dict[str, bytes]) -> None:
    headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    place = f"answer {len(answers)} to {response.request.method} {response.request.url.path}"
    answers[place] = headers.encode() + response.read()


def _wait(client: httpx.Client, job_id: str) -> None:
    def look() -> tuple[bool | None, object]:
        status = client.get(f"/api/jobs/{job_id}").json()["status"]
        return (True if status in OVER else None), status

    wait_for("the app", look, LIVE_SECONDS, every=0.5)


def _wait_live(stage: Stage, name: str) -> None:
    def look() -> tuple[bool | None, object]:
        with stage.records.read() as tx:
            app = tx.apps.get(name)
            found = {it.environment: it.status for it in tx.deployments.find(app.id)}
        return (True if found.get(Environment.PRODUCTION) == "ready" else None), found

    wait_for("production live", look, LIVE_SECONDS, every=0.5)


def _jobs(stage: Stage) -> list[Any]:
    with stage.plane.shared.database.connect() as connection:
        return list(connection.execute(sqlalchemy.text("SELECT id FROM jobs")))


def _logs(directory: Path) -> Iterator[tuple[str, bytes]]:
    for path in directory.rglob("*.log"):
        yield f"log {path.name}", path.read_bytes()


def _rows(plane: Plane) -> Iterator[tuple[str, bytes]]:
    """Yield every table as bytes, what is compressed unpacked; the engine's tables lie in the same file."""
    tables = sqlalchemy.MetaData()
    tables.reflect(plane.shared.database)
    with plane.shared.database.connect() as connection:
        for name, table in tables.tables.items():
            rows = connection.execute(sqlalchemy.select(*(it.cast(BLOB) for it in table.columns))).all()
            yield f"table {name}", b"\n".join(_bytes(value) for row in rows for value in row)


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        with suppress(zlib.error):
            return zlib.decompress(value)
        return value
    return str(value).encode()


def _github(stage: Stage, app: App) -> Iterator[tuple[str, bytes]]:
    """Yield what people see of the repository: its files, commits, deployments and variables."""
    name, github = app.repository_name, stage.remotes.github.client
    for path in ("commits", "deployments", "actions/variables", "actions/runs", "hooks"):
        yield f"GitHub's {path}", github.get(f"/repos/{name}/{path}").content
    for entry in github.get(f"/repos/{name}/git/trees/main", params={"recursive": "1"}).json()["tree"]:
        if entry["type"] == "blob":
            blob = github.get(f"/repos/{name}/git/blobs/{entry['sha']}").json()
            yield f"GitHub's {entry['path']}", base64.b64decode(blob["content"])
