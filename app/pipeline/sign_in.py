"""Sign in: whom the code host vouches for becomes a person with a session here, and leaves again.

The code host only says who somebody is. The session is ours: it ends when we say so, and its secret is known
to one browser and to nobody who reads our memory. What a person may do is not decided here.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from app.domain.callers import (
    SESSION_IDLE,
    SESSION_LIFETIME,
    ApiToken,
    Person,
    Session,
    actor_of,
    digest_of,
    new_secret,
)
from app.domain.events import Event, Tag
from app.domain.names import new_id
from app.errors import NotFound, RemoteUnavailable, SecretUnreadable
from app.pipeline.tokens import TokenOrder, make_token
from app.ports import Records, Transaction, Vault
from app.ports.people import Account

# How much later than the last time a use has to be to be written down.
NOTED_AFTER: Final = timedelta(minutes=1)
_LONGEST_AGENT: Final = 200


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person with a new session; `secret` is told to the browser and kept nowhere.

    `replaced` is the token that they gave us the last time, which nobody needs any more.
    """

    person: Person
    session: Session
    secret: str
    replaced: str | None = None


def sign_in(
    tx: Transaction, account: Account, token: str, vault: Vault, at: datetime, *, agent: str | None = None
) -> SignedIn:
    """Begin a session of whoever has that account, with what the code host says of it now."""
    replaced = former_access(tx, account, vault)
    person = keep_person(tx, account, token, vault, at)
    secret = new_secret()
    session = Session(
        digest=digest_of(secret),
        person_id=person.id,
        form_key=new_secret(),
        created_at=at,
        seen_at=at,
        agent=agent[:_LONGEST_AGENT] if agent else None,
    )
    tx.sessions.add(session)
    tx.events.append(Event(Tag.PERSON_SIGNED_IN, person.id, actor_of(person), at, {"by": "browser"}))
    return SignedIn(person, session, secret, replaced)


def sign_in_device(
    tx: Transaction, account: Account, access: str, order: TokenOrder, *, vault: Vault, at: datetime
) -> tuple[ApiToken, str]:
    """Make a token of whoever has that account, and return it with its secret. Raises Conflict."""
    person = keep_person(tx, account, access, vault, at)
    tx.events.append(Event(Tag.PERSON_SIGNED_IN, person.id, actor_of(person), at, {"by": "device"}))
    return make_token(tx, order, person, actor=actor_of(person), at=at)


def keep_person(tx: Transaction, account: Account, token: str, vault: Vault, at: datetime) -> Person:
    """Return who has that account, new or known, and keep the token that they act with, encrypted.

    What lists show of them is looked up anew.
    """
    known = tx.people.by_github_id(account.id)
    if known is None:
        tx.people.save(_new_person(account, at))
        # Somebody signed in twice at once: whichever was kept first it is.
        known = tx.people.by_github_id(account.id) or _new_person(account, at)
    person = replace(
        known,
        login=account.login,
        name=account.name,
        avatar_url=account.avatar_url,
        signed_in_at=at,
        access=vault.seal(_place(known.id), token).encode(),
        listed_at=None,
    )
    tx.people.save(person)
    return person


def former_access(tx: Transaction, account: Account, vault: Vault) -> str | None:
    """Return the token that whoever has that account gave us the last time."""
    known = tx.people.by_github_id(account.id)
    return access_of(known, vault) if known else None


def access_of(person: Person, vault: Vault) -> str | None:
    """Return the token that a person gave us at sign-in; None when there is none that we can read."""
    if person.access is None:
        return None
    try:
        return vault.open(_place(person.id), person.access.decode())
    except SecretUnreadable:
        return None  # the next sign-in brings another


def session_of(records: Records, secret: str, at: datetime) -> tuple[Session, Person] | None:
    """Return whose session a secret opens, if it has not ended, and note that it was used."""
    with records.read() as tx:
        session = tx.sessions.get(digest_of(secret))
        if session is None or session.is_over(at):
            return None
        try:
            person = tx.people.get(session.person_id)
        except NotFound:
            return None
    if at - session.seen_at >= NOTED_AFTER:
        # Who only reads is not refused because nothing can be written at the moment.
        with suppress(RemoteUnavailable), records.begin() as tx:
            tx.sessions.seen(session.digest, at)
    return session, person


def sign_out(tx: Transaction, session: Session, person: Person, at: datetime, *, actor: str) -> None:
    """End one session; doing it twice is doing it once."""
    if tx.sessions.get(session.digest) is not None:
        tx.sessions.end(session.digest)
        tx.events.append(Event(Tag.PERSON_SIGNED_OUT, person.id, actor, at, {"sessions": 1}))


def sign_out_everywhere(
    tx: Transaction, person: Person, vault: Vault, at: datetime, *, actor: str
) -> str | None:
    """End all sessions of a person, and return their access if nobody needs it any more.

    Tokens of the API stay good, and while there are any, so does the access that their lists are made with.
    """
    ended = tx.sessions.end_all(person.id)
    current = tx.people.get(person.id, lock=True)
    tx.events.append(Event(Tag.PERSON_SIGNED_OUT, person.id, actor, at, {"sessions": ended}))
    if tx.api_tokens.list(person.id, good_at=at, limit=1):
        return None
    tx.people.save(replace(current, access=None))
    return access_of(current, vault)


def forget_sessions(records: Records, at: datetime) -> int:
    """Delete the sessions that ended by themselves, and say how many."""
    with records.begin() as tx:
        return tx.sessions.forget(at - SESSION_LIFETIME, at - SESSION_IDLE)


def _new_person(account: Account, at: datetime) -> Person:
    return Person(
        id=new_id("per", at),
        github_id=account.id,
        login=account.login,
        name=account.name,
        avatar_url=account.avatar_url,
        created_at=at,
        signed_in_at=at,
    )


def _place(person_id: str) -> str:
    return f"{person_id}/access"
