"""`ports.Functions` over one pool of connections that all threads of a process share.

A call is sent once: whether the function ran is not known when its connection breaks.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import chain
from typing import Final

import httpx

from app.dispatch.requests import (
    JSON,
    MARGIN_SECONDS,
    MOST_REFUSAL_BYTES,
    broken_off,
    doing,
    headers_of,
    refusal,
    reply_headers,
    speaking_of,
    timeout,
    url_of,
)
from app.errors import RemoteRefused
from app.ports import Call, Reply

# What is read before a caller is answered: of a result up to here, a worker that breaks off is a clean error.
_WHOLE_BYTES: Final = 1024 * 1024
_KEPT_CONNECTIONS: Final = 20


class DispatchFunctions:
    """Functions behind the dispatch worker at `origin`; `transport` is for tests."""

    def __init__(self, origin: str, most: int, *, transport: httpx.BaseTransport | None = None) -> None:
        self._origin = origin
        self._limits = httpx.Limits(max_connections=most, max_keepalive_connections=_KEPT_CONNECTIONS)
        self._transport = transport

    @cached_property
    def _http(self) -> httpx.Client:
        """Made with the first call: it holds two megabytes."""
        headers = {"User-Agent": "branchline"}
        return httpx.Client(headers=headers, limits=self._limits, transport=self._transport)

    @contextmanager
    def call(self, call: Call) -> Iterator[Reply]:
        """Call a function, never twice. Raises as `ports.Functions` says."""
        limit = call.timeout_seconds + MARGIN_SECONDS
        request = self._http.build_request(
            "POST",
            url_of(self._origin, call),
            content=call.payload,
            headers=headers_of(call, JSON),
            timeout=timeout(limit),
        )
        deadline = time.monotonic() + limit
        with speaking_of(call):
            response = self._http.send(request, stream=True)
        try:
            yield _reply(call, response, deadline)
        finally:
            response.close()

    def close(self) -> None:
        """Close the connections."""
        if "_http" in vars(self):
            self._http.close()


def _reply(call: Call, response: httpx.Response, deadline: float) -> Reply:
    chunks = _in_time(call, response, deadline)
    if not response.is_success:
        body, rest = _beginning(chunks, MOST_REFUSAL_BYTES)
        return refusal(call, response, b"" if rest else body)
    if not response.headers.get("content-type", "").startswith(JSON):
        raise broken_off(call)
    body, rest = _beginning(chunks, _WHOLE_BYTES)
    return Reply(response.status_code, reply_headers(response), chain((body,), chunks) if rest else (body,))


def _beginning(chunks: Iterator[bytes], most: int) -> tuple[bytes, bool]:
    """Return what comes first, and whether more may come."""
    read = bytearray()
    for chunk in chunks:
        read += chunk
        if len(read) > most:
            return bytes(read), True
    return bytes(read), False


def _in_time(call: Call, response: httpx.Response, deadline: float) -> Iterator[bytes]:
    with speaking_of(call):
        for chunk in response.iter_raw():
            if time.monotonic() > deadline:
                raise RemoteRefused(f"{doing(call)}: its answer takes too long", code="worker:silent")
            yield chunk
