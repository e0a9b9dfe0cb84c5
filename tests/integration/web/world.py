"""The web application over a real database, asked by Flask's client; no job is run."""

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import text
from werkzeug.test import TestResponse

from app.database.intake import SqlIntake
from app.database.ledgers import SqlLedgers
from app.database.listening import feed_of
from app.database.metrics import SqlMetrics
from app.database.outages import Outage
from app.database.records import SqlRecords
from app.database.session import create_engine
from app.domain.addresses import Addresses
from app.domain.apps import App
from app.domain.deliveries import Delivery
from app.domain.deployments import Deployment
from app.domain.environments import Environment
from app.domain.jobs import Job, Step
from app.domain.platform import DeployAuth, Platform
from app.errors import RemoteUnavailable
from app.github.keys import SigningKeys
from app.github.oidc import OidcVerifier
from app.pipeline.count import Tally
from app.pipeline.invoke import Invoker
from app.ports import DeployAccess
from app.settings import Secret
from app.vault import FernetVault
from app.web import create_app
from app.web.context import WebContext
from app.web.exposition import Watched
from app.web.following import Follower
from app.web.invoking import Invoking, Rates
from app.web.live import Live
from app.web.outside import Gate
from tests.builders import a_repository, an_app, at
from tests.fakes.clock import FakeClock
from tests.fakes.code_host import FakeCodeHost
from tests.fakes.code_host_files import code_host
from tests.fakes.invocations import FakeFunctions, FakeStreams
from tests.fakes.runtime_logs import FakeRuntimeLogs
from tests.integration.web.cloud import Cloud
from tests.issuer import ISSUER, KeyClient

TOKEN = "canary-api-token-7c1f"
WEBHOOK_SECRET = "canary-webhook-secret-9d2e"
CLOUDFLARE_TOKEN = "canary-cloudflare-token-4b8a"
SECRET_KEY = "canary-secret-key-1a5c"
VAULT_KEY = base64.urlsafe_b64encode(b"canary-vault-key-32-bytes-long-3").decode()
CANARIES = (TOKEN, WEBHOOK_SECRET, CLOUDFLARE_TOKEN, SECRET_KEY, VAULT_KEY)
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
PLATFORM = Platform(
    url="https://branchline.test",
    owner="acme",
    template="branchline/template",
    namespaces={environment: f"live-{environment}" for environment in Environment},
    addresses=Addresses("https://apps.test", "https://dispatch.test"),
)
BY_KEY = replace(PLATFORM, deploy_auth=DeployAuth.HMAC)
BY_ITSELF = replace(PLATFORM, deploy_auth=DeployAuth.TOKEN)


def deploy_secret(app_id: str) -> str:
    """Return the key that an app's workflow signs with, in its Standard Webhooks form."""
    return "whsec_" + base64.b64encode(hashlib.sha256(f"{SECRET_KEY}/{app_id}".encode()).digest()).decode()


class FakeEngine:
    """`ports.JobEngine`; `begun` is what it says of every job's steps."""

    def __init__(self) -> None:
        self.begun: Sequence[Step] = ()
        self.cancelled: list[str] = []

    def enqueue(self, transaction: object, job: Job) -> None:
        """Leave the job in our table."""

    def steps(self, job: Job) -> Sequence[Step]:
        del job
        return self.begun

    def lost(self, jobs: Sequence[Job]) -> Sequence[tuple[Job, str]]:
        del jobs
        return ()

    def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)


class World:
    """A control plane's web side and its memory."""

    def __init__(self, database_url: str, *, lock_timeout_seconds: float = 0.2, **changes: Any) -> None:
        self.clock = FakeClock()
        self.engine = FakeEngine()
        self.key_client = KeyClient()
        self._seconds = 0.0
        keys = SigningKeys(self.key_client, clock=lambda: self._seconds)
        self.database = create_engine(database_url, lock_timeout_seconds=lock_timeout_seconds)
        self.records = SqlRecords(self.database, self.engine.enqueue, self.clock)
        self.host = FakeCodeHost(self.clock)
        self.runtime_logs = FakeRuntimeLogs()
        self.is_ready = True
        self.cloud, vault = Cloud(), FernetVault([VAULT_KEY])
        records = changes.get("records", self.records)
        self.workshop = self.cloud.workshop(records, vault, PLATFORM, self.clock)
        self.live = Live.of(Follower(feed_of(self.database)), 4)
        self.functions, self.streams, self.tally = FakeFunctions(), FakeStreams(), Tally()
        invoker = Invoker(self.functions, self.streams, self.tally, self.clock)
        metrics = SqlMetrics(self.database, self.clock, SqlLedgers(self.database, self.clock), (), lambda: 1)
        self.watched = Watched(metrics, "token", monotonic=lambda: self._seconds)
        given = {
            "watched": self.watched,
            "records": self.records,
            "intake": SqlIntake(self.database, Outage(lambda: None), patience_seconds=lock_timeout_seconds),
            "engine": self.engine,
            "platform": PLATFORM,
            "clock": self.clock,
            "entropy": random.Random(1),  # noqa: S311 - slugs are no secrets
            "api_token": Secret(TOKEN),
            "webhook_secret": Secret(WEBHOOK_SECRET),
            "secret_key": Secret(SECRET_KEY),
            "vault": vault,
            "verify_token": OidcVerifier(ISSUER, PLATFORM.url, keys).verify,
            "deploy_secret": deploy_secret,
            "grant": self._grant,
            "check_ready": self._check_ready,
            "code_host": lambda: code_host(self.host),
            "runtime_logs": self.runtime_logs,
            "workshop": self.workshop,
            "live": self.live,
            "bundles": self.cloud.bundles,
            "invoking": Invoking(
                invoker, Rates(50, monotonic=lambda: self._seconds), Gate(4, "call functions")
            ),
        }
        self.web = create_app(WebContext(**{**given, **changes}))
        self.client = self.web.test_client()

    def close(self) -> None:
        self.database.dispose()

    def later(self, seconds: float) -> None:
        """Let time pass for the keys of GitHub, and for how often workers are called."""
        self._seconds += seconds

    def app(self, number: int = 1, **changes: Any) -> App:
        """Keep an app that is ready."""
        app = an_app(number, **{"repository": a_repository(number), **changes})
        with self.records.begin() as tx:
            tx.apps.add(app)
        return app

    # -------------------- the API

    def call(self, method: str, path: str, **given: Any) -> TestResponse:
        """Call the API with the right token, unless other headers are given."""
        given.setdefault("headers", AUTHORIZED)
        return self.client.open(path, method=method, **given)

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON of an answer that has to be a success."""
        answer = self.call("GET", path, query_string=query)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    # -------------------- webhooks

    def github(
        self,
        body: bytes | Mapping[str, Any],
        event: str = "push",
        guid: str = "guid-1",
        **headers: str | None,
    ) -> TestResponse:
        """Deliver as GitHub does; a header that is given as None is left out."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        all_headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": guid,
            "X-Hub-Signature-256": github_signature(raw),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        given = {name: value for name, value in all_headers.items() if value is not None}
        return self.client.post("/webhooks/github", data=raw, headers=given)

    def deployment(
        self,
        message: bytes | Mapping[str, Any],
        *,
        path: str | None = None,
        app_id: str = "app_0001",
        message_id: str = "msg_1",
        age_seconds: int = 0,
        **headers: str | None,
    ) -> TestResponse:
        """Send what `deploy.mjs` sends, signed with the app's key."""
        raw = message if isinstance(message, bytes) else json.dumps(message).encode()
        timestamp = str(int(self.clock().timestamp()) - age_seconds)
        all_headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": workflow_signature(app_id, message_id, timestamp, raw),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        given = {name: value for name, value in all_headers.items() if value is not None}
        return self.client.post(path or place_of(message), data=raw, headers=given)

    def ask(self, message: bytes | Mapping[str, Any], token: str, *, path: str | None = None) -> TestResponse:
        """Send what `deploy.mjs` sends, with a token of GitHub's."""
        raw = message if isinstance(message, bytes) else json.dumps(message).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        return self.web.test_client().post(path or place_of(message), data=raw, headers=headers)

    def deliveries(self) -> list[Delivery]:
        """Return everything that is in the inbox, oldest first, with its body."""
        with self.records.read() as tx:
            listed = tx.deliveries.list(limit=100_000).items
            return [tx.deliveries.get(delivery.guid) for delivery in reversed(listed)]

    def dump(self) -> str:
        """Return everything that the database holds, as text."""
        tables = ("apps", "deployments", "pulls", "deliveries", "events", "jobs")
        with self.database.connect() as connection:
            rows = [connection.execute(text(f"SELECT * FROM {table}")).all() for table in tables]  # noqa: S608 - our own names
        return repr(rows)

    def _grant(self, deployment: Deployment) -> DeployAccess:
        url = f"{PLATFORM.url}/cloudflare/client/v4"
        return DeployAccess(url, "account", f"grant of {deployment.id}", at(15 * 60))

    def _check_ready(self) -> None:
        if not self.is_ready:
            raise RemoteUnavailable("starting: the database is not migrated", code="database:not-migrated")


def github_signature(body: bytes, secret: str = WEBHOOK_SECRET) -> str:
    """Sign as GitHub documents it, without our own code."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def workflow_signature(app_id: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Sign as Standard Webhooks documents it, without our own code."""
    key = base64.b64decode(deploy_secret(app_id).removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def place_of(message: bytes | Mapping[str, Any]) -> str:
    """Return where a message goes: how a run ended is told elsewhere than that it wants to deploy."""
    is_end = "conclusion" in message if isinstance(message, Mapping) else b'"conclusion"' in message
    return "/webhooks/deployments" if is_end else "/api/deployments"


def a_message(**changes: Any) -> dict[str, Any]:
    """Return a message of the workflow of app 1: that it wants to deploy, unless told how it ended."""
    message = {
        "repository": {"id": 1, "fullName": "acme/app-1"},
        "event": "push",
        "ref": "refs/heads/main",
        "branch": "main",
        "commit": "a" * 40,
        "message": "Say hello",
        "pullRequest": None,
        "run": {"id": 1001, "number": 1, "attempt": 1, "url": "https://github.test/runs/1001"},
        "phases": {"install": 3.21, "build": 1.4},
    }
    return {**message, **changes}


def an_end(conclusion: str = "success", **changes: Any) -> dict[str, Any]:
    """Return a message of the workflow of app 1 that says how it ended."""
    return a_message(**{"deployment": None, "conclusion": conclusion, "error": None, **changes})


def error_of(answer: TestResponse) -> dict[str, Any]:
    """Return the error of an answer, which has the one form that errors have."""
    assert answer.mimetype == "application/json", answer.text
    body = answer.get_json()
    assert set(body) == {"error"}, body
    assert set(body["error"]) == {"code", "message", "details"}, body
    assert isinstance(body["error"]["message"], str)
    assert isinstance(body["error"]["details"], dict)
    return dict(body["error"])


def deployments(world: World, app_id: str = "app_0001") -> list[Deployment]:
    """Return what is recorded of an app's deployments."""
    with world.records.read() as tx:
        return list(tx.deployments.find(app_id))
