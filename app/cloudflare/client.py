"""One Cloudflare account over httpx: requests out, the envelope's result or one of our errors back.

A client may be shared by threads. It never retries: whoever calls knows whether a step may be repeated.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import httpx

from app.cloudflare.forms import Form
from app.cloudflare.limits import BUDGET, allowance, told
from app.domain.limits import CallKind
from app.errors import (
    BranchlineError,
    RateLimited,
    RemoteForbidden,
    RemoteMissing,
    RemoteRefused,
    RemoteUnavailable,
)
from app.pacing.ledgers import LocalLedgers
from app.pacing.pacer import Pacer
from app.ports import Clock, Pace
from app.settings import CloudflareSettings

_TIMEOUT: Final = httpx.Timeout(15, connect=5)
# A script is started before it is taken: the answer to an upload may take longer.
_SENDING_TIMEOUT: Final = httpx.Timeout(15, connect=5, read=30)
_SENDING_SECONDS: Final = 60
_LONGEST_MESSAGE: Final = 2000
_LIMITS: Final = httpx.Limits(max_connections=20, max_keepalive_connections=5)
# Cloudflare blocks an account that asked too often for five minutes.
_UNSTATED_PAUSE_SECONDS: Final = 300
_LONGEST_PAUSE_SECONDS: Final = 3600
_SERVER_ERROR: Final = 500
# Headers without a well-formed token are a 400, which else means that what was sent is wrong.
_BAD_CREDENTIALS: Final = frozenset({6003, 6111, 9106})
_REFUSALS: Final[Mapping[int, type[RemoteRefused]]] = {
    401: RemoteForbidden,
    403: RemoteForbidden,
    404: RemoteMissing,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of the envelope's `errors`."""

    code: int
    message: str

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"


class Cloudflare:
    """The API of one account; `transport` is for tests.

    Without `pace` it keeps to what Cloudflare allows as if there were no other process.
    """

    # https://developers.cloudflare.com/fundamentals/api/reference/limits/
    def __init__(
        self,
        settings: CloudflareSettings,
        clock: Clock,
        *,
        pace: Pace | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._clock = clock
        self._pace = pace or Pacer(allowance(settings), LocalLedgers(), clock)
        self._http = httpx.Client(
            base_url=f"{settings.api_url}/accounts/{settings.account_id}/",
            headers={"Authorization": f"Bearer {settings.api_token.reveal()}", "User-Agent": "branchline"},
            timeout=_TIMEOUT,
            limits=_LIMITS,
            transport=transport,
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        doing: str,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        kind: CallKind | None = None,
    ) -> Any:
        """Send a request about the account and return the envelope's `result`.

        What a POST only asks is of the `kind` of questions.

        Raises:
            RemoteRefused: with Cloudflare's error codes in `details["codes"]`.
        """
        built = self._http.build_request(method, path, json=body, params=query)
        return self._answered(built, doing, kind).get("result")

    def send(
        self,
        method: str,
        path: str,
        form: Form,
        *,
        doing: str,
        query: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> Any:
        """Send a form as `request` sends JSON, bearing `token` when it is given instead of the account's."""
        headers = form.headers | ({"Authorization": f"Bearer {token}"} if token else {})
        content = _in_time(form.body(), _SENDING_SECONDS)
        return self._result(
            self._http.build_request(
                method, path, content=content, params=query, headers=headers, timeout=_SENDING_TIMEOUT
            ),
            doing,
        )

    def page(self, path: str, *, doing: str, query: Mapping[str, str]) -> tuple[list[Any], str | None]:
        """Return the entries of a page of a list, and the cursor of the next; None when it is the last.

        Raises:
            RemoteUnavailable: it is no list: nothing may be concluded from it.
        """
        envelope = self._answered(self._http.build_request("GET", path, params=query), doing)
        entries, info = envelope.get("result"), envelope.get("result_info")
        if not isinstance(entries, list):
            raise RemoteUnavailable(f"{doing}: Cloudflare answered something else than a list")
        cursor = info.get("cursor") if isinstance(info, dict) else None
        return entries, cursor if isinstance(cursor, str) and cursor else None

    def _result(self, request: httpx.Request, doing: str) -> Any:
        return self._answered(request, doing).get("result")

    def _answered(
        self, request: httpx.Request, doing: str, kind: CallKind | None = None
    ) -> Mapping[str, Any]:
        """Send a request and return the whole envelope."""
        usual = CallKind.READ if request.method == "GET" else CallKind.WRITE
        self._pace.take_call(doing, kind or usual)
        try:
            response = self._http.send(request)
        except httpx.RequestError as error:
            raise RemoteUnavailable(f"{doing}: Cloudflare did not answer ({type(error).__name__})") from error
        self._hear(response)
        envelope = _envelope(response)
        if response.is_success and envelope.get("success") is True:
            return envelope
        raise self._error(response, envelope, doing)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _hear(self, response: httpx.Response) -> None:
        """Note what is left of our budget."""
        left = told(response.headers)
        if left is not None:
            self._pace.hear(BUDGET, limit=left.limit, remaining=left.remaining, reset_seconds=left.reset_at)

    def _error(self, response: httpx.Response, envelope: Mapping[str, Any], doing: str) -> BranchlineError:
        faults = _faults(envelope)
        status = response.status_code
        reason = "; ".join(map(str, faults)) or f"status {status}"
        codes = [fault.code for fault in faults]
        facts: dict[str, Any] = {"status": status, "codes": codes, "ray": response.headers.get("CF-Ray")}
        message = f"{doing}: {reason}"
        # The API's own 403 is for ever; one that says when to come back is of its edge: too many requests.
        is_for_now = status == httpx.codes.FORBIDDEN and "Retry-After" in response.headers
        if status == httpx.codes.TOO_MANY_REQUESTS or is_for_now:
            retry_at = self._clock() + timedelta(seconds=_pause_seconds(response))
            self._pace.be_silent_until(retry_at)
            return RateLimited(message, retry_at=retry_at, **facts)
        if status >= _SERVER_ERROR or (response.is_success and "success" not in envelope):
            return RemoteUnavailable(message, **facts)
        refusal = RemoteForbidden if _BAD_CREDENTIALS & set(codes) else _REFUSALS.get(status, RemoteRefused)
        return refusal(message, **facts)


def _in_time(chunks: Iterator[bytes], seconds: float) -> Iterator[bytes]:
    """Yield chunks while there is time; a peer that reads a little now and then does not hold us."""
    end = time.monotonic() + seconds
    for chunk in chunks:
        if time.monotonic() > end:
            raise httpx.WriteTimeout(f"not sent within {seconds} seconds")
        yield chunk


def _envelope(response: httpx.Response) -> Mapping[str, Any]:
    """Return the envelope; an empty one when what answered was not the API, but a proxy."""
    try:
        envelope = response.json()
    except ValueError:
        return {}
    return envelope if isinstance(envelope, dict) else {}


def _faults(envelope: Mapping[str, Any]) -> list[Fault]:
    errors = envelope.get("errors")
    found = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    return [Fault(error.get("code", 0), str(error.get("message", ""))[:_LONGEST_MESSAGE]) for error in found]


def _pause_seconds(response: httpx.Response) -> int:
    text = response.headers.get("Retry-After", "")
    seconds = int(text) if text.isdecimal() else _UNSTATED_PAUSE_SECONDS
    return min(max(seconds, 1), _LONGEST_PAUSE_SECONDS)
