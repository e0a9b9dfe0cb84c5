"""`branchline deliveries replay`: have what was received worked off again."""

from datetime import datetime
from typing import Any

import click

from app.cli.api import Api, pass_api
from app.cli.moments import moment
from app.cli.show import show_fields, show_json


@click.command()
@click.argument("guids", metavar="[GUID]...", nargs=-1)
@click.option("--since", type=moment, help="Those received since then: 2026-11-22T09:00, 12h.")
@click.option("--until", type=moment, help="Those received before then.")
@click.option("--event", help="Only this event: push.")
@click.option("--failed", is_flag=True, help="Only those whose work failed.")
@click.option("--older-version", is_flag=True, help="Only those that an older version worked off.")
@click.option("--dry-run", is_flag=True, help="Only say how many that would be.")
@click.option("--after", type=click.IntRange(0), default=0, help="Go on where an earlier call ended.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_api
def replay(api: Api, *, guids: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Work deliveries off again: those named, or all that the options find.

    What is right already stays as it is. Many are spread over the time to come, so that new ones do not wait.
    """
    if guids and any(options.values()):
        raise click.UsageError("name deliveries, or describe them: not both")
    number = _replay_named(api, guids) if guids else _replay_found(api, options)
    done = {"number": number, "dryRun": options["dry_run"]}
    if as_json:
        show_json(done)
    else:
        show_fields({"would be replayed" if options["dry_run"] else "are worked off again": number})


def _replay_named(api: Api, guids: tuple[str, ...]) -> int:
    for guid in guids:
        api.post("deliveries", guid, "replay", body={})
    return len(guids)


def _replay_found(api: Api, options: dict[str, Any]) -> int:
    """Go through all parts; whoever is interrupted goes on after the place that was said last."""
    if not (options["since"] or options["failed"] or options["older_version"]):
        raise click.UsageError("name deliveries, or give --since, --failed or --older-version")
    body = _body(options)
    number, after = 0, options["after"]
    while after is not None:
        part = api.post("deliveries", "replay", body={**body, "after": after})
        number, after = number + part["number"], part["next"]
        if after is not None:
            click.echo(f"{number} so far; go on with --after {after}", err=True)
    return number


def _body(options: dict[str, Any]) -> dict[str, Any]:
    def written(at: datetime | None) -> str | None:
        return at.isoformat() if at else None

    told = {
        "since": written(options["since"]),
        "until": written(options["until"]),
        "event": options["event"],
        "failed": options["failed"],
        "olderVersion": options["older_version"],
        "dryRun": options["dry_run"],
    }
    return {name: value for name, value in told.items() if value is not None}
