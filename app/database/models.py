"""The tables, as typed models, with an index for every question that `ports` asks.

They are shapes only: what a row means is told by the adapters that read and write it. No foreign keys: when
an app goes, its deployments, jobs and events stay.
"""

import enum
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, MetaData, String, UniqueConstraint, false, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.database.columns import CompressedBytes, EnumText, Json, PlainText, RowNumber, UtcDateTime
from app.domain.apps import AppStatus, Heal
from app.domain.deliveries import DeliverySource, DeliveryStatus
from app.domain.deployments import Status
from app.domain.environments import Environment
from app.domain.jobs import JobStatus, JobType

_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of the models."""

    metadata = MetaData(naming_convention=_NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: PlainText,
        int: BigInteger,
        bytes: CompressedBytes,
        datetime: UtcDateTime,
        enum.Enum: EnumText,
        dict[str, Any]: Json,
    }


class AppRow(Base):
    """An app; `repository` holds what is known of it beside its id."""

    __tablename__ = "apps"
    __table_args__ = (Index(None, "created_at", "id"), Index(None, "status"))

    id: Mapped[str] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(unique=True)
    status: Mapped[AppStatus]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    is_private: Mapped[bool]
    repository_id: Mapped[int | None] = mapped_column(unique=True)
    repository: Mapped[dict[str, Any] | None]
    branches: Mapped[dict[str, Any]]
    waiting_for: Mapped[str | None]
    error: Mapped[str | None]
    heal: Mapped[Heal | None]


class DeploymentRow(Base):
    """A deployment."""

    __tablename__ = "deployments"
    __table_args__ = (
        Index(
            None,
            "app_id",
            "run_id",
            "run_attempt",
            unique=True,
            sqlite_where=text("promoted_from IS NULL"),
            postgresql_where=text("promoted_from IS NULL"),
        ),
        Index(
            None,
            "expires_at",
            sqlite_where=text("expires_at IS NOT NULL AND retired_at IS NULL"),
            postgresql_where=text("expires_at IS NOT NULL AND retired_at IS NULL"),
        ),
        Index(None, "app_id", "created_at", "id"),
        Index(None, "app_id", "environment", "created_at", "id"),
        Index(None, "app_id", "status", "created_at", "id"),
        Index(None, "app_id", "script", "run_number", "run_attempt"),
        Index(None, "app_id", "pull_request", "run_number", "run_attempt"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    app_id: Mapped[str]
    environment: Mapped[Environment]
    namespace: Mapped[str]
    script: Mapped[str]
    branch: Mapped[str]
    commit: Mapped[str]
    message: Mapped[str | None]
    pull_request: Mapped[int | None]
    run_id: Mapped[int]
    run_number: Mapped[int]
    run_attempt: Mapped[int]
    run_url: Mapped[str]
    status: Mapped[Status]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    phases: Mapped[dict[str, Any]]
    error: Mapped[str | None]
    github_deployment_id: Mapped[int | None]
    published: Mapped[Status | None]
    own_script: Mapped[str | None] = mapped_column(unique=True)
    bundle: Mapped[str | None]
    uploaded_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
    promoted_from: Mapped[str | None]
    actor: Mapped[str | None]
    is_from_fork: Mapped[bool] = mapped_column(server_default=false())


class PullRequestRow(Base):
    """A pull request."""

    __tablename__ = "pulls"
    __table_args__ = (Index(None, "app_id", "is_open", "number"),)

    app_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    is_open: Mapped[bool]
    title: Mapped[str]
    html_url: Mapped[str]
    head_branch: Mapped[str]
    head_commit: Mapped[str]
    is_from_fork: Mapped[bool]
    author: Mapped[str]
    updated_at: Mapped[datetime]
    comment_id: Mapped[int | None]
    comment_digest: Mapped[str | None]
    head_repository_id: Mapped[int | None]
    pushed_at: Mapped[datetime | None]
    refusal: Mapped[str | None]
    refused_commit: Mapped[str | None]


class DeliveryRow(Base):
    """A delivery; `try_at` is empty once there is nothing left to do about it."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("guid", "source"),
        Index(
            None,
            "try_at",
            "id",
            sqlite_where=text("try_at IS NOT NULL"),
            postgresql_where=text("try_at IS NOT NULL"),
        ),
        Index(None, "body_sha256"),
        Index(None, "received_at"),
        Index(None, "status", "id"),
        Index(
            None,
            "processed_at",
            "id",
            sqlite_where=text("processed_at IS NOT NULL"),
            postgresql_where=text("processed_at IS NOT NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    guid: Mapped[str]
    source: Mapped[DeliverySource]
    event: Mapped[str]
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes]
    received_at: Mapped[datetime]
    status: Mapped[DeliveryStatus]
    attempts: Mapped[int]
    error: Mapped[str | None]
    processed_at: Mapped[datetime | None]
    try_at: Mapped[datetime | None]
    body_sha256: Mapped[str | None]
    acked_version: Mapped[int | None]


class EventRow(Base):
    """A fact; triggers refuse to change it, and to delete it unless an archive holds it.

    `position` is the number of its transaction where several write at once, so that readers who go by
    (position, id) skip nothing; PostgreSQL numbers it by itself. The tag may be one of a newer release.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index(None, "subject", "id"),
        Index(None, "position", "id"),
        Index(None, "app_id", "position", "id"),
        Index(None, "app_id", "tag", "position", "id"),
        Index(None, "tag", "position", "id"),
        Index(None, "actor", "position", "id"),
        Index(None, "key", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    tag: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str]
    actor: Mapped[str]
    at: Mapped[datetime]
    payload: Mapped[dict[str, Any]]
    app_id: Mapped[str | None]
    cause: Mapped[str | None]
    key: Mapped[str | None]
    position: Mapped[int] = mapped_column(server_default=text("0"))


class JobRow(Base):
    """A job, as far as callers see it; how far its steps have come is the engine's to know."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index(None, "status", "created_at", "id"),
        Index(None, "created_at", "id"),
        Index(None, "app_id", "created_at", "id"),
        Index(None, "type", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[JobType]
    app_id: Mapped[str]
    arguments: Mapped[dict[str, Any]]
    status: Mapped[JobStatus]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    waiting_for: Mapped[str | None]
    error: Mapped[dict[str, Any] | None]
    result: Mapped[Any | None] = mapped_column(Json)
