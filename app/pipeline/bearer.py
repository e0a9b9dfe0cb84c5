"""Bearer: whose a token of the API is, and that it was used. What its bearer may do is not decided here."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from app.domain.callers import ApiToken, Person, digest_of
from app.errors import NotFound, RemoteUnavailable
from app.ports import Records

# How much later than the last time a use has to be to be written down.
_NOTED_AFTER: Final = timedelta(minutes=1)


def bearer_of(records: Records, secret: str, at: datetime) -> tuple[ApiToken, Person | None] | None:
    """Return a token and whose it is, None for a service's; None when there is none, or it is over."""
    with records.read() as tx:
        token = tx.api_tokens.by_digest(digest_of(secret))
        if token is None or token.is_over(at):
            return None
        try:
            person = None if token.person_id is None else tx.people.get(token.person_id)
        except NotFound:
            return None
    if token.used_at is None or at - token.used_at >= _NOTED_AFTER:
        # Who only reads is not refused because nothing can be written at the moment.
        with suppress(RemoteUnavailable), records.begin() as tx:
            tx.api_tokens.used(token.id, at)
    return token, person
