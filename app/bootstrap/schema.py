"""The database's schema, ours and the engine's."""

from collections.abc import Mapping

from app.database import migrate
from app.jobs import engine
from app.settings import database_url_from_environ


def upgrade_database(environ: Mapping[str, str]) -> str:
    """Create or upgrade our tables and the engine's, and return the version."""
    url = database_url_from_environ(environ)
    migrate.upgrade(url)
    engine.migrate(url)
    return migrate.head()
