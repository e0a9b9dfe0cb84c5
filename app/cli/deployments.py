"""`branchline deployments`: list, show, what their runs wrote, and calls of their functions."""

from collections.abc import Mapping
from typing import Any

import click

from app.cli.api import Api, pass_api
from app.cli.builds import changes, log, runtime_logs
from app.cli.invoke import invoke_deployed
from app.cli.show import ago, json_option, limit_option, show_fields, show_json, show_table
from app.domain.deployments import Status
from app.domain.environments import Environment


@click.group()
def deployments() -> None:
    """List and show deployments, read their logs, call their functions."""


for _command in (log, changes, runtime_logs, invoke_deployed):
    deployments.add_command(_command)


@deployments.command("list")
@click.argument("app")
@click.option("--environment", type=click.Choice([e.value for e in Environment]))
@click.option("--status", type=click.Choice([s.value for s in Status]))
@limit_option
@json_option
@pass_api
def list_(
    api: Api, app: str, *, environment: str | None, status: str | None, limit: int, as_json: bool
) -> None:
    """List an app's deployments, newest first."""

    def row(item: Mapping[str, Any]) -> tuple[object, ...]:
        pull = f"#{item['pullRequest']}" if item["pullRequest"] else item["branch"]
        return (
            item["id"],
            item["environment"],
            item["status"],
            item["commit"][:7],
            pull,
            ago(item["createdAt"]),
        )

    columns = ("ID", "ENVIRONMENT", "STATUS", "COMMIT", "FROM", "CREATED")
    items = api.items("apps", app, "deployments", limit=limit, environment=environment, status=status)
    show_table(items, columns, row, as_json=as_json, empty=f"no such deployments of {app}")


@deployments.command()
@click.argument("deployment")
@json_option
@pass_api
def show(api: Api, deployment: str, *, as_json: bool) -> None:
    """Show a deployment."""
    item = api.get("deployments", deployment)
    if as_json:
        show_json(item)
        return
    phases = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in item["phases"].items())
    show_fields(
        {
            "id": item["id"],
            "environment": item["environment"],
            "status": item["status"],
            "commit": f"{item['commit'][:7]} {item['message'] or ''}".strip(),
            "branch": item["branch"],
            "pull request": item["pullRequest"],
            "address": f"{item['url']}{_liveness(item)}",
            "its own": item["immutableUrl"] or _gone(item),
            "expires": None if item["expiresInDays"] is None else f"in {item['expiresInDays']} days",
            "promoted from": item["promotedFrom"],
            "decided by": item["actor"],
            "run": item["run"]["url"],
            "phases": phases or None,
            "error": item["error"],
            "created": ago(item["createdAt"]),
        }
    )


def _liveness(item: Mapping[str, Any]) -> str:
    if not item["isLive"]:
        return "  (shows another)" if item["status"] == Status.READY else ""
    return "  (live, pinned)" if item["pinned"] else "  (live)"


def _gone(item: Mapping[str, Any]) -> str | None:
    return f"taken down: branchline restore {item['id']}" if item["canRestore"] else None
