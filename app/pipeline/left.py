"""What is left to see of what is gone: a worker's last job for whose it was, an app's for who had it deleted.

Nobody is asked about that later, so it is kept among rights for good. What may be done to what is there is
`permit`'s.
"""

from datetime import datetime

from app.domain.callers import Person
from app.domain.rights import Level, Right
from app.ports import Records, Transaction


def leave(tx: Transaction, person_id: str, key: str, level: Level, at: datetime) -> None:
    """Keep how much a person may do to what is left, by the id of a worker that goes, or of a job."""
    tx.rights.save(Right(person_id, key, level, at))


def left_level(person: Person, key: str, records: Records) -> Level:
    """Return how much of what is left a person may do."""
    with records.read() as tx:
        kept = tx.rights.get(person.id, key)
    return Level.NONE if kept is None else kept.level
