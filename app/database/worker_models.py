"""The tables of workers, their versions and calls, and of the slugs that they share with apps."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.database.columns import Json
from app.database.models import Base
from app.domain.environments import Environment


class WorkerRow(Base):
    """A worker."""

    __tablename__ = "workers"
    __table_args__ = (
        Index(None, "created_at", "id"),
        Index(None, "owner_id", "created_at", "id"),
        Index(
            None,
            "expires_at",
            sqlite_where=text("expires_at IS NOT NULL AND expired_at IS NULL"),
            postgresql_where=text("expires_at IS NOT NULL AND expired_at IS NULL"),
        ),
        Index(
            None,
            "held_until",
            sqlite_where=text("held_until IS NOT NULL"),
            postgresql_where=text("held_until IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(unique=True)
    environment: Mapped[Environment]
    namespace: Mapped[str]
    actor: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version_id: Mapped[str | None]
    newest: Mapped[int]
    is_kept: Mapped[bool]
    is_settled: Mapped[bool]
    expires_at: Mapped[datetime | None]
    expired_at: Mapped[datetime | None]
    error: Mapped[str | None]
    holder: Mapped[str | None]
    held_until: Mapped[datetime | None]
    owner_id: Mapped[str | None]


class VersionRow(Base):
    """A version of a worker; `functions` are in the order of its module."""

    __tablename__ = "worker_versions"
    __table_args__ = (Index(None, "worker_id", "number", unique=True),)

    id: Mapped[str] = mapped_column(primary_key=True)
    worker_id: Mapped[str]
    number: Mapped[int]
    bundle: Mapped[str]
    source: Mapped[str]
    own_script: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    actor: Mapped[str]
    options: Mapped[dict[str, Any]]
    functions: Mapped[Any] = mapped_column(Json, nullable=False)
    uploaded_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]


class CallsRow(Base):
    """How often a function was called."""

    __tablename__ = "worker_calls"

    worker_id: Mapped[str] = mapped_column(primary_key=True)
    function: Mapped[str] = mapped_column(primary_key=True)
    invocations: Mapped[int]
    failures: Mapped[int]
    last_invoked_at: Mapped[datetime]


class SlugRow(Base):
    """A slug, and the id of the app or worker that has it."""

    __tablename__ = "slugs"

    slug: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str]
