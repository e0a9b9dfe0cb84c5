"""Which facts are archived: told first, and only then may exactly those go, which triggers see to."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Engine, delete, select, tuple_
from sqlalchemy.orm import Session

from app.database.event_order import is_settled
from app.database.events import event_of
from app.database.models import EventRow
from app.database.reliability_models import EventArchiveRow
from app.database.rows import insert_if_new, one, several
from app.database.session import reading
from app.domain.archives import Archive
from app.domain.events import Event, Place
from app.errors import Broken, NotFound


class SqlEventArchives:
    """`ports.EventArchives` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def due(self, before: datetime, *, limit: int) -> Sequence[Event]:
        """Return the oldest facts, in their order, up to the first that is not older than that."""
        oldest = select(EventRow).where(is_settled(self._session))
        ordered = oldest.order_by(EventRow.position, EventRow.id).limit(limit)
        found = [event_of(row) for row in several(self._session, ordered)]
        ends = (number for number, event in enumerate(found) if event.at >= before)
        return found[: next(ends, len(found))]

    def keep(self, archive: Archive) -> bool:
        """Write an archive down and let its facts go; False when somebody else did.

        Raises:
            Broken: other facts would go than the archive holds; nothing changes.
        """
        if not insert_if_new(self._session, EventArchiveRow, _values(archive)):
            return False
        place = tuple_(EventRow.position, EventRow.id)
        first, last = (tuple_(it.position, it.id) for it in (archive.first, archive.last))
        gone = delete(EventRow).where(first <= place, last >= place).returning(EventRow.id)
        number = len(self._session.execute(gone.execution_options(synchronize_session=False)).all())
        if number != archive.number:
            raise Broken(f"archiving events: {archive.number} are kept, and {number} would go")
        return True

    def list(self) -> Sequence[Archive]:
        """Return all archives, oldest first."""
        rows = select(EventArchiveRow).order_by(EventArchiveRow.last_position, EventArchiveRow.last_id)
        return [_archive(row) for row in several(self._session, rows)]

    def get(self, first_id: int) -> Archive:
        """Return the archive that begins with this fact. Raises NotFound."""
        row = one(self._session, select(EventArchiveRow).where(EventArchiveRow.first_id == first_id))
        if row is None:
            raise NotFound(
                f"looking for the archive from event {first_id}: there is none", code="event:no-archive"
            )
        return _archive(row)


def archived_blobs(engine: Engine) -> Iterator[str]:
    """Yield the SHA-256 of each archive: nothing else holds these facts."""
    with reading(engine) as session:
        yield from session.scalars(select(EventArchiveRow.sha256))


def _values(archive: Archive) -> dict[str, object]:
    return {
        "first_position": archive.first.position,
        "first_id": archive.first.id,
        "last_position": archive.last.position,
        "last_id": archive.last.id,
        "first_at": archive.first_at,
        "last_at": archive.last_at,
        "number": archive.number,
        "sha256": archive.sha256,
        "archived_at": archive.archived_at,
    }


def _archive(row: EventArchiveRow) -> Archive:
    return Archive(
        first=Place(row.first_position, row.first_id),
        last=Place(row.last_position, row.last_id),
        first_at=row.first_at,
        last_at=row.last_at,
        number=row.number,
        sha256=row.sha256,
        archived_at=row.archived_at,
    )
