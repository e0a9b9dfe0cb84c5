"""A control plane whose gateway is real, in front of the sandbox's Cloudflare; and wrangler in front of it.

`branchline serve` runs over a database of its own. Runs do not speak to it here: a deployment that has asked
for its plan is written straight into the database, and its grant is made with the same key.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from app.bootstrap.schema import upgrade_database
from app.bootstrap.shared import Shared, utc_now
from app.domain.deployments import Deployment, Status
from app.domain.names import new_id, own_script_name
from app.settings import Settings
from app.web.gateway import PREFIX
from app.web.grants import Grants
from sandbox.ports import free_port
from tests.builders import a_deployment, a_repository, an_app
from tests.contract.sandbox_cloudflare.driver import (
    ACCOUNT,
    DATE,
    PREVIEW,
    PRODUCTION,
    ROOT,
    STAGING,
    TOKEN,
    TOOLS,
    Sandbox,
)


class Plane:
    """A running control plane and its one app."""

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:
        self.api = url + PREFIX
        self.settings = Settings.from_environ(environ)
        self.records = Shared(self.settings).records
        self.app = an_app(repository=a_repository())
        self._runs = count(1)
        with self.records.begin() as tx:
            tx.apps.add(self.app)

    def deploying(self, script: str, namespace: str = PRODUCTION) -> Deployment:
        """Keep a deployment that has asked for its plan."""
        deployment = a_deployment(
            next(self._runs), namespace=namespace, script=script, status=Status.DEPLOYING
        )
        identity = new_id("dpl", utc_now())
        own = own_script_name(self.app.slug, deployment.environment, identity)
        deployment = replace(deployment, id=identity, own_script=own)
        with self.records.begin() as tx:
            tx.deployments.add(deployment)
        return deployment

    def become(self, deployment: Deployment, status: Status) -> None:
        with self.records.begin() as tx:
            tx.deployments.save(replace(tx.deployments.get(deployment.id), status=status))

    def kept(self, deployment: Deployment) -> Deployment:
        with self.records.read() as tx:
            return tx.deployments.get(deployment.id)

    def grant(self, deployment: Deployment) -> str:
        return Grants(self.settings.secret_key.reveal(), utc_now).issue(deployment)


@contextmanager
def serving(sandbox: Sandbox, directory: Path) -> Iterator[Plane]:
    """Run `branchline serve` until the block ends."""
    port = free_port()
    environ = _environ(sandbox, directory, port)
    upgrade_database(environ)
    command = [sys.executable, "-P", "-m", "app", "serve", "--no-jobs", "--port", str(port)]
    process = subprocess.Popen(
        command, cwd=ROOT, env={"PATH": os.environ["PATH"], **environ}, stderr=subprocess.PIPE, text=True
    )
    try:
        _wait(process, environ["BRANCHLINE_URL"])
        yield Plane(environ["BRANCHLINE_URL"], environ)
    finally:
        process.terminate()
        _, said = process.communicate(timeout=60)
        assert "unforeseen" not in said, said


def _wait(process: subprocess.Popen[str], url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if httpx.get(f"{url}/readyz", timeout=5, trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the control plane does not answer"
        time.sleep(0.05)


def _environ(sandbox: Sandbox, directory: Path, port: int) -> dict[str, str]:
    return {
        "DATABASE_URL": f"sqlite:///{directory / 'branchline.sqlite'}",
        "BRANCHLINE_BUNDLES": str(directory / "bundles"),
        "BRANCHLINE_URL": f"http://127.0.0.1:{port}",
        "BRANCHLINE_SECRET_KEY": "a secret key of the gateway's tests, long enough",
        "BRANCHLINE_API_TOKEN": "an-api-token-of-the-gateways-tests",
        "GITHUB_API_URL": "http://127.0.0.1:9",
        "GITHUB_TOKEN": "unused",
        "GITHUB_WEBHOOK_SECRET": "a webhook secret that nobody uses",
        "GITHUB_ORG": "acme",
        "GITHUB_TEMPLATE_REPO": "acme/template",
        "CLOUDFLARE_API_URL": sandbox.api,
        "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
        "CLOUDFLARE_API_TOKEN": TOKEN,
        "WFP_NAMESPACE_PRODUCTION": PRODUCTION,
        "WFP_NAMESPACE_STAGING": STAGING,
        "WFP_NAMESPACE_PREVIEW": PREVIEW,
        "WFP_DISPATCH_DOMAIN": sandbox.dispatch_url,
        "APPS_DOMAIN": f"http://{sandbox.apps_domain}",
    }


class Wrangler:
    """An unmodified wrangler in a project's folder, which knows nothing but what a plan told it."""

    def __init__(self, plane: Plane, folder: Path) -> None:
        self.plane = plane
        self.folder = folder

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def configure(self, **config: Any) -> None:
        self.write({"wrangler.json": json.dumps({"name": "app", "compatibility_date": DATE, **config})})

    def deploy(self, deployment: Deployment, *, status: int = 0, **environ: str) -> str:
        """Deploy with the grant of a deployment and return what was printed."""
        wrangler = str(TOOLS / "node_modules/.bin/wrangler")
        where = ["--dispatch-namespace", deployment.namespace, "--name", deployment.script]
        done = subprocess.run(
            [wrangler, "deploy", *where],
            cwd=self.folder,
            env={**self._environ(deployment), **environ},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def _environ(self, deployment: Deployment) -> dict[str, str]:
        return {
            "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "CLOUDFLARE_API_BASE_URL": self.plane.api,
            "CLOUDFLARE_API_TOKEN": self.plane.grant(deployment),
            "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
            "WRANGLER_SEND_METRICS": "false",
            "CI": "1",
        }
