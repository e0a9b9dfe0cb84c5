"""Permit: how much a person may do, as the code host says now or said a moment ago.

What it says of one app is asked with our own credential, so that whoever was removed loses the right within a
minute whatever token they hold. Lists are of what it says to the person's own token, and for a minute each
counts as a look at all that is on it. Of an app whose repository is out of reach the last word that we heard
counts for a while, for members alone. Which act takes how much is not known here.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from app.domain.apps import App, AppStatus, Repository
from app.domain.callers import Person, Reach
from app.domain.rights import Level, Right
from app.errors import RemoteRefused, RemoteUnavailable, Unauthenticated
from app.pipeline.sign_in import access_of
from app.ports import Clock, Records, Vault
from app.ports.people import Account, Memberships

# For so long nobody looks again, and for so long what was seen counts while the code host is away.
FRESH: Final = timedelta(seconds=60)
KEPT: Final = timedelta(minutes=10)
LISTED: Final = timedelta(minutes=5)
# For so long it counts when the repository is out of reach, and nobody can be asked.
OUTLIVED: Final = timedelta(days=7)
# Where in `rights` it is kept that somebody belongs to the organisation: no app has such an id.
_ORGANIZATION: Final = "organization"
# And, before the id of an app, that we saw no repository of its; what was seen before is left beside that.
_GONE: Final = "gone/"


@dataclass(frozen=True, slots=True)
class Permits:
    """What permits need; `looking` lets somebody in who asks the code host, or raises Overloaded.

    `turn` lets in one after the other of those who want to know the same, so that only the first one asks.
    """

    records: Records
    looking: Callable[[str], AbstractContextManager[Memberships]]
    turn: Callable[[str], AbstractContextManager[None]]
    vault: Vault
    clock: Clock
    organization: str


Look = Callable[[Memberships], Level | None]


def level_on(person: Person, app: App, given: Permits) -> Level:
    """Return how much a person may do to an app.

    Before an app has a repository it is whoever asked for it; what becomes of one that is being deleted is
    seen by those who were let do that. Whoever was never seen with a right hears of no trouble in looking:
    "later" would tell them that there is such an app.

    Raises:
        RemoteUnavailable: nobody looked within ten minutes, and now it cannot be.
        RemoteRefused: the code host does not let us look.
    """
    if app.repository is None:
        return _known(person, app.id, given, timedelta.max)
    try:
        return _level_in(app.repository, app, person, given)
    except (RemoteUnavailable, RemoteRefused):
        if not _was_seen(person, app.id, given, timedelta.max):
            return Level.NONE
        raise


def _level_in(repository: Repository, app: App, person: Person, given: Permits) -> Level:
    if app.status is AppStatus.DELETING:
        return known_level(person, app.id, given) or _outlived(person, app.id, given)
    if app.status is AppStatus.DETACHED:
        return _outlived(person, app.id, given)

    def look(memberships: Memberships) -> Level | None:
        return memberships.level(repository, _account(person))

    return _looked(person, app.id, f"looking what {person.login} may do", look, given)


def _outlived(person: Person, app_id: str, given: Permits) -> Level:
    """Return what a member was let do in a repository that is out of reach, when we last heard of it."""
    level = _was_seen(person, app_id, given, OUTLIVED)
    return level if level and is_member(person, given) else Level.NONE


def known_level(person: Person, app_id: str, given: Permits) -> Level:
    """Return how much a person might do to an app a moment ago, of which there is no more to ask."""
    return _known(person, app_id, given, KEPT)


def is_member(person: Person, given: Permits) -> bool:
    """Tell whether a person belongs to the organisation that apps are made in. Raises RemoteUnavailable."""
    return bool(_looked(person, _ORGANIZATION, *_membership(person, given), given))


def _membership(person: Person, given: Permits) -> tuple[str, Look]:
    """Return what is looked for in the organisation, in words, and how."""
    organization = given.organization

    def look(memberships: Memberships) -> Level:
        return Level.READ if memberships.is_member(organization, _account(person)) else Level.NONE

    return f"looking whether {person.login} belongs to {organization}", look


def list_apps_of(person: Person, given: Permits) -> None:
    """See to it that what lists show of a person is at most five minutes old, or ten while nobody can look.

    An empty list is a minute old at most: whoever was just invited looks at it.

    Raises:
        RemoteUnavailable: it is older, and nobody can look.
        Unauthenticated: the code host does not take the person's token any more.
    """
    if _is_listed(person, given):
        return
    with given.turn(person.id):
        with given.records.read() as tx:
            current = tx.people.get(person.id)
        if not _is_listed(current, given):
            _list(current, given)


def _list(person: Person, given: Permits) -> None:
    now, token = given.clock(), access_of(person, given.vault)
    if token is None:
        raise _signed_out_there(person)
    try:
        with given.looking(f"listing the repositories of {person.login}") as memberships:
            found = memberships.own(token)
        outlived_since = _outlived_since(person, given)
    except RemoteUnavailable:
        if _is_within(person.listed_at, KEPT, now):
            return
        raise
    except Unauthenticated:
        raise _signed_out_there(person) from None
    with given.records.begin() as tx:
        current = tx.people.get(person.id, lock=True)
        apps = tx.rights.apps_of(found)
        levels = {apps[number]: found[number] for number in apps}
        tx.rights.replace(person.id, levels, now, outlived_since=outlived_since)
        tx.people.save(replace(current, listed_at=now))


def _outlived_since(person: Person, given: Permits) -> datetime | None:
    """Return since when what was seen of apps that are out of reach stays; None when nothing of it does."""
    with given.records.read() as tx:
        has_some = tx.apps.list(reach=Reach(person.id), status=AppStatus.DETACHED, limit=1).items
    # Whoever lists has their turn already.
    if has_some and not _looked_in_turn(person, _ORGANIZATION, *_membership(person, given), given):
        return None
    return given.clock() - OUTLIVED


def _is_listed(person: Person, given: Permits) -> bool:
    now = given.clock()
    if _is_within(person.listed_at, FRESH, now):
        return True
    if not _is_within(person.listed_at, LISTED, now):
        return False
    with given.records.read() as tx:
        return bool(tx.apps.list(reach=Reach(person.id), limit=1).items)


def _looked(person: Person, key: str, doing: str, look: Look, given: Permits) -> Level:
    """Return what is known and fresh, else what a look says, else what is known and may still count."""
    known = _known_within(person, key, given, FRESH)
    if known is not None:
        return known
    with given.turn(f"{person.id}/{key}"):
        return _looked_in_turn(person, key, doing, look, given)


def _looked_in_turn(person: Person, key: str, doing: str, look: Look, given: Permits) -> Level:
    known = _known_within(person, key, given, FRESH)
    return known if known is not None else _looked_now(person, key, doing, look, given)


def _looked_now(person: Person, key: str, doing: str, look: Look, given: Permits) -> Level:
    now = given.clock()
    try:
        with given.looking(doing) as memberships:
            level = look(memberships)
    except RemoteUnavailable:
        known = _known_within(person, key, given, KEPT)
        if known is None:
            raise
        return known
    # Nobody was dismissed where there is nothing any more: what was seen of that is not written over.
    is_gone = level is None and _was_seen(person, key, given, OUTLIVED)
    level = level or Level.NONE
    with given.records.begin() as tx:
        tx.rights.save(Right(person.id, f"{_GONE}{key}" if is_gone else key, level, now))
    return level


def _was_seen(person: Person, app_id: str, given: Permits, span: timedelta) -> Level:
    """Return what somebody was let do in an app's repository when we last saw that."""
    with given.records.read() as tx:
        known = tx.rights.get(person.id, app_id)
    is_good = known is not None and _is_within(known.looked_at, span, given.clock())
    return known.level if known is not None and is_good else Level.NONE


def _known(person: Person, app_id: str, given: Permits, span: timedelta) -> Level:
    known = _known_within(person, app_id, given, span)
    return Level.NONE if known is None else known


def _known_within(person: Person, app_id: str, given: Permits, span: timedelta) -> Level | None:
    """Return the newest that is known, when it is new enough: a right, or that there was nothing to see."""
    with given.records.read() as tx:
        found = [tx.rights.get(person.id, key) for key in (app_id, f"{_GONE}{app_id}")]
    known = max((it for it in found if it), key=lambda it: it.looked_at, default=None)
    is_good = known is not None and _is_within(known.looked_at, span, given.clock())
    return known.level if known is not None and is_good else None


def _is_within(moment: datetime | None, span: timedelta, now: datetime) -> bool:
    return moment is not None and now - moment < span


def _account(person: Person) -> Account:
    return Account(person.github_id, person.login, person.name, person.avatar_url)


def _signed_out_there(person: Person) -> Unauthenticated:
    return Unauthenticated(
        f"listing what {person.login} may see: GitHub takes the sign-in no more; sign in again",
        code="person:sign-in-again",
    )
