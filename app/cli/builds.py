"""`branchline deployments log`, `changes`, `runtime-logs`: what a run wrote, what is new, what is said."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import click
import httpx

from app.cli.api import Api, check, pass_api
from app.cli.patience import Patience
from app.cli.show import ago, json_option, printable, show_table
from app.errors import Conflict

_POLL_SECONDS: Final = 5.0
_FOLLOWED_SECONDS: Final = 3600.0
_SAID_SECONDS: Final = 3.0
_GOING_ON: Final = "build:going-on"
_MARKS: Final = {"success": "✓", "skipped": "-"}


@click.command()
@click.argument("deployment")
@click.option("--follow", is_flag=True, help="While its run goes on, print its steps as they end.")
@pass_api
def log(api: Api, deployment: str, *, follow: bool) -> None:
    """Print what the run that built a deployment wrote; GitHub has it when the run is over."""
    end = time.monotonic() + _FOLLOWED_SECONDS
    patience, shown = Patience(is_following=follow), set[tuple[int, int]]()
    while not _print_log(api, deployment, patience, may_wait=follow and time.monotonic() < end):
        _print_steps(patience.ask(lambda: api.get("deployments", deployment, "build")), shown)
        time.sleep(_POLL_SECONDS)


@click.command()
@click.argument("deployment")
@json_option
@pass_api
def changes(api: Api, deployment: str, *, as_json: bool) -> None:
    """List the commits that the deployment before it at its address had not."""

    def row(item: Mapping[str, Any]) -> tuple[object, ...]:
        return item["sha"][:7], item["message"].partition("\n")[0][:60], item["author"], ago(item["at"])

    items = api.get("deployments", deployment, "changes")["commits"]
    columns = ("COMMIT", "MESSAGE", "AUTHOR", "WHEN")
    show_table(items, columns, row, as_json=as_json, empty="nothing that the one before had not")


@click.command("runtime-logs")
@click.argument("deployment")
@click.option("--follow", is_flag=True, help="Go on until interrupted.")
@pass_api
def runtime_logs(api: Api, deployment: str, *, follow: bool) -> None:
    """Print what the scripts of a deployment said within the last hour."""
    patience, shown = Patience(is_following=follow), set[str]()
    while True:
        said = patience.ask(lambda: api.get("deployments", deployment, "runtime-logs"))
        _print_said(said["items"], shown)
        if not follow:
            return
        time.sleep(_SAID_SECONDS)


def _print_log(api: Api, deployment: str, patience: Patience, *, may_wait: bool) -> bool:
    """Print a log; False when it is not there yet, and may be waited for."""
    try:
        with ExitStack() as opened:
            response = patience.ask(lambda: opened.enter_context(_log(api, deployment)))
            for line in response.iter_lines():
                click.echo(printable(line))
    except Conflict as refused:
        if not may_wait or refused.error_code != _GOING_ON:
            raise
        return False
    return True


@contextmanager
def _log(api: Api, deployment: str) -> Iterator[httpx.Response]:
    with api.open("GET", "deployments", deployment, "log") as response:
        check(response)
        yield response


def _print_steps(build: Mapping[str, Any], shown: set[tuple[int, int]]) -> None:
    for job in build["jobs"]:
        for step in job["steps"]:
            key = (job["id"], step["number"])
            if step["status"] == "completed" and key not in shown:
                shown.add(key)
                click.echo(f"  {_MARKS.get(step['conclusion'], '✗')} {printable(step['name'])}", err=True)


def _print_said(items: Iterable[Mapping[str, Any]], shown: set[str]) -> None:
    for item in items:
        if item["id"] not in shown:
            shown.add(item["id"])
            click.echo(printable(f"{item['at']}  {item['level']:5}  {item['message']}"))
