"""Relocate: a repository got another name or owner, went out of our reach or came back.

Nothing is deleted for it. These reports bear no time: which of several counts, `news` says.
"""

from dataclasses import replace
from typing import Final

from app.domain.apps import AppStatus, Repository
from app.domain.events import Event, Tag
from app.domain.platform import Platform
from app.domain.reports import (
    InstallationChanged,
    InstallationRepositoriesChanged,
    RepositoryDeleted,
    RepositoryName,
    RepositoryRenamed,
    RepositoryTransferred,
)
from app.pipeline.known import held_app
from app.pipeline.news import News

_LOST_ACTIONS: Final = frozenset({"deleted", "suspend"})
_FOUND_ACTIONS: Final = frozenset({"created", "unsuspend"})


def renamed(news: News, report: RepositoryRenamed) -> bool:
    """Call a repository by its new name."""
    app = held_app(news.tx, report.repository.id)
    if app is None or app.repository is None:
        return False
    if not news.is_latest(report.repository.id, of="name"):
        return True
    old, new = app.repository, report.repository.full_name
    if old.full_name == new:
        return True
    news.tx.apps.save(replace(app, repository=_moved(old, new, old.owner_id), updated_at=news.at))
    payload = {"from": old.full_name, "to": new}
    news.tx.events.append(Event(Tag.APP_REPOSITORY_RENAMED, app.id, "github", news.at, payload))
    return True


def deleted(news: News, report: RepositoryDeleted) -> bool:
    """Detach an app whose repository is gone."""
    return _set_attached(news, (report.repository.id,), is_attached=False, why="deleted")


def transferred(news: News, report: RepositoryTransferred, platform: Platform) -> bool:
    """Detach an app whose repository went to another owner, and take it back from there."""
    name = report.repository.full_name
    is_back = name.partition("/")[0].lower() == platform.owner.lower()
    app = held_app(news.tx, report.repository.id)
    is_ours = app is not None and news.is_latest(report.repository.id, of="name")
    if is_ours and is_back and app is not None and app.repository is not None:
        # Who owns it now is what its runs' tokens are compared with.
        repository = _moved(app.repository, name, report.owner_id)
        if repository != app.repository:
            news.tx.apps.save(replace(app, repository=repository, updated_at=news.at))
    return _set_attached(news, (report.repository.id,), is_attached=is_back, why=f"transferred to {name}")


def _moved(repository: Repository, full_name: str, owner_id: int | None) -> Repository:
    """Return a repository under another name, or with another owner."""
    old = repository.full_name
    return replace(
        repository,
        full_name=full_name,
        html_url=repository.html_url.replace(old, full_name),
        clone_url=repository.clone_url.replace(old, full_name),
        owner_id=owner_id,
    )


def _ids(repositories: tuple[RepositoryName, ...]) -> tuple[int, ...]:
    return tuple(repository.id for repository in repositories)


def installation_changed(news: News, report: InstallationChanged) -> bool:
    """Detach the apps whose repositories the App lost, and find those that it sees again."""
    if report.action in _LOST_ACTIONS:
        why = f"the App's installation: {report.action}"
        return _set_attached(news, _ids(report.repositories), is_attached=False, why=why)
    if report.action in _FOUND_ACTIONS:
        why = f"the App's installation: {report.action}"
        return _set_attached(news, _ids(report.repositories), is_attached=True, why=why)
    return True


def installation_repositories_changed(news: News, report: InstallationRepositoriesChanged) -> bool:
    """Do so for single repositories."""
    lost = _set_attached(news, _ids(report.removed), is_attached=False, why="removed from the App")
    found = _set_attached(news, _ids(report.added), is_attached=True, why="added to the App")
    return lost or found


def _set_attached(news: News, repository_ids: tuple[int, ...], *, is_attached: bool, why: str) -> bool:
    """Mark the apps of these repositories as detached, or as found again; nothing is deleted."""
    before, after = AppStatus.READY, AppStatus.DETACHED
    tag, error = Tag.APP_REPOSITORY_LOST, f"its repository is out of reach: {why}"
    if is_attached:
        before, after, tag, error = after, before, Tag.APP_REPOSITORY_FOUND, ""
    changed = False
    for repository_id in repository_ids:
        app = held_app(news.tx, repository_id)
        is_latest = app is not None and news.is_latest(repository_id, of="reach")
        if app is not None and is_latest and app.status is before:
            news.tx.apps.save(replace(app, status=after, error=error or None, updated_at=news.at))
            news.tx.events.append(Event(tag, app.id, "github", news.at, {"why": why}))
            changed = True
    return changed
