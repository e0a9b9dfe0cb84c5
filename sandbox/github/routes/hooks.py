"""Webhooks of repositories and organisations.

https://docs.github.com/rest/repos/webhooks
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Blueprint

from sandbox.github import actors, clock, events, lookups
from sandbox.github.errors import ApiError, forbidden, invalid, not_found
from sandbox.github.routes import incoming
from sandbox.github.shapes import accounts, repositories
from sandbox.github.shapes import hooks as shapes
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.database import Row

routes = Blueprint("hooks", __name__)
REPOSITORY = "/repos/<owner>/<repo>/hooks"
ORGANIZATION = "/orgs/<owner>/hooks"
MOST_HOOKS = 20
_CONTENT_TYPES = ("json", "form")


def place(owner: str, repo: str | None) -> tuple[str, Row]:
    """Return the column and row of what a URL's hooks belong to."""
    if repo is not None:
        return "repository_id", incoming.repository(owner, repo, "admin")
    row, account = incoming.account(owner, "Organization"), incoming.signed_in()
    if actors.member_role(current_site(), row["id"], account["id"]) != "admin":
        raise forbidden("Must be an organization owner.")
    return "org_id", row


def of(owner: str, repo: str | None) -> list[Row]:
    """Return the hooks of a repository or organisation."""
    column, row = place(owner, repo)
    return current_site().database.all(f"SELECT * FROM hooks WHERE {column} = ? ORDER BY id", row["id"])  # noqa: S608


def found(owner: str, repo: str | None, hook_id: int) -> Row:
    """Return one hook.

    Raises: ApiError 404.
    """
    hook = next((one for one in of(owner, repo) if one["id"] == hook_id), None)
    if hook is None:
        raise not_found()
    return hook


@routes.get(REPOSITORY)
@routes.get(ORGANIZATION, defaults={"repo": None})
def index(owner: str, repo: str | None) -> list[Any]:
    """List the hooks."""
    site = current_site()
    return incoming.paged(of(owner, repo), lambda hook: shapes.hook(site, hook))


@routes.post(REPOSITORY)
@routes.post(ORGANIZATION, defaults={"repo": None})
def create(owner: str, repo: str | None) -> tuple[dict[str, Any], int]:
    """Create a hook and ping it."""
    site, given = current_site(), incoming.body()
    column, row = place(owner, repo)
    config = incoming.required(given, "config", "Hook", dict)
    wanted = _events(given, "events") or ["push"]
    columns = config_columns(config, {"content_type": "form", "secret": None, "insecure_ssl": "0"})
    _check(of(owner, repo), columns["url"], wanted)
    active = incoming.flag(given, "active", "Hook", default=True)
    times = {"created_at": clock.now(), "updated_at": clock.now()}
    kept = json.dumps(wanted)
    with site.database.transaction():
        new_id = site.database.insert(
            "hooks", **{column: row["id"]}, active=active, events=kept, **columns, **times
        )
        hook = site.database.get("SELECT * FROM hooks WHERE id = ?", new_id)
        _ping(hook)
    return shapes.hook(site, hook), 201


def _events(given: dict[str, Any], name: str) -> list[str] | None:
    wanted = incoming.optional(given, name, "Hook", list)
    if wanted is not None and not all(isinstance(event, str) and event for event in wanted):
        raise invalid("Hook", name, "invalid")
    return wanted


def config_columns(config: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Return a hook's columns as its config says."""
    url = config.get("url", defaults.get("url"))
    if not isinstance(url, str) or urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).netloc:
        raise invalid("Hook", "url", "custom", "url is missing a scheme or host")
    content_type = config.get("content_type", defaults["content_type"])
    if content_type not in _CONTENT_TYPES:
        raise invalid("Hook", "content_type", "invalid")
    return {
        "url": url,
        "content_type": content_type,
        "secret": config.get("secret", defaults["secret"]),
        "insecure_ssl": str(config.get("insecure_ssl", defaults["insecure_ssl"])),
    }


def _check(present: list[Row], url: str, wanted: list[str]) -> None:
    """Refuse a twin of a hook, and too many for one event."""
    twins = [hook for hook in present if hook["url"] == url and set(json.loads(hook["events"])) & set(wanted)]
    if twins:
        raise _refused("Hook already exists on this repository")
    if any(sum(events.wants(hook, event) for hook in present) >= MOST_HOOKS for event in wanted):
        raise _refused(f'The "{wanted[0]}" event cannot have more than {MOST_HOOKS} hooks')


def _refused(message: str) -> ApiError:
    return ApiError(422, "Validation Failed", [{"resource": "Hook", "code": "custom", "message": message}])


def _ping(hook: Row) -> None:
    site = current_site()
    body: dict[str, Any] = {"zen": events.zen(), "hook_id": hook["id"], "hook": shapes.pinged(site, hook)}
    repository_id = hook["repository_id"]
    if repository_id:
        row = lookups.repository(site, repository_id)
        body["repository"] = repositories.webhook(site, row)
    else:
        body["organization"] = accounts.organization(site, accounts.account(site, hook["org_id"]))
    body["sender"] = accounts.user(site, incoming.signed_in())
    events.enqueue(site, hook, "ping", body, repository_id)
    site.news.set()


@routes.get(f"{REPOSITORY}/<int:hook_id>")
@routes.get(f"{ORGANIZATION}/<int:hook_id>", defaults={"repo": None})
def show(owner: str, repo: str | None, hook_id: int) -> dict[str, Any]:
    """Show a hook; its secret is never shown."""
    return shapes.hook(current_site(), found(owner, repo, hook_id))


@routes.patch(f"{REPOSITORY}/<int:hook_id>")
@routes.patch(f"{ORGANIZATION}/<int:hook_id>", defaults={"repo": None})
def change(owner: str, repo: str | None, hook_id: int) -> dict[str, Any]:
    """Change a hook; a config that is given replaces the present one, its secret included."""
    site, given, hook = current_site(), incoming.body(), found(owner, repo, hook_id)
    wanted = set(_events(given, "events") or json.loads(hook["events"]))
    wanted |= set(_events(given, "add_events") or [])
    wanted -= set(_events(given, "remove_events") or [])
    columns: dict[str, Any] = {"events": json.dumps(sorted(wanted))}
    config = incoming.optional(given, "config", "Hook", dict)
    if config:
        columns |= config_columns(config, hook | {"secret": None})
    if "active" in given:
        columns["active"] = incoming.flag(given, "active", "Hook", default=True)
    site.database.update("hooks", hook_id, **columns, updated_at=clock.now())
    return shapes.hook(site, found(owner, repo, hook_id))


@routes.get(f"{REPOSITORY}/<int:hook_id>/config")
@routes.get(f"{ORGANIZATION}/<int:hook_id>/config", defaults={"repo": None})
def show_config(owner: str, repo: str | None, hook_id: int) -> dict[str, Any]:
    """Show a hook's config."""
    return shapes.config(found(owner, repo, hook_id))


@routes.patch(f"{REPOSITORY}/<int:hook_id>/config")
@routes.patch(f"{ORGANIZATION}/<int:hook_id>/config", defaults={"repo": None})
def change_config(owner: str, repo: str | None, hook_id: int) -> dict[str, Any]:
    """Change single values of a hook's config."""
    site, hook = current_site(), found(owner, repo, hook_id)
    site.database.update("hooks", hook_id, **config_columns(incoming.body(), hook), updated_at=clock.now())
    return shapes.config(found(owner, repo, hook_id))


@routes.post(f"{REPOSITORY}/<int:hook_id>/pings")
@routes.post(f"{ORGANIZATION}/<int:hook_id>/pings", defaults={"repo": None})
def ping(owner: str, repo: str | None, hook_id: int) -> tuple[str, int]:
    """Send a ping."""
    _ping(found(owner, repo, hook_id))
    return "", 204


@routes.delete(f"{REPOSITORY}/<int:hook_id>")
@routes.delete(f"{ORGANIZATION}/<int:hook_id>", defaults={"repo": None})
def delete(owner: str, repo: str | None, hook_id: int) -> tuple[str, int]:
    """Delete a hook."""
    current_site().database.execute("DELETE FROM hooks WHERE id = ?", found(owner, repo, hook_id)["id"])
    return "", 204
