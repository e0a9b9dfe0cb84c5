"""People, their sign-ins, their tokens and their rights in the database."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, exists, not_, or_, select
from sqlalchemy.orm import Session as Transaction

from app.database.models import AppRow
from app.database.people_models import ApiTokenRow, PersonRow, RightRow, SessionRow
from app.database.reaching import readable
from app.database.rows import insert_if_new, insert_those_new, one, replace_known, several
from app.domain.apps import AppStatus
from app.domain.callers import ApiToken, Person, Session
from app.domain.rights import Level, Right, Scope
from app.errors import NotFound

# Both databases take as many values in one statement.
_AT_ONCE = 500


class SqlPeople:
    """`ports.People` within one transaction."""

    def __init__(self, session: Transaction) -> None:
        self._session = session

    def get(self, person_id: str, *, lock: bool = False) -> Person:
        """Return somebody. Raises NotFound."""
        statement = select(PersonRow).where(PersonRow.id == person_id)
        row = one(self._session, statement.with_for_update() if lock else statement)
        if row is None:
            raise NotFound(f"looking for person {person_id[:60]}: there is none", code="person:not-found")
        return _person(row)

    def by_github_id(self, github_id: int) -> Person | None:
        """Return who has that account."""
        row = one(self._session, select(PersonRow).where(PersonRow.github_id == github_id))
        return None if row is None else _person(row)

    def save(self, person: Person) -> None:
        """Keep somebody, new or known."""
        values = asdict(person)
        if not insert_if_new(self._session, PersonRow, values):
            replace_known(self._session, PersonRow, PersonRow.id == person.id, values)


class SqlSessions:
    """`ports.Sessions` within one transaction."""

    def __init__(self, session: Transaction) -> None:
        self._session = session

    def add(self, session: Session) -> None:
        """Keep a new one."""
        insert_if_new(self._session, SessionRow, asdict(session))

    def get(self, digest: str) -> Session | None:
        """Return it by the digest of its secret."""
        row = one(self._session, select(SessionRow).where(SessionRow.digest == digest))
        return None if row is None else _session(row)

    def seen(self, digest: str, at: datetime) -> None:
        """Remember when it was last used."""
        replace_known(self._session, SessionRow, SessionRow.digest == digest, {"seen_at": at})

    def of(self, person_id: str, *, limit: int = 100) -> Sequence[Session]:
        """Return a person's, those that were used last before the others."""
        statement = select(SessionRow).where(SessionRow.person_id == person_id)
        ordered = statement.order_by(SessionRow.seen_at.desc(), SessionRow.digest).limit(limit)
        return [_session(row) for row in several(self._session, ordered)]

    def end(self, digest: str) -> None:
        """End it."""
        self._session.execute(delete(SessionRow).where(SessionRow.digest == digest))

    def end_all(self, person_id: str) -> int:
        """End all of a person's, and say how many."""
        return self._delete(SessionRow.person_id == person_id)

    def forget(self, created_before: datetime, seen_before: datetime) -> int:
        """Delete those that ended by themselves, and say how many."""
        return self._delete(or_(SessionRow.created_at <= created_before, SessionRow.seen_at <= seen_before))

    def _delete(self, which: ColumnElement[bool]) -> int:
        statement = delete(SessionRow).where(which).returning(SessionRow.digest)
        return len(self._session.execute(statement).all())


class SqlApiTokens:
    """`ports.ApiTokens` within one transaction."""

    def __init__(self, session: Transaction) -> None:
        self._session = session

    def add(self, token: ApiToken) -> None:
        """Keep a new one."""
        insert_if_new(self._session, ApiTokenRow, asdict(token))

    def get(self, token_id: str) -> ApiToken:
        """Return it. Raises NotFound."""
        row = one(self._session, select(ApiTokenRow).where(ApiTokenRow.id == token_id))
        if row is None:
            raise NotFound.of("token", token_id)
        return _token(row)

    def by_digest(self, digest: str) -> ApiToken | None:
        """Return the one with this digest."""
        row = one(self._session, select(ApiTokenRow).where(ApiTokenRow.digest == digest))
        return None if row is None else _token(row)

    def save(self, token: ApiToken) -> None:
        """Replace what is kept of it."""
        replace_known(self._session, ApiTokenRow, ApiTokenRow.id == token.id, asdict(token))

    def used(self, token_id: str, at: datetime) -> None:
        """Remember when it was last used, and touch nothing else: it may be revoked at this moment."""
        replace_known(self._session, ApiTokenRow, ApiTokenRow.id == token_id, {"used_at": at})

    def list(
        self, person_id: str | None, *, good_at: datetime | None = None, limit: int = 200
    ) -> Sequence[ApiToken]:
        """Return a person's, newest first, or those of everybody for None; only those good at some time."""
        statement = select(ApiTokenRow).order_by(ApiTokenRow.created_at.desc(), ApiTokenRow.id.desc())
        if person_id is not None:
            statement = statement.where(ApiTokenRow.person_id == person_id)
        if good_at is not None:
            statement = statement.where(ApiTokenRow.revoked_at.is_(None), ApiTokenRow.expires_at > good_at)
        return [_token(row) for row in several(self._session, statement.limit(limit))]


class SqlRights:
    """`ports.Rights` within one transaction."""

    def __init__(self, session: Transaction) -> None:
        self._session = session

    def get(self, person_id: str, app_id: str) -> Right | None:
        """Return what is known."""
        row = one(self._session, select(RightRow).where(_key(person_id, app_id)))
        return None if row is None else Right(row.person_id, row.app_id, Level(row.level), row.looked_at)

    def save(self, right: Right) -> None:
        """Keep it, new or known."""
        values = asdict(right) | {"level": int(right.level)}
        if not insert_if_new(self._session, RightRow, values):
            replace_known(self._session, RightRow, _key(right.person_id, right.app_id), values)

    def replace(
        self,
        person_id: str,
        levels: Mapping[str, Level],
        at: datetime,
        *,
        outlived_since: datetime | None = None,
    ) -> None:
        """Keep that these are all that a person may do to apps with a repository, by app's id.

        Of apps whose repository is out of reach it is kept what was seen after `outlived_since`.
        """
        has_none = select(AppRow.id).where(AppRow.repository_id.is_(None))
        is_of_an_app = RightRow.app_id.startswith("app_", autoescape=True)
        is_told = [RightRow.person_id == person_id, is_of_an_app, RightRow.app_id.not_in(has_none)]
        if outlived_since is not None:
            is_told.append(not_(and_(RightRow.looked_at > outlived_since, _is_out_of_reach())))
        self._session.execute(delete(RightRow).where(*is_told))
        rows = [
            {"person_id": person_id, "app_id": app_id, "level": int(level), "looked_at": at}
            for app_id, level in levels.items()
        ]
        insert_those_new(self._session, RightRow, rows)

    def readable(self, person_id: str, *, limit: int = 10_000) -> Collection[str]:
        """Return the apps that somebody may look at, and the workers that are theirs, by id."""
        found = self._session.execute(readable(person_id).limit(limit))
        return frozenset(owner_id for (owner_id,) in found)

    def apps_of(self, repository_ids: Iterable[int]) -> Mapping[int, str]:
        """Return the apps that these repositories belong to, by the repository's id.

        An app that is out of reach belongs to none: whoever owns its repository by now decides nothing here.
        """
        wanted, found = list(repository_ids), dict[int, str]()
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            is_there = [AppRow.repository_id.in_(some), AppRow.status != AppStatus.DETACHED]
            statement = select(AppRow.repository_id, AppRow.id).where(*is_there)
            found |= {number: app_id for number, app_id in self._session.execute(statement) if number}
        return found


def _is_out_of_reach() -> ColumnElement[bool]:
    return exists().where(AppRow.id == RightRow.app_id, AppRow.status == AppStatus.DETACHED)


def _key(person_id: str, app_id: str) -> ColumnElement[bool]:
    return and_(RightRow.person_id == person_id, RightRow.app_id == app_id)


def _person(row: PersonRow) -> Person:
    return Person(
        id=row.id,
        github_id=row.github_id,
        login=row.login,
        name=row.name,
        avatar_url=row.avatar_url,
        created_at=row.created_at,
        signed_in_at=row.signed_in_at,
        access=row.access,
        listed_at=row.listed_at,
    )


def _session(row: SessionRow) -> Session:
    return Session(
        digest=row.digest,
        person_id=row.person_id,
        form_key=row.form_key,
        created_at=row.created_at,
        seen_at=row.seen_at,
        agent=row.agent,
    )


def _token(row: ApiTokenRow) -> ApiToken:
    return ApiToken(
        id=row.id,
        name=row.name,
        digest=row.digest,
        hint=row.hint,
        person_id=row.person_id,
        scope=Scope(row.scope),
        app_id=row.app_id,
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
        revoked_at=row.revoked_at,
    )
