"""Import: an app's repository begins with the whole history of one that is elsewhere.

A part of `provision`: the repository is made empty, with workflows off, so that none of the history's own
runs while it arrives; what every app gets from us comes in one commit on top. A history that has arrived is
not brought again: that would undo what was pushed since. Only public repositories are taken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.domain.apps import App
from app.domain.git import check_ref
from app.domain.git_addresses import GitAddress
from app.domain.jobs import Job
from app.errors import RemoteRefused
from app.pipeline.made import Making
from app.ports import File, Heads, Histories, NewRepositories, Repositories, Steps, Trees

_MAIN: Final = "main"
_MOST_BRANCHES: Final = 1000
# An app that knows how it is built keeps to it.
_WRANGLER: Final = ("wrangler.jsonc", "wrangler.json", "wrangler.toml")


@dataclass(frozen=True, slots=True)
class Importer:
    """The ports that an import needs; `trusted_origins` need no public address."""

    histories: Histories
    new_repositories: NewRepositories
    repositories: Repositories
    trees: Trees
    trusted_origins: Sequence[str] = ()


def source_of(job: Job, to: Importer) -> GitAddress | None:
    """Return where a provisioning job imports from; None when it begins with the template."""
    url = job.arguments.get("import_from")
    return None if url is None else GitAddress.parse(url, to.trusted_origins)


def import_history(app: App, source: GitAddress, making: Making, *, steps: Steps, to: Importer) -> None:
    """Create the repository, whose name was seen free, and bring the history in."""
    default, name = steps.run("look at the source", lambda: _look(app, source, making, to))
    renamed = {} if name == default else {default: name}
    steps.run("create repository", lambda: _create(app, making, to))
    steps.run("copy history", lambda: _copy(source, renamed, name, making, to))
    steps.run("choose the default branch", lambda: _choose_default(name, making, to))


def fitting(generated: Sequence[File], full_name: str, commit: str, to: Importer) -> list[File]:
    """Return what we give to an app that comes with files of its own: no second configuration of wrangler."""
    known = to.trees.entries(full_name, commit, _WRANGLER)
    return [file for file in generated if file.path not in _WRANGLER or not known]


def _look(app: App, source: GitAddress, making: Making, to: Importer) -> list[str]:
    """Return the source's default branch and what it will be called here.

    A source of which all is here may be gone by now.
    """
    arrived = making.arrived_at()
    if arrived is not None:
        return [arrived, arrived]
    heads = to.histories.heads(source)
    if len(heads.branches) > _MOST_BRANCHES:
        raise RemoteRefused(
            f"looking at {source.url}: it has more than {_MOST_BRANCHES} branches", code="import:too-large"
        )
    return [heads.default_branch, _name_here(app.branches, source, heads)]


def _name_here(mapped: Mapping[str, object], source: GitAddress, heads: Heads) -> str:
    """Keep the name of a branch that the app maps to an environment; any other becomes `main`."""
    default = check_ref(heads.default_branch)
    if default in mapped or default == _MAIN:
        return default
    if _MAIN in heads.branches:
        raise RemoteRefused(
            f"importing {source.url}: its default branch is {default} and it has another one called {_MAIN}; "
            f"map {default} in branches",
            code="import:two-mains",
        )
    return _MAIN


def _create(app: App, making: Making, to: Importer) -> None:
    if making.arrived_at() is not None:
        return
    if making.find() is None:
        making.keep(to.new_repositories.create(making.full_name, is_private=app.is_private))
    to.new_repositories.disable_actions(making.full_name)


def _copy(
    source: GitAddress, renamed: Mapping[str, str], branch: str, making: Making, to: Importer
) -> str | None:
    """Push the history, but for one that has arrived and only when we just created the repository."""
    repository = making.find()
    if repository is None:
        raise RemoteRefused(
            f"importing into {making.full_name}: the repository disappeared, or another one has its name now",
            code="repository:lost",
            repository=making.full_name,
        )
    if making.arrived_at() is not None:
        return None
    commit = to.histories.copy(source, repository, renamed)
    making.arrived(branch)
    return commit


def _choose_default(branch: str, making: Making, to: Importer) -> None:
    if making.is_kept():
        return  # somebody may have chosen another one since
    found = to.repositories.find(making.full_name)
    if found is None or found.default_branch != branch:
        to.new_repositories.make_default(making.full_name, branch)
