"""Whoever asks: a person who signed in, a token of the API, or the operator's own token.

A caller says who acts, in the words that records bear, and what at most; what a person may do to one app is
the business of `rights` and of GitHub.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.domain.rights import Level, Scope

# A sign-in lasts this long without being used, and this long at most.
SESSION_IDLE: Final = timedelta(days=7)
SESSION_LIFETIME: Final = timedelta(days=30)
TOKEN_PREFIX: Final = "blt_"  # noqa: S105 - what tokens begin with, so that scanners find lost ones
DEFAULT_TOKEN_LIFETIME: Final = timedelta(days=90)
MAXIMUM_TOKEN_LIFETIME: Final = timedelta(days=366)
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account at GitHub, known by its number: logins change owners.

    `access` is the token that GitHub gave at sign-in, as ciphertext; None when there is none, or it ended.
    `listed_at` says when the apps were last listed with it.
    """

    id: str
    github_id: int
    login: str
    name: str | None
    avatar_url: str | None
    created_at: datetime
    signed_in_at: datetime
    access: bytes | None = None
    listed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in of one browser; of its secret only the digest is kept, and forms bear `form_key`."""

    digest: str
    person_id: str
    form_key: str
    created_at: datetime
    seen_at: datetime
    agent: str | None = None

    def is_over(self, at: datetime) -> bool:
        """Tell whether it ended by itself."""
        return at >= min(self.seen_at + SESSION_IDLE, self.created_at + SESSION_LIFETIME)


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token for the API, of a person or (`person_id` None) of a service; of itself only the digest is kept.

    With an `app_id` it is good for that app alone.
    """

    id: str
    name: str
    digest: str
    hint: str
    person_id: str | None
    scope: Scope
    app_id: str | None
    created_by: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_over(self, at: datetime) -> bool:
        """Tell whether it is good no more."""
        return self.revoked_at is not None or at >= self.expires_at


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as `actor` in records, and the most that they may do.

    `person` is None for services and for the operator's own token. `app_id` names the one app that a token is
    good for, and `until` when that token ends; None for whoever bears none. `is_operator` is whoever may do
    everything; a token `of_operator` bears less than its owner may, and GitHub's permissions do not limit it
    either.
    """

    actor: str
    cap: Level
    person: Person | None = None
    app_id: str | None = None
    is_operator: bool = False
    of_operator: bool = False
    until: datetime | None = None

    @property
    def reach(self) -> "Reach":
        """What lists show."""
        own = None if self.sees_all else self.person
        return Reach(own.id if own else None, self.app_id)

    @property
    def sees_all(self) -> bool:
        """Tell whether no permission of GitHub limits it: an operator, one's token, or a service's."""
        return self.is_operator or self.of_operator or self.person is None


@dataclass(frozen=True, slots=True)
class Reach:
    """Which apps a list is about: those that a person may read, a token's one; all when nothing is said."""

    person_id: str | None = None
    app_id: str | None = None


EVERYWHERE: Final = Reach()
OPERATOR: Final = Caller("operator", Level.ADMIN, is_operator=True)


def actor_of(person: Person) -> str:
    """Return what records call a person."""
    return f"person:{person.login}"


def new_secret(prefix: str = "") -> str:
    """Return a secret of 256 bits, in letters, digits, `-` and `_`, behind a prefix."""
    return prefix + secrets.token_urlsafe(_SECRET_BYTES)


def digest_of(secret: str) -> str:
    """Return what is kept of a secret: 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
