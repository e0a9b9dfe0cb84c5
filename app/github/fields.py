"""Typed reading of JSON that somebody else wrote: the right type, or `Malformed` with the path to it.

Unknown fields are nobody's concern. Nothing here knows what the fields mean.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from app.errors import Malformed, RemoteUnavailable

T = TypeVar("T")

_LARGEST_ID: Final = 2**63 - 1
_UNSTORABLE: Final = str.maketrans({"\0": "\N{REPLACEMENT CHARACTER}"})


class Fields:
    """A JSON object, its place (`$.repository`) and what was being read (`push`)."""

    def __init__(self, values: dict[str, Any], place: str, reading: str) -> None:
        self._values = values
        self._place = place
        self._reading = reading

    @classmethod
    def from_body(cls, body: bytes, reading: str) -> "Fields":
        """Return the object that `body` holds.

        Raises:
            Malformed: it is not JSON, or not an object.
        """
        try:
            values = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Malformed(f"reading {reading}: not JSON ({error})", path="$") from None
        if not isinstance(values, dict):
            raise _wrong(reading, "$", "an object", values)
        return cls(values, "$", reading)

    def has(self, name: str) -> bool:
        """Tell whether the field is there and not null."""
        return self._values.get(name) is not None

    def text(self, name: str) -> str:
        """Return a string that any database can hold."""
        text: str = self._typed(name, str, "a string")
        return text.encode("utf-8", "replace").decode().translate(_UNSTORABLE)

    def text_or_none(self, name: str) -> str | None:
        """Return a string; None when it is absent, null or empty."""
        return (self.text(name) or None) if self.has(name) else None

    def number(self, name: str) -> int:
        """Return a whole number from 0 to 2^63 - 1, as ids and counts are."""
        number: int = self._typed(name, int, "a whole number")
        if isinstance(number, bool) or not 0 <= number <= _LARGEST_ID:
            raise _wrong(self._reading, self._at(name), "a whole number", number)
        return number

    def flag(self, name: str) -> bool:
        """Return a boolean; an absent or null one is false."""
        return self.has(name) and self._typed(name, bool, "true or false")

    def time(self, name: str) -> datetime:
        """Return an ISO 8601 time as aware UTC; one without an offset is UTC already."""
        try:
            time = datetime.fromisoformat(self.text(name))
            return time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            raise _wrong(self._reading, self._at(name), "a time", self._values[name]) from None

    def inner(self, name: str) -> "Fields":
        """Return the object in a field."""
        return Fields(self._typed(name, dict, "an object"), self._at(name), self._reading)

    def inner_or_none(self, name: str) -> "Fields | None":
        """Return the object in a field; None when it is absent or null."""
        return self.inner(name) if self.has(name) else None

    def each(self, name: str) -> Iterator["Fields"]:
        """Yield the objects of a list; an absent or null list is empty."""
        items = self._typed(name, list, "a list") if self.has(name) else []
        for index, item in enumerate(items):
            place = f"{self._at(name)}[{index}]"
            if not isinstance(item, dict):
                raise _wrong(self._reading, place, "an object", item)
            yield Fields(item, place, self._reading)

    def raw(self, name: str) -> Any:
        """Return whatever is in a field that may hold anything."""
        return self._values.get(name)

    def _at(self, name: str) -> str:
        return f"{self._place}.{name}"

    def _typed(self, name: str, kind: type[T], wanted: str) -> T:
        value = self._values.get(name)
        if not isinstance(value, kind):
            raise _wrong(self._reading, self._at(name), wanted, value)
        return value


@contextmanager
def understood(doing: str) -> Iterator[None]:
    """Let an answer that cannot be read be one that did not come. Raises RemoteUnavailable."""
    try:
        yield
    except Malformed as error:
        raise RemoteUnavailable(f"{doing}: {error.message}") from error


def _wrong(reading: str, place: str, wanted: str, value: Any) -> Malformed:
    found = "nothing" if value is None else type(value).__name__
    return Malformed(f"reading {reading}: {place} is not {wanted} but {found}", path=place)
