"""Receivers: what GitHub and the workflows tell us. Verify, keep, answer; work starts from the row.

Neither takes a session or an API token: each message carries its own proof.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from flask import Response, jsonify, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from app.domain.deliveries import Delivery, DeliverySource, DeliveryStatus
from app.errors import BadSignature, Malformed, Stale, TooLarge
from app.github.signature import HEADER as SIGNATURE_HEADER
from app.github.signature import check_form as signature_form
from app.github.signature import verify as verify_github
from app.pipeline.record import finish
from app.pipeline.start import Plan, start
from app.ports import DeployAccess, Transaction
from app.web import signing
from app.web.context import context
from app.web.errors import COMMON_ERRORS, ErrorOut
from app.web.messages import DeploymentMessage
from app.web.views import ReceivedView

receivers = APIBlueprint(
    "webhooks",
    __name__,
    url_prefix="/webhooks",
    abp_responses={**COMMON_ERRORS, "401": ErrorOut, "413": ErrorOut},
)

# "Payloads are capped at 25 MB": https://docs.github.com/en/webhooks/webhook-events-and-payloads
_MAXIMUM_GITHUB_BYTES: Final = 25 * 1024 * 1024
_MAXIMUM_MESSAGE_BYTES: Final = 64 * 1024
_KEPT_HEADERS: Final = (
    "X-GitHub-Event",
    "X-GitHub-Delivery",
    "X-GitHub-Hook-ID",
    "X-GitHub-Hook-Installation-Target-Type",
    "X-GitHub-Hook-Installation-Target-ID",
    "User-Agent",
    "Content-Type",
)


@receivers.post("/github", responses={"202": ReceivedView})
def receive_github() -> tuple[Response, int]:
    """Keep a delivery of GitHub; one that is known already is acknowledged and not kept twice."""
    _check_length(_MAXIMUM_GITHUB_BYTES)
    signature = signature_form(request.headers.get(SIGNATURE_HEADER))  # before 25 MiB are read for nobody
    body = _read(_MAXIMUM_GITHUB_BYTES)
    verify_github(body, signature, context().webhook_secret.reveal())
    _check_json(body)
    delivery = Delivery(
        guid=_header("X-GitHub-Delivery"),
        source=DeliverySource.GITHUB,
        event=_header("X-GitHub-Event"),
        headers={name: request.headers[name] for name in _KEPT_HEADERS if name in request.headers},
        body=body,
        received_at=context().clock(),
    )
    with context().records.begin() as tx:
        is_new = tx.deliveries.add(delivery)
    return jsonify(ReceivedView(delivery=delivery.guid, known=not is_new).body()), 202


@receivers.post("/deployments", responses={"200": None, "404": ErrorOut, "409": ErrorOut})
def receive_deployment() -> Response:
    """Answer a workflow run: where to deploy when it starts, what was recorded when it ends."""
    _check_length(_MAXIMUM_MESSAGE_BYTES)
    envelope = signing.Envelope.from_headers(dict(request.headers.items()))
    body = _read(_MAXIMUM_MESSAGE_BYTES)
    message = _verified_message(envelope, body)
    at = context().clock()
    with context().records.begin() as tx:
        _keep_message(tx, envelope, message, body)
        if message.action == "start":
            return jsonify(_plan_body(start(tx, message.report(), context().platform, at)))
        deployment = finish(tx, message.report(), message.outcome(), context().platform, at)
    address = context().platform.addresses.of(deployment.script)
    return jsonify(
        deployment=deployment.id,
        status=deployment.status,
        url=address.url,
        alternateUrl=address.alternate_url,
    )


def _check_length(limit: int) -> None:
    """Refuse a body that says that it is too large before it is read."""
    if (request.content_length or 0) > limit:
        raise TooLarge(f"reading a webhook: its body is larger than {limit} bytes")


def _read(limit: int) -> bytes:
    """Return the body; one that says no length is refused at the limit."""
    request.max_content_length = limit
    try:
        body = request.get_data(cache=False)
        # A body without a length was cut at the limit; only reading on tells.
        request.stream.read(1)
    except RequestEntityTooLarge:
        raise TooLarge(f"reading a webhook: its body is larger than {limit} bytes") from None
    return body


def _check_json(body: bytes) -> None:
    if request.mimetype != "application/json":
        raise Malformed("reading a webhook: set its content type to application/json")
    try:
        is_object = isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        is_object = False
    if not is_object:
        raise Malformed("reading a webhook: its body is no JSON object")


def _header(name: str) -> str:
    value = request.headers.get(name, "")
    if not value or len(value) > 100:  # noqa: PLR2004 - GitHub sends 36 characters
        raise Malformed(f"reading a webhook: the header {name} is missing or too long")
    return value


def _verified_message(envelope: signing.Envelope, body: bytes) -> DeploymentMessage:
    """Find the app that the message claims to be of, and believe it when the app's key signed it."""
    claimed = _claimed_repository(body)
    with context().records.read() as tx:
        app = tx.apps.by_repository(claimed) if claimed is not None else None
    if app is None:
        raise BadSignature(signing.NOT_OURS)
    signing.verify(context().deploy_secret(app.id), envelope, body, context().clock())
    try:
        return DeploymentMessage.model_validate_json(body)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise Malformed(f"reading a deployment message: {where}: {problem['msg']}") from None


def _claimed_repository(body: bytes) -> int | None:
    try:
        claimed = json.loads(body)["repository"]["id"]
    except (ValueError, RecursionError, TypeError, KeyError):
        return None
    return claimed if type(claimed) is int and abs(claimed) < 2**63 else None


def _keep_message(
    tx: Transaction, envelope: signing.Envelope, message: DeploymentMessage, body: bytes
) -> None:
    at = context().clock()
    delivery = Delivery(
        guid=envelope.id,
        source=DeliverySource.WORKFLOW,
        event=message.action,
        headers={"webhook-timestamp": envelope.timestamp},
        body=body,
        received_at=at,
        status=DeliveryStatus.PROCESSED,
        processed_at=at,
    )
    if not tx.deliveries.add(delivery):
        raise Stale("verifying a deployment message: it was used before")


def _plan_body(plan: Plan) -> Mapping[str, Any]:
    if plan.refusal is not None:
        return {"deploy": False, "deployment": plan.deployment.id, "reason": plan.refusal}
    deployment = plan.deployment
    return {
        "deploy": True,
        "deployment": deployment.id,
        "environment": deployment.environment,
        "namespace": deployment.namespace,
        "script": deployment.script,
        "tags": plan.tags,
        "url": plan.address.url,
        "alternateUrl": plan.address.alternate_url,
        "variables": {
            "BRANCHLINE_COMMIT": deployment.commit,
            "BRANCHLINE_ENVIRONMENT": deployment.environment,
            "BRANCHLINE_DEPLOYMENT": deployment.id,
        },
        "cloudflare": _access_body(context().deploy_access()),
    }


def _access_body(access: DeployAccess) -> Mapping[str, str]:
    return {
        "apiBaseUrl": access.api_base_url,
        "accountId": access.account_id,
        "apiToken": access.api_token,
    }
