"""`branchline tokens`: tokens of the API, for programs."""

from collections.abc import Mapping
from typing import Any, Final

import click

from app.cli.api import Api, pass_api
from app.cli.show import ago, json_option, printable, show_json, show_table

_SCOPES: Final = ("apps:read", "deploy", "admin")
_DATE_LENGTH: Final = 10


@click.group()
def tokens() -> None:
    """Make, list and revoke tokens of the API."""


@tokens.command()
@click.argument("name")
@click.option(
    "--scope", type=click.Choice(_SCOPES), default=_SCOPES[0], show_default=True, help="How much at most."
)
@click.option("--app", help="Good for this app, or worker, alone.")
@click.option(
    "--days", type=click.IntRange(1, 366), default=90, show_default=True, help="How long it is good."
)
@click.option("--service", is_flag=True, help="Nobody's own, for operators: it stays when people go.")
@json_option
@pass_api
def create(
    api: Api, name: str, *, scope: str, app: str | None, days: int, service: bool, as_json: bool
) -> None:
    """Make a token, and print it: it is shown this once."""
    body = {"name": name, "scope": scope, "app": app, "days": days, "service": service}
    made = api.post("tokens", body=body)
    if as_json:
        show_json(made)
        return
    click.echo(f"{made['id']} is good until {made['expiresAt'][:_DATE_LENGTH]}", err=True)
    click.echo(printable(made["token"]))


@tokens.command("list")
@click.option("--everybody", is_flag=True, help="Those of everybody, for operators.")
@json_option
@pass_api
def list_(api: Api, *, everybody: bool, as_json: bool) -> None:
    """List the tokens that are good, newest first."""

    def row(item: Mapping[str, Any]) -> tuple[object, ...]:
        good_for = f"{item['scope']} {item['appId'] or ''}".strip()
        used, ends = ago(item["usedAt"]) or "never", item["expiresAt"][:_DATE_LENGTH]
        shown = (item["id"], item["name"], good_for, used, ends)
        return (*shown, item["createdBy"]) if everybody else shown

    columns = ("ID", "NAME", "GOOD FOR", "USED", "ENDS", *(("MADE BY",) if everybody else ()))
    items = api.get("tokens", everybody="true" if everybody else None)["items"]
    show_table(items, columns, row, as_json=as_json, empty="there are no tokens")


@tokens.command()
@click.argument("token")
@json_option
@pass_api
def revoke(api: Api, token: str, *, as_json: bool) -> None:
    """Have a token, by its id, good no more."""
    gone = api.delete("tokens", token)
    if as_json:
        show_json(gone)
    else:
        click.echo(f"{printable(gone['name'])} is good no more")
