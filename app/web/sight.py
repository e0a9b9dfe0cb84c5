"""Whose facts a caller may see: when they ask, and for as long as they go on to listen."""

from collections.abc import Callable
from contextlib import suppress

from app.domain.callers import EVERYWHERE, Reach
from app.domain.events import Selection
from app.errors import RemoteUnavailable, Unauthenticated
from app.web.context import context
from app.web.event_forms import SelectionQuery
from app.web.guard import again, caller, owner_id, reach
from app.web.watch import Owners


def chosen(query: SelectionQuery) -> Selection:
    """Return which facts a query is about, of those that the caller may see.

    Raises:
        NotFound: it names an app that is not there, or that the caller may not see.
    """
    return query.selection(*within(query.app))


def within(key: str | None) -> tuple[str | None, Reach]:
    """Return whose facts a query is about, by id, and within what else to look for them.

    Of what is named it is asked what the caller may do there. Lists may not have it: GitHub leaves a private
    repository out of those that it gives to a token without a scope. To list anew would forget that answer.

    Raises:
        NotFound: it names an app that is not there, or that the caller may not see.
    """
    owner = owner_id(key)
    return owner, EVERYWHERE if owner is not None else reach()


def watching(query: SelectionQuery) -> Callable[[], Owners]:
    """Return what tells whose facts the caller may see by then; it raises what a new request would."""
    as_caller, key = again(), query.app

    def look() -> Owners:
        with as_caller():
            _keep_known()
            return owners(key)

    return look


def reading(query: SelectionQuery) -> Callable[[], Owners] | None:
    """Return what reads whose facts the caller may see, as far as that is known here: GitHub is not asked.

    None for who is shown what is named, or everything: to those nothing is added.
    """
    seen, records = caller().reach, context().records
    if query.app is not None or seen.app_id is not None or seen.person_id is None:
        return None
    person_id = seen.person_id

    def read() -> Owners:
        with records.read() as tx:
            return tx.rights.readable(person_id)

    return read


def owners(key: str | None) -> Owners:
    """Return whose facts the caller may see: those of what is named, or of all that is in reach."""
    owner = owner_id(key)
    if owner is not None:
        return frozenset({owner})
    seen = reach()
    if seen.app_id is not None:
        return frozenset({seen.app_id}) if owner_id(seen.app_id) else frozenset()
    if seen.person_id is None:
        return None
    with context().records.read() as tx:
        return tx.rights.readable(seen.person_id)


def _keep_known() -> None:
    """List anew what the caller may see, with their own token, so that not each app has to be asked about."""
    with suppress(RemoteUnavailable, Unauthenticated):
        reach()
