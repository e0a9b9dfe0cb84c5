"""`branchline drift` and `branchline reconcile`: what is not as it was recorded, found and healed."""

from collections.abc import Mapping
from typing import Any

import click

from app.cli.api import Api, pass_api
from app.cli.show import ago, json_option, limit_option, show_fields, show_json, show_table
from app.cli.waiting import timeout_option, wait_for_job, wait_option

_COLUMNS = ("APP", "KIND", "SUBJECT", "HEALED BY", "FOUND", "NOTE")


@click.command()
@click.argument("app", required=False)
@click.option("--look", is_flag=True, help="Look now instead of telling what was seen last.")
@click.option(
    "--heal",
    type=click.Choice(["safe", "all"]),
    help="Look now and heal: safe deletes nothing and overwrites nothing that somebody edited.",
)
@limit_option
@timeout_option
@json_option
@pass_api
def drift(
    api: Api, app: str | None, *, look: bool, heal: str | None, limit: int, timeout: float, as_json: bool
) -> None:
    """Show what differs between what is recorded and what is there: of one app, or of all."""
    if app is None:
        if look or heal:
            raise click.UsageError("--look and --heal are for one app; for all: branchline reconcile")
        items = list(api.items("drift", limit=limit))
    else:
        if look or heal:
            accepted = api.post("apps", app, "drift", body={"heal": heal or "off"})
            wait_for_job(api, accepted["jobId"], timeout)
        items = api.get("apps", app, "drift")["items"]
    show_table(items, _COLUMNS, _row, as_json=as_json, empty="nothing differs, as far as was looked")


@click.command()
@click.option("--estimate", is_flag=True, help="Only tell what a pass would take.")
@wait_option
@timeout_option
@json_option
@pass_api
def reconcile(api: Api, *, estimate: bool, wait: bool, timeout: float, as_json: bool) -> None:
    """Look at everything once, and have healed what the apps' policies allow."""
    if estimate:
        _show(api.get("reconcile"), as_json=as_json)
        return
    accepted = api.post("reconcile", body={})
    result = wait_for_job(api, accepted["jobId"], timeout)["result"] if wait else None
    if as_json:
        show_json({**accepted, "result": result})
        return
    _show(accepted["estimate"], as_json=False)
    show_fields({"job": accepted["jobId"]})
    if result:
        show_fields({"scripts seen": result["scripts"], "apps to heal": result["appsToHeal"]})


def _show(estimate: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(estimate)
        return
    show_fields(
        {
            "apps": estimate["apps"],
            "scripts": estimate["scripts"],
            "GitHub calls": estimate["githubCalls"],
            "Cloudflare calls": estimate["cloudflareCalls"],
            "seconds": estimate["seconds"],
        }
    )


def _row(item: Mapping[str, Any]) -> tuple[object, ...]:
    facts, by = item["facts"], item["healedBy"]
    note = facts.get("outcome") or facts.get("error")
    return (
        item["appId"],
        item["kind"],
        item["subject"],
        "a person" if by == "off" else by,
        ago(item["foundAt"]),
        note,
    )
