"""Tokens, and who asks, as JSON."""

from datetime import datetime
from typing import Any, Self

from app.domain.callers import ApiToken, Caller, Person
from app.domain.rights import Scope
from app.ports.people import DeviceCodes
from app.web.views.base import View


class TokenView(View):
    """A token without its secret, of which `hint` has the end. `personId` is null for a service's."""

    id: str
    name: str
    hint: str
    scope: Scope
    app_id: str | None
    person_id: str | None
    created_by: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, token: ApiToken, /, **more: Any) -> Self:
        """Return the view of a token."""
        return cls(
            id=token.id,
            name=token.name,
            hint=token.hint,
            scope=token.scope,
            app_id=token.app_id,
            person_id=token.person_id,
            created_by=token.created_by,
            created_at=token.created_at,
            expires_at=token.expires_at,
            used_at=token.used_at,
            revoked_at=token.revoked_at,
            **more,
        )


class NewTokenView(TokenView):
    """A new token with its secret, which is shown this once."""

    token: str


class TokensView(View):
    """Tokens, newest first."""

    items: list[TokenView]


class PersonView(View):
    """Somebody who signed in."""

    id: str
    login: str
    name: str | None
    avatar_url: str | None

    @classmethod
    def of(cls, person: Person) -> "PersonView":
        """Return the view of a person."""
        return cls(id=person.id, login=person.login, name=person.name, avatar_url=person.avatar_url)


class MeView(View):
    """Who asks: `actor` as records say it, at most at that `level`, and to no other app than `appId` says."""

    actor: str
    person: PersonView | None
    is_operator: bool
    level: str
    app_id: str | None

    @classmethod
    def of(cls, caller: Caller) -> "MeView":
        """Return the view of who asks."""
        return cls(
            actor=caller.actor,
            person=PersonView.of(caller.person) if caller.person else None,
            is_operator=caller.is_operator,
            level=caller.cap.word,
            app_id=caller.app_id,
        )


class DeviceView(View):
    """A sign-in that waits for its owner, who types `userCode` in at `verificationUri`."""

    device_code: str
    user_code: str
    verification_uri: str
    expires_in_seconds: int
    interval_seconds: int

    @classmethod
    def of(cls, codes: DeviceCodes, device_code: str) -> "DeviceView":
        """Return the view of a device's codes, with what it asks us by."""
        return cls(
            device_code=device_code,
            user_code=codes.user_code,
            verification_uri=codes.verification_uri,
            expires_in_seconds=codes.expires_in_seconds,
            interval_seconds=codes.interval_seconds,
        )


class WaitingView(View):
    """The device's owner has not decided yet."""

    status: str = "waiting"
