"""Users and organisations."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from sandbox.github import actors
from sandbox.github.errors import forbidden, not_found
from sandbox.github.routes import incoming
from sandbox.github.shapes import accounts
from sandbox.github.site import current_site

routes = Blueprint("users", __name__)


@routes.get("/user")
def me() -> dict[str, Any]:
    """Show the account that is asking."""
    account = incoming.signed_in()
    if incoming.actor().kind not in {actors.PERSONAL, actors.OAUTH}:
        raise forbidden("Resource not accessible by integration")
    return accounts.private_user(current_site(), account)


@routes.get("/user/orgs")
def my_organizations() -> list[Any]:
    """List the organisations of the account that is asking."""
    return _organizations(incoming.signed_in()["id"])


@routes.get("/users/<login>")
def user(login: str) -> dict[str, Any]:
    """Show a user or organisation."""
    return accounts.public_user(current_site(), incoming.account(login))


@routes.get("/users/<login>/orgs")
def organizations(login: str) -> list[Any]:
    """List somebody's organisations."""
    return _organizations(incoming.account(login)["id"])


def _organizations(account_id: int) -> list[Any]:
    site = current_site()
    query = (
        "SELECT a.* FROM accounts a JOIN members m ON m.org_id = a.id WHERE m.account_id = ? ORDER BY a.id"
    )
    return incoming.paged(site.database.all(query, account_id), lambda row: accounts.organization(site, row))


@routes.get("/orgs/<org>")
def organization(org: str) -> dict[str, Any]:
    """Show an organisation."""
    return accounts.full_organization(current_site(), incoming.account(org, "Organization"))


@routes.get("/orgs/<org>/members")
def members(org: str) -> list[Any]:
    """List an organisation's members."""
    site = current_site()
    query = (
        "SELECT a.* FROM accounts a JOIN members m ON m.account_id = a.id WHERE m.org_id = ? ORDER BY a.id"
    )
    rows = site.database.all(query, incoming.account(org, "Organization")["id"])
    return incoming.paged(rows, lambda row: accounts.user(site, row))


@routes.get("/orgs/<org>/memberships/<login>")
def membership(org: str, login: str) -> dict[str, Any]:
    """Show how somebody belongs to an organisation."""
    site, row, member = current_site(), incoming.account(org, "Organization"), incoming.account(login)
    role = actors.member_role(site, row["id"], member["id"])
    if role is None:
        raise not_found()
    return {
        "url": f"{site.api_url}/orgs/{row['login']}/memberships/{member['login']}",
        "state": "active",
        "role": role,
        "organization_url": f"{site.api_url}/orgs/{row['login']}",
        "organization": accounts.organization(site, row),
        "user": accounts.user(site, member),
    }
