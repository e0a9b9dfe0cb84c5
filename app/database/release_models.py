"""The tables of what is live: aliases, assets, tokens, variables, approvals."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.database.models import Base
from app.domain.environments import Environment


class AliasRow(Base):
    """An alias; `order` is two numbers here."""

    __tablename__ = "aliases"
    __table_args__ = (
        Index(None, "app_id", "script"),
        Index(
            None,
            "expires_at",
            sqlite_where=text("expires_at IS NOT NULL AND expired_at IS NULL"),
            postgresql_where=text("expires_at IS NOT NULL AND expired_at IS NULL"),
        ),
        Index(
            None,
            "app_id",
            "environment",
            sqlite_where=text("deployment_id IS NOT NULL AND expired_at IS NULL"),
            postgresql_where=text("deployment_id IS NOT NULL AND expired_at IS NULL"),
        ),
    )

    script: Mapped[str] = mapped_column(primary_key=True)
    app_id: Mapped[str]
    environment: Mapped[Environment]
    namespace: Mapped[str]
    updated_at: Mapped[datetime]
    pull_request: Mapped[int | None]
    deployment_id: Mapped[str | None]
    run_number: Mapped[int]
    run_attempt: Mapped[int]
    is_pinned: Mapped[bool]
    is_settled: Mapped[bool]
    actor: Mapped[str | None]
    holder: Mapped[str | None]
    held_until: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    expired_at: Mapped[datetime | None]


class AssetRow(Base):
    """The bytes that a client meant by a name."""

    __tablename__ = "assets"

    scope: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    size_bytes: Mapped[int]
    content_type: Mapped[str | None]


class TokenRow(Base):
    """A token that was used."""

    __tablename__ = "tokens"
    __table_args__ = (Index(None, "until"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[datetime]


class VariableRow(Base):
    """A variable, or a secret's ciphertext."""

    __tablename__ = "variables"
    __table_args__ = (Index(None, "is_secret", "app_id", "environment", "name"),)

    app_id: Mapped[str] = mapped_column(primary_key=True)
    environment: Mapped[Environment] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
    is_secret: Mapped[bool]
    updated_at: Mapped[datetime]
    actor: Mapped[str]


class ApprovalRow(Base):
    """An approved commit of a fork."""

    __tablename__ = "approvals"

    app_id: Mapped[str] = mapped_column(primary_key=True)
    pull_request: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    commit: Mapped[str] = mapped_column(primary_key=True)
    actor: Mapped[str]
    approved_at: Mapped[datetime]
