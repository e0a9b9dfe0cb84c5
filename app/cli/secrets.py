"""`branchline secrets`: list, set, rm, rotate. Nothing here ever shows a secret."""

import os
from collections.abc import Mapping
from typing import Any, TextIO

import click

from app.cli.api import Api, pass_api
from app.cli.show import ago, json_option, show_table
from app.cli.values import environment_option, file_option, secret_of_person, tell, values_of_file
from app.cli.waiting import timeout_option, wait_option
from app.errors import InvalidInput, Misconfigured


@click.group()
def secrets() -> None:
    """List, set and remove the secrets of an app's environments; encrypt all of them anew."""


@secrets.command("list")
@click.argument("app")
@environment_option
@json_option
@pass_api
def list_(api: Api, app: str, *, environment: str, as_json: bool) -> None:
    """List the secrets of an environment by name."""

    def row(item: Mapping[str, Any]) -> tuple[object, ...]:
        return item["name"], ago(item["updatedAt"]), item["actor"]

    items = api.get("apps", app, "environments", environment, "secrets")["items"]
    empty = f"no secrets in {environment} of {app}"
    show_table(items, ("NAME", "SET", "BY"), row, as_json=as_json, empty=empty)


@secrets.command("set")
@click.argument("app")
@click.argument("name", required=False)
@environment_option
@file_option
@wait_option
@timeout_option
@pass_api
def set_(
    api: Api,
    app: str,
    *,
    name: str | None,
    environment: str,
    file: TextIO | None,
    wait: bool,
    timeout: float,
) -> None:
    """Set a secret: its value is asked for, or read from standard input, or several from a file."""
    body = {"values": _values(name, file)}
    change = api.patch("apps", app, "environments", environment, "secrets", body=body)
    done = f"set {', '.join(change['names'])} in {environment} of {app}"
    tell(api, done, [change], wait=wait, timeout=timeout)


@secrets.command()
@click.argument("app")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@environment_option
@wait_option
@timeout_option
@pass_api
def rm(api: Api, app: str, *, names: tuple[str, ...], environment: str, wait: bool, timeout: float) -> None:
    """Remove secrets."""
    changes = [api.delete("apps", app, "environments", environment, "secrets", name) for name in names]
    done = f"removed {', '.join(names)} from {environment} of {app}"
    tell(api, done, changes, wait=wait, timeout=timeout)


@secrets.command()
def rotate() -> None:
    """Encrypt every secret with the newest key, on the control plane's machine; safe while it serves."""
    from app.bootstrap.rotation import rotate_secrets  # noqa: PLC0415 - the others need no database

    rotation = rotate_secrets(os.environ)
    click.echo(f"encrypted with the newest key: {rotation.renewed}, already before: {rotation.current}")
    for place in rotation.unreadable:
        click.echo(f"no key opens {place}", err=True)
    if rotation.unreadable:
        raise Misconfigured(
            "BRANCHLINE_ENCRYPTION_KEYS",
            f"does not open {len(rotation.unreadable)} of the secrets",
            "add the keys that they were encrypted with and rotate again, or set them again",
        )


def _values(name: str | None, file: TextIO | None) -> dict[str, str]:
    if (name is None) == (file is None):
        raise InvalidInput("setting secrets: give either a NAME or --from-file")
    if file is not None:
        return values_of_file(file)
    if name is not None and "=" not in name:
        return {name: secret_of_person(name)}
    raise InvalidInput(
        "setting a secret: give its NAME alone. Its value is asked for or read from standard input, because "
        "everybody on this machine can see the arguments of a command"
    )
