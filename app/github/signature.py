"""The signature of GitHub's deliveries: HMAC-SHA256 over the raw bytes.

It says who wrote the body, not when: GitHub signs no time, so a replay is found by the delivery's id.
"""

import hashlib
import hmac
import re
from typing import Final

from app.errors import BadSignature

HEADER: Final = "X-Hub-Signature-256"
_FORM: Final = re.compile(r"sha256=[0-9a-f]{64}", re.ASCII)


def sign(body: bytes, secret: str) -> str:
    """Return the header's value for `body`."""
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def check_form(header: str | None) -> str:
    """Return the header when it could be a signature; worth asking before a large body is read.

    Raises:
        BadSignature: it is missing or malformed.
    """
    if not header:
        raise BadSignature(f"checking a delivery: {HEADER} is missing")
    if not _FORM.fullmatch(header):
        raise BadSignature(f"checking a delivery: {HEADER} is not sha256= and 64 hexadecimal digits")
    return header


def verify(body: bytes, header: str | None, secret: str) -> None:
    """Accept `body` when `header` is its signature under `secret`; compares in constant time.

    Raises:
        BadSignature: the header is missing, malformed or made with another secret.
    """
    if not hmac.compare_digest(check_form(header), sign(body, secret)):
        raise BadSignature(f"checking a delivery: {HEADER} does not match the body")
