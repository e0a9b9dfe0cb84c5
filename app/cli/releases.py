"""`branchline rollback`, `resume`, `promote`, `redeploy`: what is live, decided by a person."""

import getpass
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final

import click

from app.cli.api import Api, pass_api
from app.cli.show import json_option, show_fields, show_json
from app.cli.waiting import timeout_option, wait_for_job, wait_option
from app.domain.environments import Environment
from app.errors import InvalidInput

_DEPLOYMENT: Final = "dpl_"
_ENVIRONMENTS: Final = click.Choice([environment.value for environment in Environment])


def _myself() -> str:
    """Return the name of who is logged in here; `operator` when nobody is known."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "operator"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a decision is made: by whom, how long to wait for it (None: not at all), and how it is shown."""

    by: str
    timeout_seconds: float | None
    as_json: bool


def decision(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that all decisions have, and hand them to it as its `manner`."""

    @wraps(command)
    def decide(*given: Any, by: str, wait: bool, timeout: float, as_json: bool, **named: Any) -> None:
        manner = Manner(by, timeout if wait else None, as_json)
        command(*given, manner=manner, **named)

    by_option = click.option(
        "--by",
        default=_myself,
        metavar="NAME",
        help="Who decides this: shown in comments, on GitHub and in events. [default: who is logged in]",
    )
    return by_option(wait_option(timeout_option(json_option(decide))))


@click.command()
@click.argument("app")
@click.option("--environment", type=_ENVIRONMENTS, default="production", show_default=True)
@click.option("--to", metavar="DEPLOYMENT", help="Which deployment.  [default: the one before what is live]")
@decision
@pass_api
def rollback(api: Api, app: str, *, environment: str, to: str | None, manner: Manner) -> None:
    """Put an earlier deployment back; pushes do not go live until `resume` or `promote`."""
    body = {"environment": environment, "by": manner.by, **({"to": to} if to else {})}
    answer = api.post("apps", app, "rollback", body=body)
    _end(api, answer, manner)


@click.command()
@click.argument("app")
@click.option("--environment", type=_ENVIRONMENTS, default="production", show_default=True)
@click.option("--pull-request", type=click.IntRange(1), help="Whose preview.")
@decision
@pass_api
def resume(api: Api, app: str, *, environment: str, pull_request: int | None, manner: Manner) -> None:
    """Let pushes go live again, and with them the newest that was built meanwhile."""
    if pull_request is not None:
        environment = "preview"
    body = {"environment": environment, "pullRequest": pull_request, "by": manner.by}
    answer = api.post("apps", app, "resume", body=body)
    _end(api, answer, manner)


@click.command()
@click.argument("what")
@click.option("--environment", type=_ENVIRONMENTS, default="production", show_default=True, help="Where to.")
@click.option("--pull-request", type=click.IntRange(1), help="The pull request of app WHAT whose preview.")
@click.option("--from", "source", type=_ENVIRONMENTS, help="The environment of app WHAT whose deployment.")
@decision
@pass_api
def promote(
    api: Api,
    what: str,
    *,
    environment: str,
    pull_request: int | None,
    source: str | None,
    manner: Manner,
) -> None:
    """Have the very bytes of a deployment live in an environment.

    WHAT is a deployment, or an app whose preview (--pull-request) or staging (--from staging) is meant.
    """
    deployment = what
    if not what.startswith(_DEPLOYMENT):
        deployment = _deployment_of(api.get("apps", what), pull_request, source)
    body = {"environment": environment, "by": manner.by}
    answer = api.post("deployments", deployment, "promote", body=body)
    _end(api, answer, manner)


@click.command()
@click.argument("deployment")
@decision
@pass_api
def redeploy(api: Api, deployment: str, *, manner: Manner) -> None:
    """Run a deployment's workflow once more; what it makes is a new deployment."""
    answer = api.post("deployments", deployment, "redeploy", body={"by": manner.by})
    seconds = manner.timeout_seconds
    result = wait_for_job(api, answer["jobId"], seconds)["result"] if seconds is not None else None
    if manner.as_json:
        show_json({**answer, "result": result})
    else:
        show_fields(
            {
                "deployment": answer["deployment"]["id"],
                "run": answer["deployment"]["run"]["url"],
                "attempt": result.get("attempt") if result else None,
            }
        )


def _deployment_of(app: Mapping[str, Any], pull_request: int | None, source: str | None) -> str:
    """Return the deployment that is meant by an app's pull request or environment."""
    if (pull_request is None) is (source is None):
        raise InvalidInput(
            f"promoting {app['name']}: say which of its deployments: --pull-request N, or --from staging"
        )
    if source is not None and source != "preview":
        return _known(app, app["environments"][source], source)
    previews = {it["pullRequest"]["number"] if it["pullRequest"] else None: it for it in app["previews"]}
    return _known(app, previews.get(pull_request), f"#{pull_request}" if pull_request else "preview")


def _known(app: Mapping[str, Any], place: Mapping[str, Any] | None, name: str) -> str:
    if place is None or place["deploymentId"] is None:
        raise InvalidInput(f"promoting {app['name']}: nothing is deployed for {name}")
    return str(place["deploymentId"])


def _end(api: Api, answer: Mapping[str, Any], manner: Manner) -> None:
    """Wait for a decision to be true, and show how it stands then."""
    deployment = answer["deployment"]
    if manner.timeout_seconds is not None:
        wait_for_job(api, answer["jobId"], manner.timeout_seconds)
        deployment = api.get("deployments", deployment["id"])
    if manner.as_json:
        show_json({**answer, "deployment": deployment})
        return
    show_fields(
        {
            answer["environment"]: answer["url"],
            "deployment": deployment["id"],
            "commit": f"{deployment['commit'][:7]} {deployment['message'] or ''}".strip(),
            "its own address": deployment["immutableUrl"],
            "live": _liveness(deployment),
        }
    )


def _liveness(deployment: Mapping[str, Any]) -> str:
    if not deployment["isLive"]:
        return "no: something else was decided, or pushed, meanwhile"
    return "yes, pinned: pushes do not go live until `branchline resume`" if deployment["pinned"] else "yes"
