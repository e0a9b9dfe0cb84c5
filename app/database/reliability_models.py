"""The tables by which nothing is lost: what stands at Cloudflare, what drifted, limits, archives, marks."""

from datetime import datetime
from typing import Any

from sqlalchemy import Float, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.database.models import Base
from app.domain.redelivery import MissedState


class StandingScriptRow(Base):
    """A script that we put up, and how Cloudflare named its bytes then."""

    __tablename__ = "standing_scripts"
    __table_args__ = (Index(None, "app_id"),)

    namespace: Mapped[str] = mapped_column(primary_key=True)
    script: Mapped[str] = mapped_column(primary_key=True)
    app_id: Mapped[str]
    subject: Mapped[str]
    etag: Mapped[str | None]
    put_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]


class DriftRow(Base):
    """A difference between what is recorded and what is there."""

    __tablename__ = "drifts"
    __table_args__ = (
        Index(None, "found_at", "app_id", sqlite_where=text("is_open = 1"), postgresql_where=text("is_open")),
    )

    app_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    facts: Mapped[dict[str, Any]]
    found_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    is_open: Mapped[bool]


class MissedDeliveryRow(Base):
    """A delivery that was sent and did not come; `try_at` is empty once nothing is left to do about it."""

    __tablename__ = "missed_deliveries"
    __table_args__ = (
        Index(
            None,
            "try_at",
            sqlite_where=text("try_at IS NOT NULL"),
            postgresql_where=text("try_at IS NOT NULL"),
        ),
    )

    guid: Mapped[str] = mapped_column(primary_key=True)
    app_id: Mapped[str | None]
    event: Mapped[str]
    sent_at: Mapped[datetime]
    attempt_id: Mapped[int]
    status_code: Mapped[int]
    seen_at: Mapped[datetime]
    is_redelivery: Mapped[bool]
    state: Mapped[MissedState]
    tries: Mapped[int]
    try_at: Mapped[datetime | None]
    reason: Mapped[str | None]


class RemoteLimitRow(Base):
    """What was asked of one remote by all processes, and what it said (`domain/limits.py`)."""

    __tablename__ = "remote_limits"

    remote: Mapped[str] = mapped_column(primary_key=True)
    next_turn_at: Mapped[datetime | None]
    written_at: Mapped[datetime | None]
    silent_until: Mapped[datetime | None]
    taken: Mapped[dict[str, Any]]
    told: Mapped[dict[str, Any]]
    calls: Mapped[dict[str, Any]]
    silences: Mapped[int]


class MetricTotalRow(Base):
    """A total that only grows."""

    __tablename__ = "metric_totals"

    name: Mapped[str] = mapped_column(primary_key=True)
    labels: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[float] = mapped_column(Float(53))


class EventArchiveRow(Base):
    """Facts that were taken out of the table, as a blob of the bundle store."""

    __tablename__ = "event_archives"

    first_position: Mapped[int]
    first_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last_position: Mapped[int]
    last_id: Mapped[int]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    number: Mapped[int]
    sha256: Mapped[str]
    archived_at: Mapped[datetime]


class EventEpochRow(Base):
    """What is added to a transaction's number: one row, raised when a dump comes back elsewhere."""

    __tablename__ = "event_epoch"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    offset: Mapped[int]


class MarkRow(Base):
    """How far something got."""

    __tablename__ = "marks"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
