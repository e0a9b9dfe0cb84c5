"""What a worker's script says of itself, asked at its own address as any caller would."""

import json
import time
from collections.abc import Sequence
from typing import Any, Final

import httpx

from app.errors import RemoteUnavailable

_TIMEOUT_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.1
_LONGEST_ANSWER_BYTES: Final = 256 * 1024


class DispatchEndpoints:
    """Port `Endpoints`, through the dispatch worker at `origin`; `transport` is for tests."""

    def __init__(
        self,
        origin: str,
        *,
        timeout_seconds: float = _TIMEOUT_SECONDS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._http = httpx.Client(
            base_url=origin,
            headers={"Accept": "application/json", "User-Agent": "branchline"},
            timeout=timeout_seconds,
            transport=transport,
        )

    def functions(self, script: str, key: str | None, *, patiently: bool = True) -> Sequence[str]:
        """Ask which functions can be called, and, patiently, again for a while when there is no answer yet.

        Raises:
            RemoteUnavailable: it does not answer in time, or not as a worker does.
        """
        deadline = time.monotonic() + self._timeout_seconds
        while True:
            names, problem = self._ask(script, key)
            if names is not None:
                return names
            if not patiently or time.monotonic() + _PAUSE_SECONDS > deadline:
                raise RemoteUnavailable(
                    f"asking {script} for its functions: {problem}; it is asked at WFP_DISPATCH_DOMAIN",
                    code="worker:no-answer",
                )
            time.sleep(_PAUSE_SECONDS)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _ask(self, script: str, key: str | None) -> tuple[Sequence[str] | None, str]:
        """Return the names, or why there are none."""
        headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
        try:
            with self._http.stream("GET", f"/app/{script}/api/functions", headers=headers) as response:
                if response.status_code != httpx.codes.OK:
                    return None, f"it answers {response.status_code}"
                names = _names(_beginning(response))
        except httpx.HTTPError as error:
            return None, f"it does not answer ({type(error).__name__})"
        return names, "it does not answer as a worker does"


def _beginning(response: httpx.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > _LONGEST_ANSWER_BYTES:
            return b""
    return bytes(body)


def _names(body: bytes) -> Sequence[str] | None:
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    match told:
        case {"functions": list(names)} if all(_is_text(name) for name in names):
            return names
    return None


def _is_text(name: Any) -> bool:
    """Tell whether a name can be written: in JSON half of a character may stand alone."""
    return isinstance(name, str) and name.encode(errors="ignore").decode() == name
