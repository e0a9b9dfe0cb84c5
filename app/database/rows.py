"""The few statements that every adapter makes: keep a row that is new, replace one that is there, page."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.database.cursors import Cursor
from app.database.models import Base

R = TypeVar("R", bound=Base)

# What is read is always what the database says now, never what this session saw before.
_FRESH = {"populate_existing": True}


def insert_if_new(session: Session, model: type[Base], values: Mapping[str, Any]) -> bool:
    """Insert a row; False when a unique value of it is there already, and then nothing changes."""
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    insert = postgresql.insert(model) if is_postgresql else sqlite.insert(model)
    # RETURNING and not rowcount, which psycopg answers with -1 here.
    statement = insert.values(dict(values)).on_conflict_do_nothing().returning(*model.__table__.primary_key)
    return session.execute(statement).first() is not None


def insert_those_new(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert many rows, but for those of which a unique value is there already."""
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    insert = postgresql.insert(model) if is_postgresql else sqlite.insert(model)
    if rows:
        session.connection().execute(insert.on_conflict_do_nothing(), [dict(row) for row in rows])


def replace_known(
    session: Session, model: type[Base], key: ColumnElement[bool], values: Mapping[str, Any]
) -> bool:
    """Replace a row; False when there is none."""
    statement = update(model).where(key).values(dict(values)).returning(*model.__table__.primary_key)
    unsynchronized = statement.execution_options(synchronize_session=False)
    return session.execute(unsynchronized).first() is not None


def one(session: Session, statement: Select[R]) -> R | None:
    """Return the first row that a statement finds."""
    return session.scalars(statement.limit(1).execution_options(**_FRESH)).first()


def several(session: Session, statement: Select[R]) -> Sequence[R]:
    """Return every row that a statement finds."""
    return session.scalars(statement.execution_options(**_FRESH)).all()


def newest_first(
    model: type[R],
    made_at: InstrumentedAttribute[Any],
    key: InstrumentedAttribute[str],
    cursor: str | None,
) -> Select[R]:
    """Return a statement for the rows after `cursor`, newest first.

    Raises:
        InvalidInput: the cursor is not one of ours.
    """
    statement = select(model).order_by(made_at.desc(), key.desc())
    if cursor is None:
        return statement
    last = Cursor.decode(cursor)
    return statement.where(tuple_(made_at, key) < tuple_(last.at, last.id))


def oldest_first(
    model: type[R],
    made_at: InstrumentedAttribute[Any],
    key: InstrumentedAttribute[str],
    cursor: str | None,
) -> Select[R]:
    """Return a statement for the rows before `cursor` in the order of `newest_first`, the nearest first.

    Raises:
        InvalidInput: the cursor is not one of ours.
    """
    statement = select(model).order_by(made_at, key)
    if cursor is None:
        return statement
    last = Cursor.decode(cursor)
    return statement.where(tuple_(made_at, key) > tuple_(last.at, last.id))
