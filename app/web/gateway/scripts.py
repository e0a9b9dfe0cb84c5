"""A script on its way up: modules into the bundle store, metadata checked, and the whole of it live at once.

Cloudflare hears of it only when everything is here. What it says of code that does not start goes back to the
author as Cloudflare said it.
"""

from collections.abc import Iterator
from typing import Final

from flask import Response, request

from app.cloudflare.gateway.envelope import Fault
from app.cloudflare.gateway.multipart import boundary_of, read_parts
from app.cloudflare.gateway.scripts import IncomingScript
from app.domain.bundles import Bundle
from app.domain.deployments import Deployment
from app.web.gateway.access import granted, granted_script
from app.web.gateway.answers import accept, refuse
from app.web.gateway.assets import uploaded_assets
from app.web.gateway.bodies import reading
from app.web.gateway.context import context

# Modules, source maps and metadata, with what is around them; Cloudflare takes no larger request.
_BODY_BYTES: Final = 100 * 1024 * 1024


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
            incoming = _received(boundary, body)
        bundle = _bundle(deployment, incoming)
        context().go_live(deployment.id, bundle)
    return accept({"id": script, "etag": bundle.digest, "deployment_id": bundle.digest[:32]})


def _received(boundary: bytes, body: Iterator[bytes]) -> IncomingScript:
    incoming = IncomingScript(context().bundles)
    for part in read_parts(boundary, body):
        incoming.take(part)
    return incoming


def _bundle(deployment: Deployment, incoming: IncomingScript) -> Bundle:
    with context().records.read() as tx:
        provided = {it.name for it in tx.variables.of(deployment.app_id, deployment.environment)}
    metadata = incoming.metadata(provided)
    token = metadata.assets_token
    return incoming.bundle(metadata, uploaded_assets(deployment, token) if token is not None else ())
