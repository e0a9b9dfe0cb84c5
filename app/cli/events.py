"""`branchline events`: the record, by page or as it grows, and its archives."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

import click

from app.cli.api import Api, check, pass_api
from app.cli.following import RESET, follow_events
from app.cli.moments import moment
from app.cli.show import ago, json_option, limit_option, printable, show_json, show_table

_F = TypeVar("_F", bound=Callable[..., Any])
_PAGE: Final = 100


def chosen_options(command: _F) -> _F:
    """Let a command choose events."""
    for name, text in (
        ("--tag", "With this tag, or one that begins so: deployment:"),
        ("--app", "Of this app or worker."),
        ("--subject", "About this id."),
        ("--actor", "By this person, token or job, as events call them: person:ada."),
    ):
        command = click.option(name, help=text)(command)
    return command


@click.group()
def events() -> None:
    """List and follow what happened."""


@events.command("list")
@chosen_options
@click.option("--after", help="Oldest first, from this place on.")
@limit_option
@json_option
@pass_api
def list_(api: Api, *, after: str | None, limit: int, as_json: bool, **chosen: str | None) -> None:
    """List events, newest first."""
    items, place = list[Mapping[str, Any]](), after
    while len(items) < limit:
        where = {"before" if after is None else "after": place}
        page = api.get("events", limit=min(limit - len(items), _PAGE), **where, **chosen)
        items += page["items"]
        place = page["nextCursor"]
        if place is None:
            break
    columns = ("PLACE", "EVENT", "SUBJECT", "BY", "WHEN")
    show_table(items, columns, _row, as_json=as_json, empty="nothing happened yet")


@events.command()
@chosen_options
@click.option("--after", help="Begin behind this place instead of now.")
@click.option("--json", "as_json", is_flag=True, help="Print each event as a line of JSON.")
@pass_api
def follow(api: Api, *, after: str | None, as_json: bool, **chosen: str | None) -> None:
    """Print events as they come about, until interrupted; a broken connection is taken up again."""
    for name, event in follow_events(api, after, chosen):
        if name == RESET:
            click.echo(f"branchline: {printable(event['message'])} [{printable(event['code'])}]", err=True)
        elif as_json:
            click.echo(json.dumps(event))
        else:
            click.echo(printable("  ".join((event["at"], *map(str, _row(event)[1:4])))))


@events.group(invoke_without_command=True)
@click.pass_context
def archives(ctx: click.Context) -> None:
    """List what of the record is archived; `show` prints one."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_archives)


@archives.command("list")
@json_option
@pass_api
def list_archives(api: Api, *, as_json: bool) -> None:
    """List the archives, oldest first."""

    def row(item: Mapping[str, Any]) -> tuple[object, ...]:
        return item["firstId"], item["number"], item["firstAt"], item["lastAt"], item["sha256"][:12]

    items = api.get("events", "archives")["items"]
    columns = ("FIRST", "EVENTS", "FROM", "TO", "SHA-256")
    show_table(items, columns, row, as_json=as_json, empty="nothing is archived yet")


@archives.command()
@click.argument("first_id", type=click.IntRange(1))
@pass_api
def show(api: Api, first_id: int) -> None:
    """Print the events of the archive that begins with FIRST_ID, a line of JSON each."""
    with api.open("GET", "events", "archives", str(first_id)) as response:
        check(response)
        for line in response.iter_lines():
            click.echo(line)


@click.command()
@click.argument("app")
@click.argument("time", type=moment)
@json_option
@pass_api
def at(api: Api, app: str, time: datetime, *, as_json: bool) -> None:
    """Show what was live of an app at a TIME: 2026-11-22T12:00:00Z or, so long ago, 12h."""
    told = api.get("apps", app, "at", time=time.isoformat())
    if as_json:
        show_json(told)
        return
    if not told["isKnown"]:
        click.echo(f"nobody recorded that before {told['knownSince']}", err=True)
    shown = [item | {"name": name} for name, item in told["environments"].items() if item]
    shown += [item | {"name": _preview(item)} for item in told["previews"]]
    columns = ("WHERE", "COMMIT", "DEPLOYMENT", "SINCE", "BY", "WHY")
    show_table(shown, columns, _place, as_json=False, empty="nothing was live then")


def _row(event: Mapping[str, Any]) -> tuple[object, ...]:
    return event["place"], event["tag"], event["subject"], event["actor"], ago(event["at"])


def _preview(item: Mapping[str, Any]) -> str:
    return f"preview #{item['pullRequest']}" if item["pullRequest"] else "preview"


def _place(item: Mapping[str, Any]) -> tuple[object, ...]:
    why = f"{item['why'] or ''}{' (pinned)' if item['pinned'] else ''}"
    return item["name"], item["commit"][:7], item["deploymentId"], item["since"], item["by"], why
