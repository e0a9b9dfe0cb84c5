"""GitHub Apps: an App's own view of itself, its installations and their tokens, and its webhook.

Asked with the App's JWT, but for ``/installation/repositories``. A token's permissions are always all of the
App's; which repositories it opens can be chosen.
https://docs.github.com/rest/apps
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import Blueprint, g, request

from sandbox.github import actors, clock, lookups
from sandbox.github.errors import forbidden, not_found, unprocessable
from sandbox.github.routes import deliveries, hooks, incoming
from sandbox.github.shapes import apps as shapes
from sandbox.github.shapes import hooks as hook_shapes
from sandbox.github.shapes import repositories
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.database import Row

routes = Blueprint("apps", __name__)
TOKEN_HOURS = 1
HOOK = "/app/hook/deliveries"


def _app() -> Row:
    found: Row = g.app_row
    return found


@routes.get("/app")
def show() -> dict[str, Any]:
    """Show the App that is asking."""
    return shapes.app(current_site(), _app())


@routes.get("/app/installations")
def installations() -> list[Any]:
    """List the accounts that the App is installed on."""
    site = current_site()
    rows = site.database.all("SELECT * FROM installations WHERE app_id = ? ORDER BY id", _app()["id"])
    return incoming.paged(rows, lambda row: shapes.installation(site, row))


def _found(column: str, value: int) -> Row:
    queries = {
        "id": "SELECT * FROM installations WHERE app_id = ? AND id = ?",
        "account_id": "SELECT * FROM installations WHERE app_id = ? AND account_id = ?",
    }
    row = current_site().database.one(queries[column], _app()["id"], value)
    if row is None:
        raise not_found()
    return row


@routes.get("/app/installations/<int:installation_id>")
def installation(installation_id: int) -> dict[str, Any]:
    """Show an installation."""
    return shapes.installation(current_site(), _found("id", installation_id))


@routes.get("/orgs/<login>/installation")
@routes.get("/users/<login>/installation")
def of_account(login: str) -> dict[str, Any]:
    """Show the App's installation on an account."""
    return shapes.installation(current_site(), _found("account_id", incoming.account(login)["id"]))


@routes.get("/repos/<owner>/<repo>/installation")
def of_repository(owner: str, repo: str) -> dict[str, Any]:
    """Show the App's installation that covers a repository."""
    row = lookups.by_name(current_site(), owner, repo)
    if row is None:
        raise not_found()
    return shapes.installation(current_site(), _found("account_id", row["owner_id"]))


@routes.post("/app/installations/<int:installation_id>/access_tokens")
def create_token(installation_id: int) -> tuple[dict[str, Any], int]:
    """Give an installation a token for an hour, for all of its repositories or chosen ones."""
    site, row, given = current_site(), _found("id", installation_id), incoming.body()
    chosen = _chosen(row, given)
    expires_at = clock.stamp(datetime.now(UTC) + timedelta(hours=TOKEN_HOURS))
    token = actors.issue_token(
        site,
        _app()["account_id"],
        actors.INSTALLATION,
        installation_id=row["id"],
        expires_at=expires_at,
        repositories=",".join(str(one["id"]) for one in chosen) or None,
    )
    answer = {
        "token": token,
        "expires_at": expires_at,
        "permissions": shapes.PERMISSIONS,
        "repository_selection": "selected" if chosen else "all",
    }
    listed = [repositories.common(site, one) for one in chosen]
    return answer | ({"repositories": listed} if chosen else {}), 201


def _chosen(installation_row: Row, given: dict[str, Any]) -> list[Row]:
    names = incoming.optional(given, "repositories", "AccessToken", list) or []
    ids = incoming.optional(given, "repository_ids", "AccessToken", list) or []
    rows = current_site().database.all(
        "SELECT * FROM repositories WHERE owner_id = ? ORDER BY id", installation_row["account_id"]
    )
    chosen = [row for row in rows if row["name"] in names or row["id"] in ids]
    if len(chosen) < len(set(names)) + len(set(ids)):
        raise unprocessable("There is at least one repository that does not exist or is not accessible.")
    return chosen


@routes.get("/installation/repositories")
def my_repositories() -> dict[str, Any]:
    """List what an installation's token opens."""
    site, actor = current_site(), incoming.actor()
    if actor.kind != actors.INSTALLATION:
        raise forbidden("You must authenticate with an installation access token.")
    row = site.database.get("SELECT * FROM installations WHERE id = ?", actor.installation_id)
    owned = site.database.all("SELECT * FROM repositories WHERE owner_id = ? ORDER BY id", row["account_id"])
    rows = [one for one in owned if actors.may(site, actor, one, "admin")]
    listed = incoming.paged(rows, lambda one: repositories.listed(site, one, actor))
    return {"total_count": len(rows), "repository_selection": "all", "repositories": listed}


@routes.get("/user/installations")
def my_installations() -> dict[str, Any]:
    """List the installations that cover something of the account that is asking."""
    site, account = current_site(), incoming.signed_in()
    every = site.database.all("SELECT * FROM installations ORDER BY id")
    rows = [one for one in every if _covered(one, account)]
    listed = incoming.paged(rows, lambda one: shapes.installation(site, one))
    return {"total_count": len(rows), "installations": listed}


@routes.get("/user/installations/<int:installation_id>/repositories")
def my_repositories_of(installation_id: int) -> dict[str, Any]:
    """List what an installation covers of the account that is asking, without what the public may see."""
    site, account = current_site(), incoming.signed_in()
    row = site.database.one("SELECT * FROM installations WHERE id = ?", installation_id)
    rows = [] if row is None else _covered(row, account)
    if not rows:
        raise not_found()
    listed = incoming.paged(rows, lambda one: repositories.listed(site, one, incoming.actor()))
    return {"total_count": len(rows), "repository_selection": "all", "repositories": listed}


def _covered(installation_row: Row, account: Row) -> list[Row]:
    site = current_site()
    owned = site.database.all(
        "SELECT * FROM repositories WHERE owner_id = ? ORDER BY id", installation_row["account_id"]
    )
    return [one for one in owned if actors.account_permission(site, account["id"], one) != "none"]


def _hook() -> Row:
    return current_site().database.get("SELECT * FROM hooks WHERE app_id = ?", _app()["id"])


@routes.get("/app/hook/config")
def hook_config() -> dict[str, Any]:
    """Show where the App's webhooks go."""
    return hook_shapes.config(_hook())


@routes.patch("/app/hook/config")
def change_hook_config() -> dict[str, Any]:
    """Say where the App's webhooks go; from then on they are sent."""
    columns = hooks.config_columns(incoming.body(), _hook())
    current_site().database.update("hooks", _hook()["id"], **columns, active=1, updated_at=clock.now())
    return hook_shapes.config(_hook())


@routes.get(HOOK)
def hook_deliveries() -> list[Any]:
    """List the App's deliveries."""
    return deliveries.listed(_hook())


@routes.get(f"{HOOK}/<int:delivery_id>")
def hook_delivery(delivery_id: int) -> dict[str, Any]:
    """Show a delivery with its bodies."""
    return hook_shapes.full_delivery(deliveries.found(_hook(), delivery_id), request.base_url)


@routes.post(f"{HOOK}/<int:delivery_id>/attempts")
def redeliver(delivery_id: int) -> tuple[dict[str, Any], int]:
    """Send a delivery again under its old GUID."""
    deliveries.again(deliveries.found(_hook(), delivery_id))
    return {}, 202
