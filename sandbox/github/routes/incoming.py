"""What every endpoint asks of a request: who, which repository, what body, which page of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from flask import g, request

from sandbox.github import actors, lookups
from sandbox.github.errors import (
    MOVED_PERMANENTLY,
    TEMPORARY_REDIRECT,
    ApiError,
    Moved,
    forbidden,
    invalid,
    not_found,
)
from sandbox.github.shapes import accounts
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.github.actors import Actor
    from sandbox.github.database import Row

T = TypeVar("T")
PER_PAGE, MOST_PER_PAGE = 30, 100
_REFUSALS = {"admin": "Must have admin rights to Repository.", "write": "Must have push access to repository"}


def actor() -> Actor:
    """Return who is asking, perhaps nobody in particular."""
    found: Actor = g.actor
    return found


def signed_in() -> Row:
    """Return the account that is asking.

    Raises: ApiError 401 for nobody in particular.
    """
    account = actor().account
    if account is None:
        raise ApiError(401, "Requires authentication")
    return account


def repository(owner: str, name: str, needed: str = "read") -> Row:
    """Return a repository that the actor may use as needed.

    Raises: ApiError 404 without read access, 401 or 403 without enough; a redirect for a former name.
    """
    site = current_site()
    row = lookups.by_name(site, owner, name)
    if row is None:
        _check_former_name(owner, name)
    if row is None or not actors.may(site, actor(), row, "read"):
        raise not_found()
    if not actors.may(site, actor(), row, needed):
        signed_in()
        raise forbidden(
            _REFUSALS[needed] if actor().kind != actors.JOB else "Resource not accessible by integration"
        )
    return row


def _check_former_name(owner: str, name: str) -> None:
    """Send those who ask for a repository by its former name to its id, as GitHub does."""
    site = current_site()
    row = lookups.by_former_name(site, owner, name)
    if row is None:
        return
    rest = request.full_path.split(f"/repos/{owner}/{name}", 1)[1].rstrip("?")
    target = f"{site.api_url}/repositories/{row['id']}{rest}"
    raise Moved(MOVED_PERMANENTLY if request.method == "GET" else TEMPORARY_REDIRECT, target)


def body() -> dict[str, Any]:
    """Return the request's JSON object; an empty body is an empty object.

    Raises: ApiError 400 for anything else.
    """
    if not request.get_data():
        return {}
    found = request.get_json(force=True, silent=True)
    if found is None:
        raise ApiError(400, "Problems parsing JSON")
    if not isinstance(found, dict):
        raise ApiError(400, "Body should be a JSON object")
    return found


def required(given: dict[str, Any], name: str, resource: str, kind: type[T]) -> T:
    """Return a field that must be there.

    Raises: ApiError 422 when it is missing or of another kind.
    """
    if given.get(name) is None:
        raise invalid(resource, name, "missing_field")
    return _checked(given[name], name, resource, kind)


def optional(given: dict[str, Any], name: str, resource: str, kind: type[T]) -> T | None:
    """Return a field that may be missing or null.

    Raises: ApiError 422 when it is of another kind.
    """
    return None if given.get(name) is None else _checked(given[name], name, resource, kind)


def flag(given: dict[str, Any], name: str, resource: str, *, default: bool) -> bool:
    """Return a boolean field.

    Raises: ApiError 422 when it is something else.
    """
    found = optional(given, name, resource, bool)
    return default if found is None else found


def _checked(value: object, name: str, resource: str, kind: type[T]) -> T:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise invalid(resource, name, "invalid")
    return value


def account(login: str, kind: str | None = None) -> Row:
    """Return an account by its login.

    Raises: ApiError 404.
    """
    row = accounts.by_login(current_site(), login)
    if row is None or (kind and row["type"] != kind):
        raise not_found()
    return row


def paged(items: list[T], render: Callable[[T], Any]) -> list[Any]:
    """Return the asked page of a list as JSON, and link to the others."""
    size = min(max(_number("per_page", PER_PAGE), 1), MOST_PER_PAGE)
    page, last = max(_number("page", 1), 1), max(1, -(-len(items) // size))
    _link(page, last)
    return [render(item) for item in items[(page - 1) * size : page * size]]


def _number(name: str, default: int) -> int:
    try:
        return int(request.args.get(name, default))
    except ValueError:
        return default


def _link(page: int, last: int) -> None:
    ahead = {"next": page + 1, "last": last} if page < last else {}
    behind = {"prev": min(page - 1, last), "first": 1} if page > 1 else {}
    links = [f'<{_address(number)}>; rel="{name}"' for name, number in (behind | ahead).items()]
    if links:
        g.link = ", ".join(links)


def _address(page: int) -> str:
    arguments = request.args.to_dict() | {"page": str(page)}
    return f"{current_site().url}{request.path}?{urlencode(arguments)}"
