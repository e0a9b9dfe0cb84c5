"""`branchline previews`: have a commit of a fork's pull request shown."""

from typing import Any

import click

from app.cli.api import Api, pass_api
from app.cli.releases import Manner, decision
from app.cli.show import show_fields, show_json
from app.cli.waiting import wait_for_job
from app.errors import RemoteRefused


@click.group()
def previews() -> None:
    """Approve previews of forks' pull requests."""


@previews.command()
@click.argument("app")
@click.argument("number", type=click.IntRange(1))
@click.option("--commit", required=True, metavar="SHA", help="Which commit: its whole name, all 40 digits.")
@decision
@pass_api
def approve(api: Api, app: str, number: int, *, commit: str, manner: Manner) -> None:
    """Have the newest commit of a fork's pull request shown, without secrets and within narrow limits."""
    body = {"commit": commit.lower(), "by": manner.by}
    answer = api.post("apps", app, "pulls", str(number), "preview", body=body)
    seconds = manner.timeout_seconds
    result = wait_for_job(api, answer["jobId"], seconds)["result"] if seconds is not None else {}
    if result.get("error"):
        raise RemoteRefused(f"showing {commit[:7]} of #{number}: {result['error']}")
    if manner.as_json:
        show_json({**answer, "result": result})
        return
    show_fields(
        {
            "pull request": f"#{answer['pullRequest']}",
            "commit": answer["commit"],
            "approved by": answer["approvedBy"],
            "preview": answer["url"],
            "shown": _how(result),
        }
    )


def _how(result: dict[str, Any]) -> str:
    if result.get("status") == "ready":
        return "yes"
    return f"not yet: {result.get('skipped') or 'its run has not ended'}"
