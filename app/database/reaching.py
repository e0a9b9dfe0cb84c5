"""Which rows of a list a caller may see: those of the apps in reach.

Whether what is kept of people's rights is recent enough is not decided here.
"""

from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, false, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from app.database.people_models import RightRow
from app.database.worker_models import WorkerRow
from app.domain.callers import Reach
from app.domain.rights import Level


def within(reach: Reach, app_id: InstrumentedAttribute[Any]) -> list[ColumnElement[bool]]:
    """Return the conditions by which rows are about an app in reach; none for everywhere."""
    return [
        *_of_token(reach, app_id),
        *([] if reach.person_id is None else [app_id.in_(_apps(reach.person_id))]),
    ]


def owned_within(reach: Reach, owner_id: InstrumentedAttribute[Any]) -> list[ColumnElement[bool]]:
    """Return the conditions by which rows are about an app in reach, or a worker of the person's."""
    conditions = _of_token(reach, owner_id)
    if reach.person_id is not None:
        conditions.append(owner_id.in_(readable(reach.person_id)))
    return conditions


def each_within(reach: Reach, owner_id: InstrumentedAttribute[Any]) -> list[ColumnElement[bool]]:
    """Return the conditions of `owned_within`, for rows that are looked at one by one until it is enough."""
    conditions = _of_token(reach, owner_id)
    if reach.person_id is not None:
        of_right = _apps(reach.person_id).where(RightRow.app_id == owner_id)
        own = select(WorkerRow.id).where(WorkerRow.owner_id == reach.person_id, WorkerRow.id == owner_id)
        conditions.append(or_(of_right.exists(), own.exists()))
    return conditions


def readable(person_id: str) -> CompoundSelect[str]:
    """Return a statement for the apps that somebody may look at, and the workers that are theirs, by id."""
    own = select(WorkerRow.id).where(WorkerRow.owner_id == person_id)
    return _apps(person_id).union_all(own)


def own_within(reach: Reach) -> list[ColumnElement[bool]]:
    """Return the conditions by which workers are in reach: a person's own, and none for an app's token."""
    conditions: list[ColumnElement[bool]] = [] if reach.app_id is None else [false()]
    return conditions if reach.person_id is None else [*conditions, WorkerRow.owner_id == reach.person_id]


def _of_token(reach: Reach, app_id: InstrumentedAttribute[Any]) -> list[ColumnElement[bool]]:
    return [] if reach.app_id is None else [app_id == reach.app_id]


def _apps(person_id: str) -> Select[str]:
    is_readable = RightRow.level >= int(Level.READ)
    return select(RightRow.app_id).where(RightRow.person_id == person_id, is_readable)
