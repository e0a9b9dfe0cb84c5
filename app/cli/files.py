"""`branchline files`: list, get, put, rm."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from app.cli.api import Api, pass_api
from app.cli.saving import saved_to
from app.cli.show import json_option, show_json, show_table

_ref = click.option("--ref", metavar="REF", help="A branch, a tag or a commit instead of the default branch.")
_branch = click.option("--branch", metavar="NAME", help="Another branch than the default one.")
_message = click.option("-m", "--message", metavar="TEXT", help="What the commit says.")
_if_match = click.option("--if-match", "blob", metavar="BLOB", help="Only if the file is this blob by now.")
_STDIN: Final = "-"


@click.group()
def files() -> None:
    """Look at an app's files and change them, one commit each."""


@files.command("list")
@click.argument("app")
@_ref
@json_option
@pass_api
def list_(api: Api, app: str, *, ref: str | None, as_json: bool) -> None:
    """List the files of an app."""

    def row(item: Mapping[str, Any]) -> tuple[object, ...]:
        return item["mode"], item["sha"][:12], item["size"], item["path"]

    listed = api.get("apps", app, "files", ref=ref)
    columns = ("MODE", "BLOB", "BYTES", "PATH")
    show_table(listed["items"], columns, row, as_json=as_json, empty="no files yet")
    if listed["truncated"]:
        click.echo("there are more: branchline export", err=True)


@files.command()
@click.argument("app")
@click.argument("path")
@_ref
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Not to stdout.")
@pass_api
def get(api: Api, app: str, path: str, *, ref: str | None, output: Path | None) -> None:
    """Write a file of an app to stdout, or to a file."""
    with saved_to(output) as into:
        api.download("apps", app, "files", *path.split("/"), into=into, ref=ref)


@files.command()
@click.argument("app")
@click.argument("path")
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    default=_STDIN,
    help="The file to send; stdin otherwise.",
)
@_branch
@_message
@_if_match
@click.option("--new", is_flag=True, help="Only if there is no such file yet.")
@json_option
@pass_api
def put(
    api: Api,
    app: str,
    path: str,
    *,
    source: str,
    branch: str | None,
    message: str | None,
    blob: str | None,
    new: bool,
    as_json: bool,
) -> None:
    """Create or replace a file of an app."""
    content = sys.stdin.buffer.read() if source == _STDIN else Path(source).read_bytes()
    expected = _expected(blob) | ({"If-None-Match": "*"} if new else {})
    written = api.upload(
        *("apps", app, "files", *path.split("/")),
        content=content,
        headers=expected,
        branch=branch,
        message=message,
    )
    _show(written, "written" if written["changed"] else "so already", as_json=as_json)


@files.command()
@click.argument("app")
@click.argument("path")
@_branch
@_message
@_if_match
@json_option
@pass_api
def rm(
    api: Api,
    app: str,
    path: str,
    *,
    branch: str | None,
    message: str | None,
    blob: str | None,
    as_json: bool,
) -> None:
    """Delete a file of an app."""
    place = ("apps", app, "files", *path.split("/"))
    written = api.delete(*place, headers=_expected(blob), branch=branch, message=message)
    _show(written, "deleted", as_json=as_json)


def _expected(blob: str | None) -> dict[str, str]:
    return {"If-Match": f'"{blob}"'} if blob else {}


def _show(written: Mapping[str, Any], what: str, *, as_json: bool) -> None:
    if as_json:
        show_json(written)
    else:
        click.echo(f"{written['path']} is {what}  {written['branch']} {written['commit'][:7]}")
