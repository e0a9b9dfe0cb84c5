"""Sending webhooks: signed, once, in the order raised per hook, and written down with what came back.

Nothing is sent again by itself; a redelivery is asked for and keeps its GUID.
https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx

from sandbox.github import clock

if TYPE_CHECKING:
    from sandbox.github.database import Row
    from sandbox.github.site import Site

SENDERS = 8
MOST_RESPONSE_BYTES = 64 * 1024
CONNECT_FAILED, TIMED_OUT = 502, 504
_SUCCESS = range(200, 300)
_SCOPES = {"repository_id": "repository", "org_id": "organization", "app_id": "integration"}


class Deliveries:
    """The senders: at most one per hook at a time. None begins another delivery once `closing` is set."""

    def __init__(self, site: Site, closing: threading.Event) -> None:
        self._site, self._closing = site, closing
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="webhooks")
        self._busy: set[int] = set()
        self._lock = threading.Lock()

    def dispatch(self) -> None:
        """Give every hook with something waiting a sender."""
        rows = self._site.database.all("SELECT DISTINCT hook_id FROM deliveries WHERE state = 'waiting'")
        with self._lock:
            idle = [row["hook_id"] for row in rows if row["hook_id"] not in self._busy]
            self._busy.update(idle)
        for hook_id in idle:
            self._pool.submit(self._drain, hook_id)

    def close(self) -> None:
        """Finish what is being sent; what waits is sent after the next start."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _drain(self, hook_id: int) -> None:
        query = "SELECT * FROM deliveries WHERE state = 'waiting' AND hook_id = ? ORDER BY id LIMIT 1"
        try:
            while not self._closing.is_set() and (delivery := self._site.database.one(query, hook_id)):
                send(self._site, delivery)
        finally:
            with self._lock:
                self._busy.discard(hook_id)
            self._site.news.set()


def send(site: Site, delivery: Row) -> None:
    """Send one delivery and write down how it went."""
    hook = site.database.one("SELECT * FROM hooks WHERE id = ?", delivery["hook_id"])
    if hook is None:
        site.database.execute("DELETE FROM deliveries WHERE id = ?", delivery["id"])
        return
    body, headers = request(hook, delivery)
    begun = time.monotonic()
    outcome = _post(hook, body, headers, site.settings.webhook_timeout_seconds)
    taken = round(time.monotonic() - begun, 2)
    with site.database.transaction():
        _record(site, delivery, headers, outcome, taken)
        code, status = outcome["status_code"], outcome["status"]
        site.database.update("hooks", hook["id"], last_code=code, last_status="active", last_message=status)


def _record(
    site: Site, delivery: Row, headers: dict[str, str], outcome: dict[str, Any], taken: float
) -> None:
    site.database.update(
        "deliveries",
        delivery["id"],
        state="sent",
        duration=taken,
        request_headers=json.dumps(headers),
        delivered_at=clock.now(),
        **outcome,
    )


def request(hook: Row, delivery: Row) -> tuple[bytes, dict[str, str]]:
    """Return the bytes and headers that GitHub would send."""
    scope = next(column for column in _SCOPES if hook[column] is not None)
    body, content_type = _encoded(hook, delivery)
    headers = {
        "Accept": "*/*",
        "Content-Type": content_type,
        "User-Agent": f"GitHub-Hookshot/{delivery['guid'][:7]}",
        "X-GitHub-Delivery": delivery["guid"],
        "X-GitHub-Event": delivery["event"],
        "X-GitHub-Hook-ID": str(hook["id"]),
        "X-GitHub-Hook-Installation-Target-ID": str(hook[scope]),
        "X-GitHub-Hook-Installation-Target-Type": _SCOPES[scope],
    }
    return body, headers | _signatures(hook["secret"], body)


def _encoded(hook: Row, delivery: Row) -> tuple[bytes, str]:
    if hook["content_type"] == "json":
        return delivery["body"].encode(), "application/json"
    return urllib.parse.urlencode({"payload": delivery["body"]}).encode(), "application/x-www-form-urlencoded"


def _signatures(secret: str | None, body: bytes) -> dict[str, str]:
    if not secret:
        return {}
    return {
        "X-Hub-Signature": "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest(),
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }


def _post(hook: Row, body: bytes, headers: dict[str, str], timeout: float) -> dict[str, Any]:
    verify = hook["insecure_ssl"] != "1"
    try:
        with (
            httpx.Client(timeout=timeout, verify=verify, trust_env=False) as client,
            client.stream("POST", hook["url"], content=body, headers=headers) as response,
        ):
            text = _read(response, time.monotonic() + timeout)
            return _answered(response, text)
    except httpx.TimeoutException:
        return _failed(TIMED_OUT, "timed out")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):  # a host that cannot be encoded is a ValueError
        return _failed(CONNECT_FAILED, "failed to connect to host")


def _read(response: httpx.Response, deadline: float) -> str:
    received = b""
    for chunk in response.iter_bytes():
        received += chunk[: MOST_RESPONSE_BYTES - len(received)]
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the answer took too long")
    return received.decode(errors="replace")


def _answered(response: httpx.Response, text: str) -> dict[str, Any]:
    code = response.status_code
    return {
        "status": "OK" if code in _SUCCESS else f"Invalid HTTP Response: {code}",
        "status_code": code,
        "response_headers": json.dumps(dict(response.headers)),
        "response_body": text,
    }


def _failed(code: int, status: str) -> dict[str, Any]:
    return {"status": status, "status_code": code, "response_headers": "{}", "response_body": ""}
