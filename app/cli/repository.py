"""`branchline commit`, `branchline sync`, `branchline export`: an app's files, many at a time."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from app.cli.api import Api, pass_api
from app.cli.reading import read_files
from app.cli.saving import saved_to
from app.cli.show import json_option, show_fields, show_json
from app.cli.waiting import timeout_option, wait_for_job, wait_option


@click.command()
@click.argument("app")
@click.argument("directory", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-m", "--message", metavar="TEXT", required=True, help="What the commit says.")
@click.option("--branch", metavar="NAME", help="Another branch than the default one.")
@click.option("--create-branch", is_flag=True, help="The branch is new.")
@click.option("--parent", metavar="COMMIT", help="Only if the branch is there, or where a new one begins.")
@click.option("--delete", "deleted", multiple=True, metavar="PATH", help="Delete a file. May be repeated.")
@click.option("--pull-request", metavar="TITLE", help="Open a pull request for the branch.")
@timeout_option
@json_option
@pass_api
def commit(
    api: Api,
    app: str,
    directory: Path | None,
    *,
    deleted: tuple[str, ...],
    pull_request: str | None,
    timeout: float,
    as_json: bool,
    **given: Any,
) -> None:
    """Commit the files of DIRECTORY to an app, all of them in one commit.

    Symbolic links, .env and .dev.vars are left out.
    """
    body: dict[str, Any] = {
        "message": given["message"],
        "branch": given["branch"],
        "parent": given["parent"],
        "createBranch": given["create_branch"],
        "files": [*read_files(directory), *({"path": path, "delete": True} for path in deleted)],
        "pullRequest": {"title": pull_request} if pull_request else None,
    }
    answer = api.post("apps", app, "commits", body=body)
    if "jobId" in answer:
        answer = dict(wait_for_job(api, answer["jobId"], timeout)["result"])
    _show_commit(answer, as_json=as_json)


@click.command()
@click.argument("app")
@wait_option
@timeout_option
@json_option
@pass_api
def sync(api: Api, app: str, *, wait: bool, timeout: float, as_json: bool) -> None:
    """Take the new commits of an app's template, or of what it was imported from."""
    begun = api.post("apps", app, "sync", body={})
    result = wait_for_job(api, begun["jobId"], timeout)["result"] if wait else None
    if as_json:
        show_json(result or begun)
    elif result is None:
        click.echo(f"job {begun['jobId']} is on its way")
    else:
        _show_sync(result)


@click.command()
@click.argument("app")
@click.option("--ref", metavar="REF", help="A branch, a tag or a commit instead of the default branch.")
@click.option("--format", "packed", type=click.Choice(["tar.gz", "zip"]), default="tar.gz", show_default=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="Where it goes, - for stdout; APP.tar.gz or APP.zip here otherwise.",
)
@pass_api
def export(api: Api, app: str, *, ref: str | None, packed: str, output: Path | None) -> None:
    """Download all files of an app as one archive."""
    target = output or Path(f"{Path(app).name}.{packed}")
    is_stdout = str(target) == "-"
    with saved_to(None if is_stdout else target) as into:
        api.download("apps", app, "export", into=into, ref=ref, format=packed)
    if not is_stdout:
        click.echo(f"{target} is written", err=True)


def _show_commit(answer: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(answer)
        return
    pull = answer["pullRequest"]
    is_new = answer.get("changed", True)
    show_fields(
        {
            "branch": answer["branch"],
            "commit": answer["commit"] if is_new else f"{answer['commit']} (everything is so already)",
            "pull request": pull["htmlUrl"] if pull else None,
        }
    )


def _show_sync(result: Mapping[str, Any]) -> None:
    pull = result["pullRequest"]
    said = {
        "up-to-date": "nothing new",
        "merged": f"merged into {result['branch']}",
        "conflict": "conflicts: a pull request waits",
    }
    show_fields(
        {
            "upstream": f"{result['upstream']['repository']} {result['upstream']['commit'][:7]}",
            "outcome": said[result["outcome"]],
            "commit": result["commit"],
            "pull request": pull["htmlUrl"] if pull else None,
        }
    )
