"""Which schema this code needs, and whether the database has it; without Alembic, for those that serve."""

from typing import Final

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from app.database.session import translated
from app.errors import RemoteUnavailable

# The newest file in `migrations/versions`; a test compares.
SCHEMA: Final = "2026_11_22_reliability"


def check_schema(engine: Engine) -> None:
    """Return when the database is there and migrated.

    Raises:
        RemoteUnavailable: it is away, or `branchline db upgrade` has to be run.
    """
    try:
        with translated(engine.url), engine.connect() as connection:
            current = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except DBAPIError:
        current = None  # there is no such table
    if current != SCHEMA:
        raise RemoteUnavailable(
            f"starting: the database is at {current}, not at {SCHEMA}: run branchline db upgrade",
            code="database:not-migrated",
        )
