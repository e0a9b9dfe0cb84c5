"""`branchline apps`: create, list, show, delete, and what was live of one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from app.cli.api import Api, pass_api
from app.cli.events import at
from app.cli.reading import read_files
from app.cli.show import ago, json_option, limit_option, show_fields, show_json, show_table
from app.cli.waiting import timeout_option, wait_for_job, wait_option
from app.errors import InvalidInput


@click.group()
def apps() -> None:
    """Create, list, show and delete apps."""


apps.add_command(at)


@apps.command()
@click.argument("name")
@click.option("--private", is_flag=True, help="Make the repository private.")
@click.option(
    "--files",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A directory whose files are committed on top of the template; symbolic links, .env and "
    ".dev.vars are left out.",
)
@click.option(
    "--branch",
    "branches",
    multiple=True,
    metavar="NAME=ENVIRONMENT",
    help="Map a branch; replaces the default of main=production and staging=staging. May be repeated.",
)
@click.option(
    "--import-from",
    "source",
    metavar="ADDRESS",
    help="Begin with the whole history of a public repository elsewhere instead of the template.",
)
@wait_option
@timeout_option
@json_option
@pass_api
def create(
    api: Api,
    name: str,
    *,
    private: bool,
    files: Path | None,
    branches: tuple[str, ...],
    source: str | None,
    wait: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Create an app: a repository that deploys itself on every push."""
    body: dict[str, Any] = {"name": name, "private": private, "files": read_files(files)}
    if source is not None:
        body["importFrom"] = source
    if branches:
        body["branches"] = dict(_mapping(branch) for branch in branches)
    accepted = api.post("apps", body=body)
    if wait:
        wait_for_job(api, accepted["jobId"], timeout)
    _show(api.get("apps", accepted["id"]) if wait else accepted, as_json=as_json)


@apps.command("list")
@limit_option
@json_option
@pass_api
def list_(api: Api, *, limit: int, as_json: bool) -> None:
    """List the apps, newest first."""

    def row(app: Mapping[str, Any]) -> tuple[object, ...]:
        repository = app["repository"] or {"fullName": None}
        return app["name"], app["slug"], app["status"], repository["fullName"], ago(app["createdAt"])

    columns = ("NAME", "SLUG", "STATUS", "REPOSITORY", "CREATED")
    items = api.items("apps", limit=limit)
    show_table(items, columns, row, as_json=as_json, empty="no apps yet: branchline apps create NAME")


@apps.command()
@click.argument("app")
@json_option
@pass_api
def show(api: Api, app: str, *, as_json: bool) -> None:
    """Show an app, by name, slug or id, with what is live of it."""
    _show(api.get("apps", app), as_json=as_json)


@apps.command()
@click.argument("app")
@click.option("--keep-repository", is_flag=True, help="Leave the repository on GitHub.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@wait_option
@timeout_option
@pass_api
def delete(api: Api, app: str, *, keep_repository: bool, yes: bool, wait: bool, timeout: float) -> None:
    """Delete an app: its scripts and its repository."""
    known = api.get("apps", app)
    if not yes:
        what = "its scripts" if keep_repository else "its scripts and its repository"
        click.confirm(f"Delete {known['name']}, {what}?", abort=True)
    accepted = api.delete("apps", known["id"], keepRepository=keep_repository)
    if wait:
        wait_for_job(api, accepted["jobId"], timeout)
    click.echo(f"{known['name']} {'is' if wait else 'is being'} deleted")


@apps.command()
@click.argument("app")
@click.argument("policy", type=click.Choice(["off", "safe", "all", "default"]))
@pass_api
def heal(api: Api, app: str, policy: str) -> None:
    """Decide what may be healed of an app by itself; default leaves it to the platform."""
    told = api.patch("apps", app, body={"heal": None if policy == "default" else policy})
    click.echo(f"{app} heals {told['heal']}")


def _show(app: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(app)
        return
    repository = app["repository"] or {"htmlUrl": None}
    fields: dict[str, object] = {
        "name": app["name"],
        "slug": app["slug"],
        "status": app["status"],
        "waiting for": app["waitingFor"],
        "error": app["error"],
        "repository": repository["htmlUrl"],
    }
    for name, environment in app["environments"].items():
        fields[name] = _place(environment, _newer(environment))
    for preview in app["previews"]:
        pull = preview["pullRequest"]
        fields[f"preview #{pull['number']}" if pull else "preview"] = _place(preview, _expiry(preview))
    show_fields(fields)


def _place(place: Mapping[str, Any], more: str | None) -> str:
    if place["deploymentId"] is None:
        return f"{place['url']}  (nothing deployed yet)"
    told = [f"{place['status']} {place['commit'][:7]}", _pin(place["pinned"]), more]
    return f"{place['url']}  {', '.join(text for text in told if text)}"


def _pin(pin: Mapping[str, Any] | None) -> str | None:
    return f"pinned by {pin['by']} {ago(pin['since'])}" if pin else None


def _newer(environment: Mapping[str, Any]) -> str | None:
    """Return how the newest deployment stands, when it is not the one that is shown."""
    if not environment["settled"]:
        return "on its way up"
    if environment["newestDeploymentId"] == environment["deploymentId"]:
        return None
    return f"newest {environment['newestDeploymentId']} {environment['newestStatus']}"


def _expiry(preview: Mapping[str, Any]) -> str | None:
    if preview["expiredAt"]:
        return f"expired {ago(preview['expiredAt'])}"
    days = preview["expiresInDays"]
    return None if days is None else f"expires in {days} {'day' if days == 1 else 'days'}"


def _mapping(branch: str) -> tuple[str, str]:
    name, separator, environment = branch.partition("=")
    if not separator:
        raise InvalidInput(f"mapping branches: {branch!r} is not NAME=ENVIRONMENT")
    return name, environment
