"""People, sign-ins, tokens and rights over plain dicts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from app.domain.apps import AppStatus
from app.domain.callers import ApiToken, Person, Session
from app.domain.rights import Level, Right
from app.errors import NotFound
from tests.fakes.memory import Memory


class FakePeople:
    """`ports.People`."""

    def __init__(self, memory: Memory) -> None:
        self._people = memory.people

    def get(self, person_id: str, *, lock: bool = False) -> Person:  # noqa: ARG002 - nobody else is here
        if person_id not in self._people:
            raise NotFound(f"looking for person {person_id}: there is none", code="person:not-found")
        return self._people[person_id]

    def by_github_id(self, github_id: int) -> Person | None:
        return next((it for it in self._people.values() if it.github_id == github_id), None)

    def save(self, person: Person) -> None:
        self._people[person.id] = person


class FakeSessions:
    """`ports.Sessions`."""

    def __init__(self, memory: Memory) -> None:
        self._sessions = memory.sessions

    def add(self, session: Session) -> None:
        self._sessions[session.digest] = session

    def get(self, digest: str) -> Session | None:
        return self._sessions.get(digest)

    def seen(self, digest: str, at: datetime) -> None:
        if digest in self._sessions:
            self._sessions[digest] = replace(self._sessions[digest], seen_at=at)

    def of(self, person_id: str, *, limit: int = 100) -> Sequence[Session]:
        found = [it for it in self._sessions.values() if it.person_id == person_id]
        return sorted(sorted(found, key=lambda it: it.digest), key=lambda it: it.seen_at, reverse=True)[
            :limit
        ]

    def end(self, digest: str) -> None:
        self._sessions.pop(digest, None)

    def end_all(self, person_id: str) -> int:
        return self._drop([it for it in self._sessions.values() if it.person_id == person_id])

    def forget(self, created_before: datetime, seen_before: datetime) -> int:
        return self._drop(
            [
                it
                for it in self._sessions.values()
                if it.created_at <= created_before or it.seen_at <= seen_before
            ]
        )

    def _drop(self, ended: Sequence[Session]) -> int:
        for session in ended:
            del self._sessions[session.digest]
        return len(ended)


class FakeApiTokens:
    """`ports.ApiTokens`."""

    def __init__(self, memory: Memory) -> None:
        self._tokens = memory.api_tokens

    def add(self, token: ApiToken) -> None:
        self._tokens[token.id] = token

    def get(self, token_id: str) -> ApiToken:
        if token_id not in self._tokens:
            raise NotFound.of("token", token_id)
        return self._tokens[token_id]

    def by_digest(self, digest: str) -> ApiToken | None:
        return next((it for it in self._tokens.values() if it.digest == digest), None)

    def save(self, token: ApiToken) -> None:
        self._tokens[token.id] = token

    def used(self, token_id: str, at: datetime) -> None:
        if token_id in self._tokens:
            self._tokens[token_id] = replace(self._tokens[token_id], used_at=at)

    def list(
        self, person_id: str | None, *, good_at: datetime | None = None, limit: int = 200
    ) -> Sequence[ApiToken]:
        found = [it for it in self._tokens.values() if person_id in {None, it.person_id}]
        if good_at is not None:
            found = [it for it in found if not it.is_over(good_at)]
        return sorted(found, key=lambda it: (it.created_at, it.id), reverse=True)[:limit]


class FakeRights:
    """`ports.Rights`."""

    def __init__(self, memory: Memory) -> None:
        self._rights = memory.rights
        self._apps = memory.apps
        self._workers = memory.workers

    def get(self, person_id: str, app_id: str) -> Right | None:
        return self._rights.get((person_id, app_id))

    def save(self, right: Right) -> None:
        self._rights[(right.person_id, right.app_id)] = right

    def replace(
        self,
        person_id: str,
        levels: Mapping[str, Level],
        at: datetime,
        *,
        outlived_since: datetime | None = None,
    ) -> None:
        for key, right in list(self._rights.items()):
            is_told = key[0] == person_id and key[1].startswith("app_")
            if is_told and not self._is_kept(right, outlived_since):
                del self._rights[key]
        for app_id, level in levels.items():
            self._rights.setdefault((person_id, app_id), Right(person_id, app_id, level, at))

    def readable(self, person_id: str, *, limit: int = 10_000) -> Collection[str]:
        apps = {
            right.app_id for right in self._rights.values() if right.person_id == person_id and right.level
        }
        return frozenset(
            [*apps, *(it.id for it in self._workers.values() if it.owner_id == person_id)][:limit]
        )

    def apps_of(self, repository_ids: Iterable[int]) -> Mapping[int, str]:
        known = {
            it.repository.id: it.id
            for it in self._apps.values()
            if it.repository is not None and it.status is not AppStatus.DETACHED
        }
        return {number: known[number] for number in repository_ids if number in known}

    def _is_kept(self, right: Right, outlived_since: datetime | None) -> bool:
        app = self._apps.get(right.app_id)
        if app is None or app.repository is None:
            return app is not None
        is_seen = outlived_since is not None and right.looked_at > outlived_since
        return is_seen and app.status is AppStatus.DETACHED
