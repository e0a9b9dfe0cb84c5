"""How our values are stored, the same in SQLite and PostgreSQL.

Knows no table. Whether a value makes sense is the domain's business.
"""

import enum
import zlib
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Enum, Integer, LargeBinary, Text, TypeDecorator
from sqlalchemy.types import TypeEngine


class PlainText(TypeDecorator[str]):
    """Text that sorts by code point in both databases.

    PostgreSQL refuses NUL and both refuse half of a surrogate pair, which a build's log may well contain:
    they are stored as replacement characters.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Fix PostgreSQL's collation, so that pages do not depend on the server's locale."""
        return Text(collation="C") if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Replace what cannot be stored."""
        if value is None:
            return None
        return value.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, in UTC on the way in and on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Convert to UTC; a time without a zone is our mistake."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"storing time {value.isoformat()}: it has no zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Say that it is UTC: SQLite keeps no zone, PostgreSQL answers in the connection's."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class CompressedBytes(TypeDecorator[bytes]):
    """Bytes under zlib's fastest level, which makes a GitHub payload about a sixth for 50 microseconds."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Compress."""
        return None if value is None else zlib.compress(value, level=1)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Decompress."""
        return None if value is None else zlib.decompress(value)


def _values(members: type[enum.Enum]) -> list[str]:
    return [member.value for member in members]


# Enums are stored by value, in a column that takes tomorrow's members too.
EnumText = Enum(enum.Enum, native_enum=False, length=40, values_callable=_values)
# JSON and not JSONB: it keeps the order of keys, and takes every string that JSON can write.
Json = JSON(none_as_null=True)
# SQLite numbers rows by itself only when the column is called INTEGER.
RowNumber = BigInteger().with_variant(Integer(), "sqlite")
