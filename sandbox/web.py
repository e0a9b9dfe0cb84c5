"""What a browser and an API client do: requests to this machine, `*.localhost` included.

Browsers take every name below `localhost` for this machine; resolvers often do not, so the connection is made
to 127.0.0.1 and the name stays in the Host header. Proxies from the environment are not used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_SECONDS = 30.0


class Unexpected(Exception):
    """An answer was not what the caller counted on; the message has the request and the answer."""


class _Loopback(httpx.HTTPTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.host.endswith(".localhost"):
            return super().handle_request(request)
        sent = httpx.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1"),
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        return super().handle_request(sent)


def client(base_url: str = "", token: str | None = None) -> httpx.Client:
    """Return a client for `base_url` that authenticates with `token`."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(
        base_url=base_url, headers=headers, timeout=TIMEOUT_SECONDS, transport=_Loopback(), trust_env=False
    )


class Api:
    """A JSON API; an answer other than 2xx is an exception."""

    def __init__(self, base_url: str, token: str) -> None:
        self.client = client(base_url, token)

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the decoded answer, None when it is empty.

        Raises:
            Unexpected: the status is not 2xx.
        """
        response = self.client.request(method, path, json=body, params=query)
        if not response.is_success:
            answer = f"{response.status_code}: {response.text[:500]}"
            raise Unexpected(f"{method} {response.url} answered {answer}")
        return response.json() if response.content else None

    def close(self) -> None:
        """Close its connections."""
        self.client.close()

    def get(self, path: str, **query: str) -> Any:
        """Return what is at `path`."""
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send `body` to `path`."""
        return self.call("POST", path, body)
