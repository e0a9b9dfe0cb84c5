"""The gateway over memory and fakes, and a client that speaks to it as wrangler does."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

from werkzeug.test import TestResponse

from app.cloudflare.gateway.sessions import AssetSessions
from app.domain.addresses import Addresses
from app.domain.bundles import Bundle
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.names import own_script_name
from app.domain.platform import Platform
from app.domain.variables import Variable
from app.pipeline.putting import Putter
from app.pipeline.upload import go_live
from app.ports import Bundles, Upload
from app.web.gateway import create_gateway
from app.web.gateway.context import GatewayContext
from app.web.grants import Grants
from tests.builders import a_deployment, a_repository, an_app
from tests.fakes.bundles import FakeBundles
from tests.fakes.clock import FakeClock
from tests.fakes.records import FakeRecords
from tests.fakes.scripts import FakeScripts
from tests.fakes.vault import FakeVault

ACCOUNT = "0123456789abcdef0123456789abcdef"
KEY = "a secret key that is long enough for anybody"
BOUNDARY = "----formdata-undici-012345678901"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
JAVASCRIPT = "application/javascript+module"
METADATA: dict[str, Any] = {
    "main_module": "index.js",
    "compatibility_date": "2026-10-01",
    "bindings": [{"name": "GREETING", "type": "plain_text", "text": "hello"}],
    "keep_bindings": ["secret_text", "secret_key"],
}
CODE = b"export default { fetch: () => new Response('hello') };"
Part = tuple[str, bytes, str | None]


class World:
    """One app, one deployment of it that is under way, and its grant."""

    def __init__(self, bundles: Bundles | None = None) -> None:
        self.clock = FakeClock()
        self.records = FakeRecords(self.clock)
        self.bundles = FakeBundles(self.clock)
        self.scripts = FakeScripts()
        self.platform = Platform(
            url="https://branchline.test",
            owner="acme",
            template="acme/template",
            namespaces={environment: f"live-{environment}" for environment in Environment},
            addresses=Addresses("https://apps.test", "https://dispatch.test"),
        )
        for namespace in self.platform.namespaces.values():
            self.scripts.ensure_namespace(namespace)
        store = bundles or self.bundles
        putter = Putter(self.records, self.scripts, store, FakeVault(), self.platform, clock=self.clock)
        self.context = GatewayContext(
            records=self.records,
            bundles=store,
            grants=Grants(KEY, self.clock),
            sessions=AssetSessions(KEY),
            account_id=ACCOUNT,
            go_live=lambda deployment_id, bundle: go_live(deployment_id, bundle, putter),
            clock=self.clock,
        )
        self.client = create_gateway(self.context).test_client()
        self.app = an_app(repository=a_repository())
        with self.records.begin() as tx:
            tx.apps.add(self.app)
        self.deployment = self.deploying()

    # -------------------- what is there

    def deploying(self, number: int = 1, **changes: Any) -> Deployment:
        """Keep a deployment that has asked for its plan."""
        deployment = a_deployment(number, namespace="live-production", status=Status.DEPLOYING, **changes)
        own = own_script_name(self.app.slug, deployment.environment, deployment.id)
        with self.records.begin() as tx:
            tx.deployments.add(replace(deployment, own_script=own))
        return self.kept(deployment.id)

    def kept(self, deployment_id: str | None = None) -> Deployment:
        with self.records.read() as tx:
            return tx.deployments.get(deployment_id or self.deployment.id)

    def become(self, status: Status) -> None:
        with self.records.begin() as tx:
            tx.deployments.save(replace(self.kept(), status=status))

    def provide(self, name: str, value: str) -> None:
        """Set a variable of the environment."""
        variable = Variable(
            self.app.id,
            self.deployment.environment,
            name,
            value,
            is_secret=False,
            updated_at=self.clock(),
            actor="token",
        )
        with self.records.begin() as tx:
            tx.variables.save(variable)

    def live(self) -> Upload | None:
        """Return what answers as the environment's script."""
        return self.scripts.uploads.get((self.deployment.namespace, self.deployment.script))

    def bundle(self) -> Bundle:
        found = self.live()
        assert found is not None
        return found.bundle

    # -------------------- as wrangler does

    def grant(self, deployment: Deployment | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.context.grants.issue(deployment or self.deployment)}"}

    def call(self, method: str, path: str, **given: Any) -> TestResponse:
        """Ask below the account, with a grant unless other headers are given."""
        given.setdefault("headers", self.grant())
        return self.client.open(f"/accounts/{ACCOUNT}/workers{path}", method=method, **given)

    @property
    def script_path(self) -> str:
        return script_path(self.deployment.namespace, self.deployment.script)

    def put(
        self,
        metadata: Mapping[str, Any] = METADATA,
        modules: Sequence[Part] = (("index.js", CODE, JAVASCRIPT),),
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        """Put the script up."""
        described = ("metadata", json.dumps(metadata).encode(), None)
        return self.put_raw(form([described, *modules]), headers)

    def put_raw(self, body: bytes, headers: Mapping[str, str] | None = None) -> TestResponse:
        path = f"{self.script_path}?excludeScript=true&bindings_inherit=strict"
        return self.call(
            "PUT", path, input_stream=BytesIO(body), headers={**self.grant(), **FORM, **(headers or {})}
        )

    def announce(self, files: Mapping[str, bytes]) -> TestResponse:
        manifest = {path: {"hash": name_of(content), "size": len(content)} for path, content in files.items()}
        return self.call("POST", f"{self.script_path}/assets-upload-session", json={"manifest": manifest})

    def send(self, token: str, files: Sequence[Part]) -> TestResponse:
        """Send one bucket; contents are written in base64."""
        body = form([(name, base64.b64encode(content), kind) for name, content, kind in files])
        return self.send_raw(token, body)

    def send_raw(self, token: str, body: bytes) -> TestResponse:
        headers = {"Authorization": f"Bearer {token}", **FORM}
        return self.call("POST", "/assets/upload?base64=true", input_stream=BytesIO(body), headers=headers)

    def send_file(
        self, token: str, name: str, content: bytes, kind: str, said: Mapping[str, str] | None = None
    ) -> TestResponse:
        """Send one file as it is."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        return self.call(
            "POST",
            f"/assets/upload/{name}",
            input_stream=BytesIO(content),
            headers=headers,
            environ_overrides=dict(said or {}),
        )

    def upload(self, files: Mapping[str, bytes], content_type: str = "text/html; charset=utf-8") -> str:
        """Announce and send files as they are asked for; return the token that closes the upload."""
        opened = result(self.announce(files))
        by_name = {name_of(content): content for content in files.values()}
        token = str(opened["jwt"])
        for bucket in opened["buckets"]:
            parts = [(name, by_name[name], content_type) for name in bucket]
            token = str(result(self.send(opened["jwt"], parts)).get("jwt", token))
        return token

    def wait(self, **span: float) -> None:
        self.clock.advance(timedelta(**span).total_seconds())


def script_path(namespace: str, script: str) -> str:
    return f"/dispatch/namespaces/{namespace}/scripts/{script}"


def name_of(content: bytes) -> str:
    """Name content as a client would, by a hash of its own choice."""
    return hashlib.blake2s(content, digest_size=16).hexdigest()


def form(parts: Sequence[Part]) -> bytes:
    """Write a form as undici does: what has a type is a file."""
    written = b""
    for name, content, content_type in parts:
        head = f'Content-Disposition: form-data; name="{name}"'
        if content_type is not None:
            head += f'; filename="{name}"\r\nContent-Type: {content_type}'
        written += f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + content + b"\r\n"
    return written + f"--{BOUNDARY}--\r\n".encode()


def result(answer: TestResponse) -> Any:
    """Return the result of an answer that has to be a success."""
    body = answer.get_json()
    assert answer.status_code < 300, answer.text
    assert (body["success"], body["errors"], body["messages"]) == (True, [], [])
    return body["result"]


def refusal(answer: TestResponse) -> tuple[int, list[tuple[int, str]]]:
    """Return status, codes and messages of an answer that has to be a refusal in the envelope."""
    assert answer.mimetype == "application/json", answer.text
    body = answer.get_json()
    assert set(body) == {"success", "errors", "messages", "result"}
    assert (body["success"], body["messages"], body["result"]) == (False, [], None)
    assert answer.status_code >= 400
    return answer.status_code, [(error["code"], error["message"]) for error in body["errors"]]


def refused_with(answer: TestResponse) -> tuple[int, int]:
    """Return status and first code of a refusal."""
    status, faults = refusal(answer)
    return status, faults[0][0]
