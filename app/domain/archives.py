"""Archives: facts that left the database, as lines of JSON that anybody can read without us.

The same facts make the same bytes. Where archives are kept is not known here.
"""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any

from app.domain.events import Event, Place


@dataclass(frozen=True, slots=True)
class Archive:
    """All facts from one place to another, both included, as a blob of the bundle store."""

    first: Place
    last: Place
    first_at: datetime
    last_at: datetime
    number: int
    sha256: str
    archived_at: datetime

    @classmethod
    def of(cls, events: Sequence[Event], sha256: str, at: datetime) -> "Archive":
        """Return the archive of facts that stand in their order and were kept as this blob."""
        times, places = [it.at for it in events], [it.place for it in events if it.place is not None]
        return cls(places[0], places[-1], min(times), max(times), len(places), sha256, at)


def packed(events: Sequence[Event]) -> bytes:
    """Return facts as gzipped lines."""
    lines = (json.dumps(fields(event), separators=(",", ":")) + "\n" for event in events)
    return gzip.compress("".join(lines).encode(), mtime=0)


def unpacked(packed_lines: IO[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the facts of an archive as they were written."""
    with gzip.open(packed_lines) as lines:
        for line in lines:
            yield json.loads(line)


def fields(event: Event) -> dict[str, Any]:
    """Return all of a fact as JSON holds it, the same in archives and to callers."""
    return {
        "id": event.id,
        "place": str(event.place),
        "tag": event.tag,
        "subject": event.subject,
        "appId": event.app_id,
        "actor": event.actor,
        "cause": event.cause,
        "at": event.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "payload": dict(event.payload),
    }
