"""`branchline deliveries redeliver`: have GitHub send again what never came."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from app.cli.api import Api, pass_api
from app.cli.show import json_option, show_fields, show_json
from app.cli.waiting import timeout_option, wait_for_job, wait_option

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


def _since(text: str) -> datetime:
    """Return a time that is written as ISO 8601, local unless it says so, or as how long ago it was."""
    number, unit = text[:-1], text[-1:]
    try:
        if unit in _UNITS and number.isdecimal():
            return datetime.now(UTC) - timedelta(**{_UNITS[unit]: int(number)})
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{text!r} is no time; write 2026-11-22T09:00 or, so long ago, 12h"
        ) from None


@click.command()
@click.option("--since", type=_since, help="Read GitHub's list again from then on: 2026-11-22T09:00, 12h.")
@wait_option
@timeout_option
@json_option
@pass_api
def redeliver(api: Api, *, since: datetime | None, wait: bool, timeout: float, as_json: bool) -> None:
    """Have GitHub send again what it sent and we do not have.

    This happens by itself every minute; what is asked for comes a moment later.
    """
    body = {"since": since.isoformat()} if since else {}
    asked: dict[str, Any] = api.post("deliveries", "redeliver", body=body)
    if wait:
        asked = dict(wait_for_job(api, asked["jobId"], timeout)["result"]["deliveries"])
    if as_json:
        show_json(asked)
    else:
        show_fields({name: value for name, value in asked.items() if value != []})
