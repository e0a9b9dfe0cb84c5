"""`branchline deliveries`: the inbox."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import click

from app.cli.api import Api, pass_api
from app.cli.moments import moment
from app.cli.redelivery import redeliver
from app.cli.replay import replay
from app.cli.show import ago, json_option, limit_option, printable, show_fields, show_json, show_table

_STATUSES: Final = ("waiting", "processed", "ignored", "failed", "duplicate")


@click.group()
def deliveries() -> None:
    """List, show and replay the webhooks that were received."""


deliveries.add_command(redeliver)
deliveries.add_command(replay)


@deliveries.command("list")
@click.option("--status", type=click.Choice(_STATUSES), help="What became of them.")
@click.option("--event", help="Only this event: push.")
@click.option("--source", type=click.Choice(("github", "workflow")), help="Who sent them.")
@click.option("--since", type=moment, help="Received since then: 2026-11-22T09:00, 12h.")
@limit_option
@json_option
@pass_api
def list_(api: Api, *, limit: int, as_json: bool, since: datetime | None, **wanted: str | None) -> None:
    """List the deliveries, newest first."""

    def row(item: Mapping[str, Any]) -> tuple[object, ...]:
        return item["guid"], item["source"], item["event"], item["status"], ago(item["receivedAt"])

    columns = ("GUID", "SOURCE", "EVENT", "STATUS", "RECEIVED")
    items = api.items("deliveries", limit=limit, since=since and since.isoformat(), **wanted)
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
    names = (
        "guid",
        "source",
        "event",
        "status",
        "attempts",
        "error",
        "receivedAt",
        "processedAt",
        "ackedVersion",
    )
    show_fields({name: item[name] for name in names} | item["headers"])
    for line in item["content"].splitlines():
        click.echo(printable(line))
