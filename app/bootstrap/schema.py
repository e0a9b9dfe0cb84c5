"""The database's schema, ours and the engine's, and its backup."""

from collections.abc import Mapping
from pathlib import Path

from app.database import migrate
from app.database.backup import Backup, back_up
from app.database.copying import copy_database
from app.database.event_order import continue_order
from app.database.session import create_engine
from app.jobs import engine
from app.settings import database_url_from_environ


def upgrade_database(environ: Mapping[str, str]) -> str:
    """Create or upgrade our tables and the engine's, and return the version that they are at.

    It is also what comes after a restore: facts to come are put behind those that came back.
    """
    url = database_url_from_environ(environ)
    migrate.upgrade(url)
    engine.migrate(url)
    database = create_engine(url)
    try:
        continue_order(database)
    finally:
        database.dispose()
    return migrate.current(url) or migrate.head()


def back_up_database(environ: Mapping[str, str], target: Path) -> Backup:
    """Copy the database to a file while it is used. Raises InvalidInput where it is not SQLite."""
    return back_up(database_url_from_environ(environ), target)


def copy_into_database(environ: Mapping[str, str], source: Path) -> dict[str, int]:
    """Copy an SQLite file into the empty database of the settings; return how many rows of each table."""
    engines = [
        create_engine(f"sqlite:///{source.resolve()}"),
        create_engine(database_url_from_environ(environ)),
    ]
    try:
        return copy_database(*engines)
    finally:
        for engine in engines:
            engine.dispose()
