"""`branchline deliveries`: the inbox."""

from collections.abc import Mapping
from typing import Any

import click

from app.cli.api import Api, pass_api
from app.cli.redelivery import redeliver
from app.cli.show import ago, json_option, limit_option, printable, show_fields, show_json, show_table


@click.group()
def deliveries() -> None:
    """List and show the webhooks that were received."""


deliveries.add_command(redeliver)


@deliveries.command("list")
@limit_option
@json_option
@pass_api
def list_(api: Api, *, limit: int, as_json: bool) -> None:
    """List the deliveries, newest first."""

    def row(item: Mapping[str, Any]) -> tuple[object, ...]:
        return item["guid"], item["source"], item["event"], item["status"], ago(item["receivedAt"])

    columns = ("GUID", "SOURCE", "EVENT", "STATUS", "RECEIVED")
    items = api.items("deliveries", limit=limit)
    show_table(items, columns, row, as_json=as_json, empty="nothing was delivered yet")


@deliveries.command()
@click.argument("guid")
@json_option
@pass_api
def show(api: Api, guid: str, *, as_json: bool) -> None:
    """Show a delivery with its headers and its body."""
    item = api.get("deliveries", guid)
    if as_json:
        show_json(item)
        return
    names = ("guid", "source", "event", "status", "attempts", "error", "receivedAt", "processedAt")
    show_fields({name: item[name] for name in names} | item["headers"])
    for line in item["content"].splitlines():
        click.echo(printable(line))
