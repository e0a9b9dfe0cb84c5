"""A script on its way up: modules into the bundle store, metadata checked, and the whole of it live at once.

Cloudflare hears of it only when everything is here. What it says of code that does not start goes back to the
author as Cloudflare said it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from flask import Response, request

from app.cloudflare.gateway import metadata as rules
from app.cloudflare.gateway import modules as module_rules
from app.cloudflare.gateway.content import at_most
from app.cloudflare.gateway.envelope import Fault
from app.cloudflare.gateway.multipart import Part, boundary_of, read_parts
from app.domain.bundles import Bundle, Module
from app.domain.deployments import Deployment
from app.errors import InvalidInput, TooLarge
from app.web.gateway.access import granted, granted_script
from app.web.gateway.answers import accept, refuse
from app.web.gateway.assets import uploaded_assets
from app.web.gateway.bodies import reading
from app.web.gateway.context import context

# Modules, source maps and metadata, with what is around them; Cloudflare takes no larger request.
_BODY_BYTES: Final = 100 * 1024 * 1024
_METADATA: Final = "metadata"


def describe_script(account_id: str, namespace: str, script: str) -> Response:
    """Answer that there is a script, and no more: what runs there is none of the author's business here.

    With that wrangler goes on, and asks to inherit the secrets that its configuration requires.
    """
    granted(account_id, namespace, script)
    return accept({"script": {"id": script}})


def no_worker(account_id: str, script: str) -> Response:
    """Answer that there is no ordinary Worker of that name; wrangler asks for its secrets and settings."""
    granted_script(account_id, script)
    return refuse(404, Fault(10007, "This Worker does not exist on your account."))


def upload_script(account_id: str, namespace: str, script: str) -> Response:
    """Put the script up; the answer is sent when it is live."""
    deployment = granted(account_id, namespace, script)
    boundary = boundary_of(request.headers.get("Content-Type", ""))
    turns = context().turns
    with turns.alone(deployment.id), turns.take(deployment.id):
        with reading(_BODY_BYTES) as body:
            upload = _received(boundary, body)
        bundle = _bundle(deployment, upload)
        context().go_live(deployment.id, bundle)
    return accept({"id": script, "etag": bundle.digest, "deployment_id": bundle.digest[:32]})


@dataclass
class _Received:
    """What has come so far."""

    metadata: Mapping[str, Any] | None = None
    modules: dict[str, Module] = field(default_factory=dict)

    @property
    def left_bytes(self) -> int:
        """How much more code there may be."""
        return module_rules.MAXIMUM_BYTES - sum(module.size_bytes for module in self.modules.values())


def _received(boundary: bytes, body: Iterator[bytes]) -> _Received:
    received = _Received()
    for part in read_parts(boundary, body):
        if part.name == _METADATA:
            raw = b"".join(at_most(rules.MAXIMUM_BYTES, part.content, "the script's metadata"))
            received.metadata = rules.read_metadata(raw)
        else:
            _keep_module(part, received)
    return received


def _keep_module(part: Part, received: _Received) -> None:
    """Put one module into the store as it comes."""
    form = module_rules.module_form(part)
    if form.is_source_map:
        return
    if form.name in received.modules:
        raise InvalidInput(
            f"reading the script: two modules are called {form.name}", code="upload:invalid-module"
        )
    if len(received.modules) == module_rules.MAXIMUM_MODULES:
        raise TooLarge(
            f"reading the script: it has more than {module_rules.MAXIMUM_MODULES} modules",
            code="upload:too-large",
        )
    sha256, size_bytes = context().bundles.write(at_most(received.left_bytes, part.content, "the script"))
    received.modules[form.name] = Module(form.name, form.content_type, sha256, size_bytes)


def _bundle(deployment: Deployment, received: _Received) -> Bundle:
    if received.metadata is None:
        raise rules.refusal(["metadata: the part is missing"])
    with context().records.read() as tx:
        provided = {it.name for it in tx.variables.of(deployment.app_id, deployment.environment)}
    types = {module.name: module.content_type for module in received.modules.values()}
    metadata = rules.check_metadata(received.metadata, types, provided)
    token = metadata.assets_token
    assets = tuple(uploaded_assets(deployment, token)) if token is not None else ()
    return metadata.bundle(tuple(received.modules.values()), assets)
