"""Receivers: what GitHub and the workflows tell us. Verify, keep, answer; work starts from the row.

Neither takes a session or an API token: each message carries its own proof.
"""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from flask import Response, jsonify, request
from flask_openapi3.blueprint import APIBlueprint

from app.domain.deliveries import Delivery, DeliverySource
from app.errors import Malformed, Overloaded
from app.github.headers import KEPT_HEADERS
from app.github.signature import HEADER as SIGNATURE_HEADER
from app.github.signature import check_form as signature_form
from app.github.signature import verify as verify_github
from app.pipeline.known import live
from app.pipeline.record import finish
from app.web import bodies
from app.web.context import context
from app.web.errors import COMMON_ERRORS, ErrorOut
from app.web.messages import FinishMessage
from app.web.plans import FinishedView
from app.web.proofs import prove
from app.web.views import ReceivedView

receivers = APIBlueprint(
    "webhooks",
    __name__,
    url_prefix="/webhooks",
    abp_responses={**COMMON_ERRORS, "401": ErrorOut, "413": ErrorOut},
)

# "Payloads are capped at 25 MB": https://docs.github.com/en/webhooks/webhook-events-and-payloads
_MAXIMUM_GITHUB_BYTES: Final = 25 * 1024 * 1024
_SMALL_BYTES: Final = 1024 * 1024
_LARGE: Final = threading.BoundedSemaphore()
_ROOM_SECONDS: Final = 5.0
_GLANCE_BYTES: Final = 64
_BLANKS: Final = b"\xef\xbb\xbf \t\r\n"  # and a byte order mark


@receivers.post("/github", responses={"202": ReceivedView})
def receive_github() -> tuple[Response, int]:
    """Keep a delivery of GitHub; one that is known already is acknowledged and not kept twice."""
    bodies.check_length(_MAXIMUM_GITHUB_BYTES)
    signature = signature_form(request.headers.get(SIGNATURE_HEADER))  # before 25 MiB are read for nobody
    with _room():
        # GitHub says how long a body is; who does not is not GitHub.
        body = bodies.read(_MAXIMUM_GITHUB_BYTES if request.content_length else _SMALL_BYTES)
    verify_github(body, signature, context().webhook_secret.reveal())
    _check_form(body)
    delivery = Delivery(
        guid=_header("X-GitHub-Delivery"),
        source=DeliverySource.GITHUB,
        event=_header("X-GitHub-Event"),
        headers={name: request.headers[name] for name in KEPT_HEADERS if name in request.headers},
        body=body,
        received_at=context().clock(),
        body_sha256=hashlib.sha256(body).hexdigest(),
    )
    is_new = context().intake.keep(delivery)
    return jsonify(ReceivedView(delivery=delivery.guid, known=not is_new).body()), 202


@receivers.post("/deployments", responses={"200": FinishedView, "404": ErrorOut})
def receive_deployment() -> Response:
    """Take note of how a workflow run ended, and answer with what was recorded."""
    proof = prove()
    message = FinishMessage.read(proof.body)
    report, at, platform = proof.report(message.report()), context().clock(), context().platform
    with context().records.begin() as tx:
        proof.use(tx, report, "finish", at)
        deployment = finish(tx, report, message.outcome(), platform, at)
        shown = live(tx, deployment.script)
    view = FinishedView.of(deployment, platform, is_live=shown is not None and shown.id == deployment.id)
    return jsonify(view.body())


@contextmanager
def _room() -> Iterator[None]:
    """Read one large body at a time: of 25 MiB each, few would fill a small machine."""
    is_large = (request.content_length or 0) > _SMALL_BYTES
    if is_large and not _LARGE.acquire(timeout=_ROOM_SECONDS):
        raise Overloaded("reading a webhook: another large one is being read", retry_after_seconds=10)
    try:
        yield
    finally:
        if is_large:
            _LARGE.release()


def _check_form(body: bytes) -> None:
    """Refuse what is no JSON object at first sight, as a webhook that is set up wrongly sends it.

    It is not parsed here: of what is signed, the inbox says whether it can be read.
    """
    if request.mimetype != "application/json":
        raise Malformed("reading a webhook: set its content type to application/json")
    if not (body[:_GLANCE_BYTES].lstrip(_BLANKS)[:1] == b"{" and body[-_GLANCE_BYTES:].rstrip()[-1:] == b"}"):
        raise Malformed("reading a webhook: its body is no JSON object")


def _header(name: str) -> str:
    value = request.headers.get(name, "")
    if not value or len(value) > 100:  # noqa: PLR2004 - GitHub sends 36 characters
        raise Malformed(f"reading a webhook: the header {name} is missing or too long")
    return value
