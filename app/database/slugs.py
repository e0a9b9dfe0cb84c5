"""Slugs in the database: one space for apps and workers, so that no tag or address ever means two of them."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.database.rows import insert_if_new
from app.database.worker_models import SlugRow


class SqlSlugs:
    """`ports.Slugs` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def free(self, slug: str) -> None:
        """Give a slug back; one that nobody has is fine."""
        self._session.execute(delete(SlugRow).where(SlugRow.slug == slug))


def take_slug(session: Session, slug: str, owner_id: str) -> bool:
    """Give a slug to whoever is new; False when somebody has it."""
    return insert_if_new(session, SlugRow, {"slug": slug, "owner_id": owner_id})
