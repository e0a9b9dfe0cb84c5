"""The tables of people: who they are, their sign-ins and tokens, and what they may do."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.database.models import Base


class PersonRow(Base):
    """Somebody who signed in; `access` is ciphertext, which does not compress."""

    __tablename__ = "people"

    id: Mapped[str] = mapped_column(primary_key=True)
    github_id: Mapped[int] = mapped_column(unique=True)
    login: Mapped[str]
    name: Mapped[str | None]
    avatar_url: Mapped[str | None]
    created_at: Mapped[datetime]
    signed_in_at: Mapped[datetime]
    access: Mapped[bytes | None] = mapped_column(LargeBinary)
    listed_at: Mapped[datetime | None]


class SessionRow(Base):
    """A sign-in of a browser."""

    __tablename__ = "sessions"
    __table_args__ = (Index(None, "person_id"), Index(None, "seen_at"), Index(None, "created_at"))

    digest: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str]
    form_key: Mapped[str]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    agent: Mapped[str | None]


class ApiTokenRow(Base):
    """A token of the API."""

    __tablename__ = "api_tokens"
    __table_args__ = (Index(None, "person_id", "created_at"), Index(None, "created_at", "id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    digest: Mapped[str] = mapped_column(unique=True)
    hint: Mapped[str]
    person_id: Mapped[str | None]
    scope: Mapped[str]
    app_id: Mapped[str | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class RightRow(Base):
    """What a person might do to an app at `looked_at`; `level` is a `domain.rights.Level`."""

    __tablename__ = "rights"
    __table_args__ = (Index(None, "app_id"),)

    person_id: Mapped[str] = mapped_column(primary_key=True)
    app_id: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[int]
    looked_at: Mapped[datetime]
