"""`branchline deliveries redeliver`: have GitHub send again what never came."""

from datetime import datetime
from typing import Any

import click

from app.cli.api import Api, pass_api
from app.cli.moments import moment
from app.cli.show import json_option, show_fields, show_json
from app.cli.waiting import timeout_option, wait_for_job, wait_option


@click.command()
@click.option("--since", type=moment, help="Read GitHub's list again from then on: 2026-11-22T09:00, 12h.")
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
