"""Apps in the database."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.database.cursors import Cursor
from app.database.models import AppRow
from app.database.reaching import within
from app.database.release_models import AliasRow
from app.database.rows import insert_if_new, newest_first, oldest_first, one, replace_known, several
from app.database.slugs import take_slug
from app.database.worker_models import SlugRow
from app.domain.apps import App, AppStatus, Repository
from app.domain.callers import EVERYWHERE, Reach
from app.domain.environments import Environment
from app.errors import Conflict, NotFound
from app.ports import Page


class SqlApps:
    """`ports.Apps` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, app: App) -> None:
        """Keep a new app. Raises Conflict when its name, slug or repository is taken."""
        with self._session.begin_nested():
            if not insert_if_new(self._session, AppRow, _values(app)):
                raise self._taken(app)
            if not take_slug(self._session, app.slug, app.id):
                raise Conflict(f"adding app {app.name}: its slug is taken", code="app:taken")

    def _taken(self, app: App) -> Conflict:
        if one(self._session, select(AppRow).where(AppRow.name == app.name)):
            return Conflict(
                f"adding app {app.name}: name already taken", code="app:name-taken", name=app.name
            )
        return Conflict(f"adding app {app.name}: its id, slug or repository is taken", code="app:taken")

    def get(self, key: str, *, lock: bool = False) -> App:
        """Return it by id, else by slug, else by name. Raises NotFound."""
        for column in (AppRow.id, AppRow.slug, AppRow.name):
            statement = select(AppRow).where(column == key)
            # SQLite knows no row locks and needs none: its writers run one after the other.
            row = one(self._session, statement.with_for_update() if lock else statement)
            if row is not None:
                return _app(row)
        raise NotFound.of("app", key)

    def by_repository(self, repository_id: int) -> App | None:
        """Return the app whose repository this is."""
        row = one(self._session, select(AppRow).where(AppRow.repository_id == repository_id))
        return None if row is None else _app(row)

    def save(self, app: App) -> None:
        """Replace what is kept of it. Raises NotFound when it is gone, Conflict on another's repository."""
        try:
            with self._session.begin_nested():
                is_known = replace_known(self._session, AppRow, AppRow.id == app.id, _values(app))
        except IntegrityError:
            raise Conflict(
                f"saving app {app.name}: its name, slug or repository is another app's", code="app:taken"
            ) from None
        if not is_known:
            raise NotFound(f"saving app {app.name}: it is gone", code="app:not-found", app=app.id)

    def list(
        self,
        *,
        cursor: str | None = None,
        limit: int = 50,
        reach: Reach = EVERYWHERE,
        search: str | None = None,
        status: AppStatus | None = None,
        environment: Environment | None = None,
        is_back: bool = False,
    ) -> Page:
        """Return a page of the apps in reach, newest first; `search` is a part of their names."""
        conditions = within(reach, AppRow.id)
        if search:
            conditions.append(AppRow.name.contains(search.lower(), autoescape=True))
        if status is not None:
            conditions.append(AppRow.status == status)
        if environment is not None:
            conditions.append(_is_live_in(environment))
        in_order = oldest_first if is_back else newest_first
        statement = in_order(AppRow, AppRow.created_at, AppRow.id, cursor).where(*conditions)
        found = [_app(row) for row in several(self._session, statement.limit(limit + 1))]
        return _page(found, limit, is_back=is_back, is_first=cursor is None)

    def remove(self, app_id: str) -> None:
        """Let its row and its slug go; one that is gone already is fine."""
        self._session.execute(delete(SlugRow).where(SlugRow.owner_id == app_id))
        self._session.execute(delete(AppRow).where(AppRow.id == app_id))


def _is_live_in(environment: Environment) -> ColumnElement[bool]:
    """Return the condition that something of an app is shown there.

    It is asked of each app in turn, for a page is full long before all are asked.
    """
    row = AliasRow
    is_shown = row.deployment_id.is_not(None) & row.expired_at.is_(None)
    return exists().where(row.app_id == AppRow.id, row.environment == environment, is_shown)


def _page(found: Sequence[App], limit: int, *, is_back: bool, is_first: bool) -> Page:
    """Return a page of what was found, one more than it holds when there are more in that direction."""
    has_more, items = len(found) > limit, list(found[:limit])
    if is_back:
        items.reverse()
    has_next, has_previous = (not is_first, has_more) if is_back else (has_more, not is_first)
    return Page(
        items,
        _cursor(items[-1]) if items and has_next else None,
        _cursor(items[0]) if items and has_previous else None,
    )


def _cursor(app: App) -> str:
    return Cursor(app.created_at, app.id).encode()


def _values(app: App) -> dict[str, Any]:
    return {
        "id": app.id,
        "slug": app.slug,
        "name": app.name,
        "status": app.status,
        "created_at": app.created_at,
        "updated_at": app.updated_at,
        "is_private": app.is_private,
        "repository_id": app.repository.id if app.repository else None,
        "repository": _repository_values(app.repository) if app.repository else None,
        "branches": {branch: environment.value for branch, environment in app.branches.items()},
        "waiting_for": app.waiting_for,
        "error": app.error,
        "heal": app.heal,
    }


def _repository_values(repository: Repository) -> dict[str, Any]:
    return {**asdict(repository), "created_at": repository.created_at.isoformat()}


def _app(row: AppRow) -> App:
    return App(
        id=row.id,
        slug=row.slug,
        name=row.name,
        status=row.status,
        created_at=row.created_at,
        updated_at=row.updated_at,
        is_private=row.is_private,
        repository=_repository(row.repository) if row.repository else None,
        branches={branch: Environment(name) for branch, name in row.branches.items()},
        waiting_for=row.waiting_for,
        error=row.error,
        heal=row.heal,
    )


def _repository(values: dict[str, Any]) -> Repository:
    return Repository(**{**values, "created_at": datetime.fromisoformat(values["created_at"])})
