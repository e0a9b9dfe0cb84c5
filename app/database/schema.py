"""Which schema this code needs, and whether the database has it; without Alembic, for those that serve.

`schema_revisions` lists what was applied to this database, in order, and which code may use it since. So code
finds its own revision there however much was added behind it, and goes on serving while a newer release, of
which it knows nothing, upgrades.
"""

from typing import Final

from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, func, select
from sqlalchemy.exc import DBAPIError

from app.database.session import translated
from app.errors import RemoteUnavailable

# The newest file in `migrations/versions`; a test compares.
SCHEMA: Final = "2026_11_23_live_aliases"

# `place` counts from the first revision; code whose own has a lower place than `serves_from` may not serve.
REVISIONS: Final = Table(
    "schema_revisions",
    MetaData(),
    Column("revision", String(32), primary_key=True),
    Column("place", Integer, nullable=False),
    Column("serves_from", Integer, nullable=False),
)


def check_schema(engine: Engine, needed: str = SCHEMA) -> None:
    """Return when the database is there, migrated as far as `needed`, and still serves such code.

    Raises:
        RemoteUnavailable: it is away, `branchline db upgrade` has to be run, or a newer release started.
    """
    mine = select(REVISIONS.c.place).where(REVISIONS.c.revision == needed).scalar_subquery()
    floor = select(func.max(REVISIONS.c.serves_from)).scalar_subquery()
    place = serves_from = None
    try:
        with translated(engine.url), engine.connect() as connection:
            place, serves_from = connection.execute(select(mine, floor)).one()
    except DBAPIError:
        pass  # there is no such table
    if place is None or serves_from is None:
        raise RemoteUnavailable(
            f"starting: the database is not at {needed}: run branchline db upgrade",
            code="database:not-migrated",
        )
    if place < serves_from:
        raise RemoteUnavailable(
            f"starting: the database serves no release as old as {needed} any more: start a newer one",
            code="database:too-new",
        )
