"""Cursors: where a page of a list ended, as a string that callers hand back and do not read."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime

from app.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last item of a page, by when it was made and by id."""

    at: datetime
    id: str

    def encode(self) -> str:
        """Return it as urlsafe base64 without padding."""
        plain = f"{self.at.isoformat()} {self.id}"
        return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """Read one back.

        Raises:
            InvalidInput: it is not one of ours.
        """
        try:
            padded = text + "=" * (-len(text) % 4)
            at, space, key = base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition(" ")
            moment = datetime.fromisoformat(at)
            cursor = cls(at=moment.astimezone(UTC), id=key)
        except (ValueError, OverflowError):
            raise _unknown() from None
        if not space or not key or moment.tzinfo is None:
            raise _unknown()
        return cursor

    @property
    def number(self) -> int:
        """Its id where ids are numbers. Raises InvalidInput when it is the cursor of another list."""
        if not (self.id.isascii() and self.id.isdigit() and len(self.id) < len(str(2**63))):
            raise _unknown()
        return int(self.id)


def _unknown() -> InvalidInput:
    return InvalidInput("reading a page: the cursor is not one that we gave", code="request:invalid-cursor")
