"""Whether Actions may run in a repository, and who may do what there."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from sandbox.github import actors
from sandbox.github.errors import conflict, not_found, unprocessable
from sandbox.github.routes import incoming
from sandbox.github.shapes import accounts
from sandbox.github.site import current_site

routes = Blueprint("permissions", __name__)
_ALLOWED = ("all", "local_only", "selected")
_INVITED = {"pull": "read", "triage": "read", "push": "write", "maintain": "write", "admin": "admin"}


@routes.get("/repos/<owner>/<repo>/actions/permissions")
def show(owner: str, repo: str) -> dict[str, Any]:
    """Tell whether Actions are on."""
    row = incoming.repository(owner, repo, "admin")
    if not row["actions_enabled"]:
        return {"enabled": False}
    return {"enabled": True, "allowed_actions": row["allowed_actions"], "sha_pinning_required": False}


@routes.put("/repos/<owner>/<repo>/actions/permissions")
def put(owner: str, repo: str) -> tuple[str, int]:
    """Switch Actions on or off; in a fork this is what lets its workflows run."""
    row, given = incoming.repository(owner, repo, "admin"), incoming.body()
    enabled = incoming.required(given, "enabled", "ActionsPermissions", bool)
    allowed = incoming.optional(given, "allowed_actions", "ActionsPermissions", str) or row["allowed_actions"]
    if allowed not in _ALLOWED:
        raise unprocessable("allowed_actions must be all, local_only or selected")
    current_site().database.update(
        "repositories", row["id"], actions_enabled=enabled, allowed_actions=allowed
    )
    return "", 204


@routes.get("/repos/<owner>/<repo>/actions/permissions/workflow")
def workflow(owner: str, repo: str) -> dict[str, Any]:
    """Tell what a run's token may do by default."""
    incoming.repository(owner, repo, "admin")
    return {"default_workflow_permissions": "write", "can_approve_pull_request_reviews": False}


@routes.put("/repos/<owner>/<repo>/actions/permissions/workflow")
def put_workflow(owner: str, repo: str) -> tuple[str, int]:
    """Refuse to change it: the sandbox's runs get what their workflow asks for."""
    incoming.repository(owner, repo, "admin")
    raise conflict("The sandbox does not change default workflow permissions.")


@routes.get("/repos/<owner>/<repo>/collaborators")
def collaborators(owner: str, repo: str) -> list[Any]:
    """List everybody who may do more than the public."""
    site, row = current_site(), incoming.repository(owner, repo, "write")
    everybody = site.database.all("SELECT * FROM accounts WHERE type = 'User' ORDER BY id")
    allowed = [one for one in everybody if actors.account_permission(site, one["id"], row) != "none"]
    return incoming.paged(allowed, lambda one: accounts.user(site, one) | _role(site, row, one))


def _role(site: Any, row: Any, account: Any) -> dict[str, Any]:
    level = actors.account_permission(site, account["id"], row)
    rank = actors.LEVELS.index(level)
    return {
        "permissions": {
            "admin": rank >= actors.LEVELS.index("admin"),
            "maintain": rank >= actors.LEVELS.index("admin"),
            "push": rank >= actors.LEVELS.index("write"),
            "triage": rank >= actors.LEVELS.index("write"),
            "pull": rank >= actors.LEVELS.index("read"),
        },
        "role_name": level,
    }


@routes.put("/repos/<owner>/<repo>/collaborators/<login>")
def invite(owner: str, repo: str, login: str) -> tuple[str, int]:
    """Let somebody in; the sandbox needs no invitation to be accepted."""
    site, row, account = current_site(), incoming.repository(owner, repo, "admin"), incoming.account(login)
    wanted = incoming.optional(incoming.body(), "permission", "Collaborator", str) or "push"
    if wanted not in _INVITED:
        raise unprocessable(f"{wanted!r} is no permission")
    site.database.execute(
        "INSERT OR REPLACE INTO collaborators (repository_id, account_id, permission) VALUES (?, ?, ?)",
        row["id"],
        account["id"],
        _INVITED[wanted],
    )
    return "", 204


@routes.delete("/repos/<owner>/<repo>/collaborators/<login>")
def dismiss(owner: str, repo: str, login: str) -> tuple[str, int]:
    """Take back what somebody was invited to do; members of the organisation keep what that lets them."""
    row, account = incoming.repository(owner, repo, "admin"), incoming.account(login)
    query = "DELETE FROM collaborators WHERE repository_id = ? AND account_id = ?"
    current_site().database.execute(query, row["id"], account["id"])
    return "", 204


@routes.get("/repos/<owner>/<repo>/collaborators/<login>")
def is_collaborator(owner: str, repo: str, login: str) -> tuple[str, int]:
    """Answer 204 for a collaborator and 404 for anybody else."""
    site, row = current_site(), incoming.repository(owner, repo, "write")
    if actors.account_permission(site, incoming.account(login)["id"], row) == "none":
        raise not_found()
    return "", 204


@routes.get("/repos/<owner>/<repo>/collaborators/<login>/permission")
def permission(owner: str, repo: str, login: str) -> dict[str, Any]:
    """Show what somebody may do."""
    site, row = current_site(), incoming.repository(owner, repo)
    incoming.signed_in()
    account = incoming.account(login)
    level = actors.permission(site, actors.Actor(account=account), row)
    user = accounts.user(site, account) | _role(site, row, account) | {"role_name": level}
    return {"permission": level, "role_name": level, "user": user}
