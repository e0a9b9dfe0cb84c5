"""The HTTP API as the commands use it: errors come back as the errors they were."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, Final, TypeVar, cast
from urllib.parse import quote, urlsplit

import click
import httpx

from app.cli import credentials
from app.errors import (
    BranchlineError,
    Broken,
    Conflict,
    Gone,
    InvalidInput,
    Misconfigured,
    NotAllowed,
    NotFound,
    PreconditionFailed,
    RemoteRefused,
    RemoteUnavailable,
    Unauthenticated,
    Unprocessable,
)
from app.settings import REMEDIES

_F = TypeVar("_F", bound=Callable[..., Any])
_TIMEOUT_SECONDS: Final = 30
_OCTETS: Final = "application/octet-stream"
_KINDS: Final[Mapping[int, type[BranchlineError]]] = {
    400: InvalidInput,
    401: Unauthenticated,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    410: Gone,
    412: PreconditionFailed,
    413: InvalidInput,
    422: Unprocessable,
    429: RemoteUnavailable,
    502: RemoteRefused,
    503: RemoteUnavailable,
}


class Api:
    """A control plane, by its address and a token; without one it takes only a sign-in."""

    def __init__(self, url: str, token: str | None = None) -> None:
        headers = {"User-Agent": "branchline-cli"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._http = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=_TIMEOUT_SECONDS)

    @classmethod
    def from_environ(cls) -> "Api":
        """Take both settings, or what `branchline login` left in their place. Raises Misconfigured."""
        url = address_of(None)
        return cls(url, _setting("BRANCHLINE_API_TOKEN", _is_token, credentials.token_for(url)))

    def get(self, *path: str, **query: Any) -> dict[str, Any]:
        """Return the JSON of a GET; parameters that are None are left out."""
        return self._request("GET", path, query)

    def post(self, *path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the JSON of a POST."""
        return self._request("POST", path, {}, body)

    def put(self, *path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the JSON of a PUT."""
        return self._request("PUT", path, {}, body)

    def patch(self, *path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the JSON of a PATCH."""
        return self._request("PATCH", path, {}, body)

    def delete(self, *path: str, headers: Mapping[str, str] | None = None, **query: Any) -> dict[str, Any]:
        """Return the JSON of a DELETE."""
        return self._request("DELETE", path, query, headers=headers)

    def upload(
        self, *path: str, content: bytes, headers: Mapping[str, str] | None = None, **query: Any
    ) -> dict[str, Any]:
        """Return the JSON of a PUT of bytes."""
        named = {"Content-Type": _OCTETS, **(headers or {})}
        return self._request("PUT", path, query, headers=named, content=content)

    def download(self, *path: str, into: IO[bytes], **query: Any) -> None:
        """Write the bytes of a GET, as they come."""
        params, headers = _without_none(query), {"Accept": f"{_OCTETS}, application/json;q=0.1"}
        with (
            self._calling(),
            self._http.stream("GET", _url(path), params=params, headers=headers) as response,
        ):
            check(response)
            for chunk in response.iter_bytes():
                into.write(chunk)

    @contextmanager
    def open(self, method: str, *path: str, **request: Any) -> Iterator[httpx.Response]:
        """Open an answer that is read as it comes; whether it is a success is for `check` to say."""
        with self._calling(), self._http.stream(method, _url(path), **request) as response:
            yield response

    def items(self, *path: str, limit: int, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield up to `limit` items of a list, page by page."""
        cursor: str | None = None
        while limit > 0:
            page = self.get(*path, cursor=cursor, limit=min(limit, 100), **query)
            yield from page["items"]
            limit -= len(page["items"])
            cursor = page["nextCursor"]
            if cursor is None:
                return

    def _request(
        self,
        method: str,
        path: tuple[str, ...],
        query: Mapping[str, Any],
        body: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        with self._calling():
            response = self._http.request(method, _url(path), params=_without_none(query), json=body, **more)
        if not response.is_success:
            raise _error_of(response)
        answer = _json_of(response)
        if not isinstance(answer, dict):
            raise _strange(response, RemoteRefused)
        return answer

    @contextmanager
    def _calling(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            raise RemoteUnavailable(f"calling {self._http.base_url}: {error}") from error


def check(response: httpx.Response) -> None:
    """Raise the error that an answer is, if it is one."""
    if not response.is_success:
        response.read()
        raise _error_of(response)


def _url(path: tuple[str, ...]) -> str:
    return "/api/" + "/".join(quote(part, safe="") for part in path)


def _without_none(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}


def address_of(given: str | None) -> str:
    """Return the control plane that is meant: as given, or BRANCHLINE_URL, or the last one signed in to.

    Raises:
        Misconfigured: none is, or that is no address.
    """
    if given is not None and not _is_url(given):
        raise Misconfigured("BRANCHLINE_URL", "is malformed", REMEDIES["BRANCHLINE_URL"])
    return (given or _setting("BRANCHLINE_URL", _is_url, credentials.current_url())).rstrip("/")


def _setting(name: str, is_well_formed: Callable[[str], bool], otherwise: str | None) -> str:
    value = os.environ.get(name, "").strip() or otherwise
    if not value:
        raise Misconfigured(name, "is missing", f"{REMEDIES[name]}; or sign in: branchline login URL")
    if not is_well_formed(value):
        raise Misconfigured(name, "is malformed", REMEDIES[name])
    return value


def _is_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _is_token(value: str) -> bool:
    return value.isascii() and value.isprintable()


def _json_of(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _error_of(response: httpx.Response) -> BranchlineError:
    kind = _KINDS.get(response.status_code, Broken)
    try:
        told = _json_of(response)["error"]
        error = kind(told["message"], code=told["code"])
        error.details |= told["details"]
    except (KeyError, TypeError):
        error = _strange(response, kind)
    error.details |= _pause_of(response)
    return error


def _pause_of(response: httpx.Response) -> dict[str, int]:
    text = response.headers.get("Retry-After", "")
    return {"retryAfterSeconds": int(text)} if text.isdecimal() else {}


def _strange(response: httpx.Response, kind: type[BranchlineError]) -> BranchlineError:
    return kind(f"{response.request.url} answered {response.status_code} and nothing that we understand")


def pass_api(command: _F) -> _F:
    """Give a command the API as its first argument."""

    @click.pass_context
    def call(ctx: click.Context, /, *args: Any, **kwargs: Any) -> Any:
        return ctx.invoke(command, Api.from_environ(), *args, **kwargs)

    call.__name__ = command.__name__
    call.__doc__ = command.__doc__
    call.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    return cast("_F", call)
