"""A Cloudflare that answers each step of an upload, or fails at it, and keeps what it was asked."""

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from typing import Any

import httpx

from tests.accounts import cloudflare_settings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SETTINGS = cloudflare_settings()
TOKEN = SETTINGS.api_token.reveal()
Answer = httpx.Response | Exception


def ok(result: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json={"success": True, "errors": [], "messages": [], "result": result})


def failed(status: int, code: int = 1000, message: str = "no", **headers: str) -> httpx.Response:
    body = {"success": False, "errors": [{"code": code, "message": message}], "result": None}
    return httpx.Response(status, json=body, headers=headers)


def step_of(request: httpx.Request) -> str:
    if request.method in {"PUT", "DELETE"}:
        return {"PUT": "script", "DELETE": "deletion"}[request.method]
    return "session" if request.url.path.endswith("/assets-upload-session") else "assets"


def parts_of(request: httpx.Request) -> dict[str, Message]:
    """Return the parts of a form by name, read by somebody else's parser."""
    content_type = request.headers["content-type"].encode()
    message = message_from_bytes(b"Content-Type: " + content_type + b"\r\n\r\n" + request.read())
    assert not message.defects
    parts = message.get_payload()
    assert isinstance(parts, list)
    read = [part for part in parts if isinstance(part, Message)]
    return {str(part.get_param("name", header="content-disposition")): part for part in read}


@dataclass
class FakeCloudflare:
    """Answers as Cloudflare does; `trouble` is what a step answers instead."""

    lacks_all: bool = True
    per_bucket: int = 2
    trouble: dict[str, Answer] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._missing: set[str] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        step = step_of(request)
        with self._lock:
            self.requests.append(request)
        trouble = self.trouble.get(step)
        if isinstance(trouble, Exception):
            raise trouble
        return trouble or getattr(self, step)(request)

    def session(self, request: httpx.Request) -> httpx.Response:
        names = [it["hash"] for it in json.loads(request.content)["manifest"].values()] * self.lacks_all
        self._missing = set(names)
        buckets = [names[start : start + self.per_bucket] for start in range(0, len(names), self.per_bucket)]
        return ok({"jwt": "session-token" if buckets else "completion-token", "buckets": buckets})

    def assets(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self._missing -= set(parts_of(request))
            return ok({}, 202) if self._missing else ok({"jwt": "completion-token"}, 201)

    def script(self, _: httpx.Request) -> httpx.Response:
        return ok({"id": "hello"})

    def steps(self) -> list[str]:
        return [step_of(request) for request in self.requests]

    def of(self, step: str) -> list[httpx.Request]:
        return [request for request in self.requests if step_of(request) == step]
