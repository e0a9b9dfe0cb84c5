"""`branchline variables`: list, set, rm."""

from collections.abc import Mapping
from typing import Any, TextIO

import click

from app.cli.api import Api, pass_api
from app.cli.show import ago, json_option, show_table
from app.cli.values import environment_option, file_option, tell, values_of_file, values_of_pairs
from app.cli.waiting import timeout_option, wait_option
from app.errors import InvalidInput


@click.group()
def variables() -> None:
    """List, set and remove the variables of an app's environments."""


@variables.command("list")
@click.argument("app")
@environment_option
@json_option
@pass_api
def list_(api: Api, app: str, *, environment: str, as_json: bool) -> None:
    """List the variables of an environment with their values."""

    def row(item: Mapping[str, Any]) -> tuple[object, ...]:
        return item["name"], item["value"], ago(item["updatedAt"]), item["actor"]

    items = api.get("apps", app, "environments", environment, "variables")["items"]
    empty = f"no variables in {environment} of {app}"
    show_table(items, ("NAME", "VALUE", "SET", "BY"), row, as_json=as_json, empty=empty)


@variables.command("set")
@click.argument("app")
@click.argument("pairs", nargs=-1, metavar="[NAME=VALUE]...")
@environment_option
@file_option
@wait_option
@timeout_option
@pass_api
def set_(
    api: Api,
    app: str,
    *,
    pairs: tuple[str, ...],
    environment: str,
    file: TextIO | None,
    wait: bool,
    timeout: float,
) -> None:
    """Set variables; what is live gets them without a build."""
    values = (values_of_file(file) if file else {}) | values_of_pairs(pairs)
    if not values:
        raise InvalidInput("setting variables: there is none; give NAME=VALUE or --from-file")
    change = api.patch("apps", app, "environments", environment, "variables", body={"values": values})
    done = f"set {', '.join(change['names'])} in {environment} of {app}"
    tell(api, done, [change], wait=wait, timeout=timeout)


@variables.command()
@click.argument("app")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@environment_option
@wait_option
@timeout_option
@pass_api
def rm(api: Api, app: str, *, names: tuple[str, ...], environment: str, wait: bool, timeout: float) -> None:
    """Remove variables."""
    changes = [api.delete("apps", app, "environments", environment, "variables", name) for name in names]
    done = f"removed {', '.join(names)} from {environment} of {app}"
    tell(api, done, changes, wait=wait, timeout=timeout)
