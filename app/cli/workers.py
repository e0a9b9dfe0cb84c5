"""`branchline workers`: deploy, list, show, keep, restore, delete; `invoke` stands beside."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from app.cli.api import Api, pass_api
from app.cli.invoke import invoke
from app.cli.show import ago, json_option, limit_option, printable, show_fields, show_json, show_table
from app.cli.sources import SourceFiles
from app.cli.waiting import timeout_option, wait_for_job, wait_option
from app.domain.environments import Environment
from app.errors import NotFound, Unprocessable


@click.group()
def workers() -> None:
    """Put functions up without a repository, look at them, call them."""


workers.add_command(invoke)


@workers.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--name", help="The worker's name; that of the first file without.")
@click.option("--keep", is_flag=True, help="Do not let it expire.")
@click.option(
    "--environment",
    type=click.Choice([it.value for it in Environment]),
    help="Where a new worker lives.  [default: production]",
)
@click.option("--cors", "origins", multiple=True, metavar="ORIGIN", help="Whose pages may read answers.")
@click.option("--timeout-ms", type=int, help="How long a function may take.")
@click.option("--invoke-key/--no-invoke-key", default=None, help="Whether callers have to bear a key.")
@json_option
@pass_api
def deploy(
    api: Api,
    files: tuple[Path, ...],
    *,
    name: str | None,
    keep: bool,
    environment: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Put functions up: a new worker, or a new version of the one with that name."""
    sources = SourceFiles(files)
    name = name or sources.worker_name
    body = {"files": sources.body(), "options": _options(**options)}
    try:
        deployed = _deploy(api, name, environment, body)
    except Unprocessable as error:
        for line in sources.problems(error.details.get("errors", ())):
            click.echo(printable(line), err=True)
        raise
    if keep and not deployed["keep"]:
        deployed |= api.patch("workers", deployed["id"], body={"keep": True})
    _show(deployed, as_json=as_json)


@workers.command("list")
@limit_option
@json_option
@pass_api
def list_(api: Api, *, limit: int, as_json: bool) -> None:
    """List the workers, newest first."""

    def row(worker: Mapping[str, Any]) -> tuple[object, ...]:
        functions = ", ".join(worker["functions"])
        return worker["name"], worker["status"], functions, _expiry(worker), ago(worker["lastInvokedAt"])

    columns = ("NAME", "STATUS", "FUNCTIONS", "EXPIRES", "LAST CALL")
    empty = "no workers yet: branchline workers deploy FILE"
    show_table(api.items("workers", limit=limit), columns, row, as_json=as_json, empty=empty)


@workers.command()
@click.argument("worker")
@json_option
@pass_api
def show(api: Api, worker: str, *, as_json: bool) -> None:
    """Show a worker, by name, slug or id, with its versions."""
    _show(api.get("workers", worker), as_json=as_json)


@workers.command()
@click.argument("worker")
@click.option("--off", is_flag=True, help="Let it expire again, counted from now.")
@json_option
@pass_api
def keep(api: Api, worker: str, *, off: bool, as_json: bool) -> None:
    """Keep a worker: it does not expire."""
    _show(api.patch("workers", worker, body={"keep": not off}), as_json=as_json)


@workers.command()
@click.argument("worker")
@json_option
@pass_api
def restore(api: Api, worker: str, *, as_json: bool) -> None:
    """Have an expired worker answer again."""
    _show(api.post("workers", worker, "restore", body={}), as_json=as_json)


@workers.command()
@click.argument("worker")
@click.option("--yes", is_flag=True, help="Do not ask.")
@wait_option
@timeout_option
@pass_api
def delete(api: Api, worker: str, *, yes: bool, wait: bool, timeout: float) -> None:
    """Delete a worker and all its versions."""
    known = api.get("workers", worker)
    if not yes:
        click.confirm(f"Delete {known['name']}, all its versions and addresses?", abort=True)
    deleted = api.delete("workers", known["id"])
    if wait:
        wait_for_job(api, deleted["jobId"], timeout)
    click.echo(f"{known['name']} is deleted")


def _deploy(api: Api, name: str, environment: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
    try:
        known = api.get("workers", name)
    except NotFound:
        asked = {"name": name, **body, **({"environment": environment} if environment else {})}
        return api.post("workers", body=asked)
    return api.put("workers", known["id"], body=body)


def _options(
    *, origins: tuple[str, ...], timeout_ms: int | None, invoke_key: bool | None
) -> dict[str, object]:
    """Return what was said; what was not stays as it is."""
    said = {"corsOrigins": list(origins) or None, "timeoutMs": timeout_ms, "invokeKey": invoke_key}
    return {name: value for name, value in said.items() if value is not None}


def _show(worker: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(worker)
        return
    fields: dict[str, object] = {
        "name": worker["name"],
        "status": worker["status"],
        "error": worker["error"],
        "functions": ", ".join(worker["functions"]) or None,
        "address": worker["url"],
        "this version": worker["immutableUrl"],
        "invoke key": worker.get("invokeKey"),
        "expires": _expiry(worker),
        "last call": ago(worker["lastInvokedAt"]) or None,
    }
    for version in worker.get("versions", ()):
        fields[f"version {version['number']}"] = _version(version)
    show_fields(fields)
    if worker.get("invokeKey"):
        click.echo("The key is shown this once: callers send Authorization: Bearer KEY.", err=True)


def _version(version: Mapping[str, Any]) -> str:
    place = version["immutableUrl"] or "(its address is taken down)"
    return f"{place}  {ago(version['createdAt'])}{'  live' if version['live'] else ''}"


def _expiry(worker: Mapping[str, Any]) -> str:
    if worker["keep"]:
        return "never"
    if worker["expiredAt"] is not None:
        return f"expired {ago(worker['expiredAt'])}"
    days = worker["expiresInDays"]
    return "" if days is None else f"in {days} day{'' if days == 1 else 's'}"
