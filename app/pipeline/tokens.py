"""Tokens: a person, or an operator for a service, has one made, and takes it back.

What a person's token may do is never more than the person may at that moment, and its scope makes it less;
that is looked at when it is used, not here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from app.domain.callers import (
    DEFAULT_TOKEN_LIFETIME,
    TOKEN_PREFIX,
    ApiToken,
    Caller,
    Person,
    digest_of,
    new_secret,
)
from app.domain.events import Event, Tag
from app.domain.names import new_id
from app.domain.rights import Scope
from app.errors import Conflict, NotFound
from app.ports import Transaction

# So many are good at once of a person; nobody sees through more.
MAXIMUM_TOKENS: Final = 100
# An operator looks at so many of everybody's.
_LISTED: Final = 1000
_HINT: Final = 4


@dataclass(frozen=True, slots=True)
class TokenOrder:
    """A token that somebody wants: good for one app (its id), or for all that its owner may see.

    It ends after its lifetime, and at `until` at the latest.
    """

    name: str
    scope: Scope = Scope.READ
    app_id: str | None = None
    lifetime: timedelta = DEFAULT_TOKEN_LIFETIME
    until: datetime | None = None

    def ends_at(self, begun_at: datetime) -> datetime:
        """Return when a token that is made now is good no more."""
        end = begun_at + self.lifetime
        return end if self.until is None else min(end, self.until)


def make_token(
    tx: Transaction, order: TokenOrder, owner: Person | None, *, actor: str, at: datetime
) -> tuple[ApiToken, str]:
    """Keep a new token of a person, or of a service, and return it with its secret, which is told once.

    Raises:
        Conflict: the person has too many.
    """
    if owner is not None and len(tx.api_tokens.list(owner.id, good_at=at)) >= MAXIMUM_TOKENS:
        raise Conflict(
            f"making a token: {owner.login} has {MAXIMUM_TOKENS} that are good; revoke one first",
            code="token:too-many",
        )
    secret = new_secret(TOKEN_PREFIX)
    token = ApiToken(
        id=new_id("tok", at),
        name=order.name,
        digest=digest_of(secret),
        hint=secret[-_HINT:],
        person_id=owner.id if owner else None,
        scope=order.scope,
        app_id=order.app_id,
        created_by=actor,
        created_at=at,
        expires_at=order.ends_at(at),
    )
    tx.api_tokens.add(token)
    tx.events.append(_fact(Tag.TOKEN_CREATED, token, actor, at, expires_at=token.expires_at.isoformat()))
    return token, secret


def revoke_token(tx: Transaction, token: ApiToken, *, actor: str, at: datetime) -> ApiToken:
    """Have a token good no more; doing it twice is doing it once."""
    if token.revoked_at is not None:
        return token
    revoked = replace(token, revoked_at=at)
    tx.api_tokens.save(revoked)
    tx.events.append(_fact(Tag.TOKEN_REVOKED, revoked, actor, at))
    return revoked


def token_of(tx: Transaction, token_id: str, caller: Caller) -> ApiToken:
    """Return one of the caller's tokens; an operator's are all. Raises NotFound."""
    token = tx.api_tokens.get(token_id)
    if not caller.is_operator and (caller.person is None or token.person_id != caller.person.id):
        raise NotFound.of("token", token_id)
    return token


def good_tokens(
    tx: Transaction, caller: Caller, at: datetime, *, of_everybody: bool = False
) -> Sequence[ApiToken]:
    """Return the caller's tokens that are good, newest first; those of everybody to an operator who asks."""
    if caller.is_operator and (of_everybody or caller.person is None):
        return tx.api_tokens.list(None, good_at=at, limit=_LISTED)
    return tx.api_tokens.list(caller.person.id, good_at=at) if caller.person else ()


def _fact(tag: Tag, token: ApiToken, actor: str, at: datetime, **more: Any) -> Event:
    payload = {"name": token.name, "scope": token.scope, "hint": token.hint, **more}
    return Event(tag, token.id, actor, at, payload, app_id=token.app_id)
