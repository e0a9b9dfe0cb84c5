"""People, sign-ins, tokens and rights: kept and found as the web side asks."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.callers import ApiToken, Person, Session
from app.domain.rights import Level, Right, Scope
from app.errors import NotFound
from app.ports import Records
from tests.builders import a_repository, an_app, at

ADA = Person("per_1", 41, "ada", None, None, at(0), at(0))
ALAN = Person("per_2", 42, "alan", "Alan ☂", "https://a.example/1", at(1), at(2), b"\x00\xff", at(3))


def a_session(digest: str = "d1", person_id: str = "per_1", **changes: Any) -> Session:
    return replace(Session(digest, person_id, "form", at(0), at(0), "a browser"), **changes)


def a_token(number: int = 1, **changes: Any) -> ApiToken:
    token = ApiToken(
        id=f"tok_{number}",
        name="ci",
        digest=f"digest-{number}",
        hint="blt_abcd",
        person_id="per_1",
        scope=Scope.DEPLOY,
        app_id=None,
        created_by="person:ada",
        created_at=at(number),
        expires_at=at(1000),
    )
    return replace(token, **changes)


def test_people_come_back_as_they_were_kept(records: Records) -> None:
    with records.begin() as tx:
        tx.people.save(ADA)
        tx.people.save(ALAN)
        tx.people.save(replace(ADA, login="countess", access=b"sealed"))
    with records.begin() as tx:
        assert tx.people.get("per_2", lock=True) == ALAN
        assert tx.people.by_github_id(41) == replace(ADA, login="countess", access=b"sealed")
        assert tx.people.by_github_id(43) is None
        with pytest.raises(NotFound) as missing:
            tx.people.get("per_3")
    assert missing.value.error_code == "person:not-found"


def test_sessions_end_alone_all_at_once_or_by_themselves(records: Records) -> None:
    with records.begin() as tx:
        for number, person in enumerate(["per_1", "per_1", "per_2", "per_2"]):
            tx.sessions.add(a_session(f"d{number}", person, created_at=at(number), seen_at=at(number)))
        tx.sessions.seen("d0", at(50))
        assert tx.sessions.get("d0") == a_session("d0", seen_at=at(50))
        tx.sessions.end("d0")
        assert tx.sessions.get("d0") is None
        assert tx.sessions.end_all("per_1") == 1
        assert tx.sessions.end_all("per_1") == 0
        assert tx.sessions.forget(at(-1), at(2)) == 1
        assert tx.sessions.get("d2") is None
        assert tx.sessions.forget(at(3), at(-1)) == 1
        assert tx.sessions.get("d3") is None


def test_sessions_of_a_person_are_listed_by_their_last_use(records: Records) -> None:
    with records.begin() as tx:
        for number, person in enumerate(["per_1", "per_2", "per_1"]):
            tx.sessions.add(a_session(f"d{number}", person))
        tx.sessions.seen("d2", at(5))
    with records.read() as tx:
        assert [it.digest for it in tx.sessions.of("per_1")] == ["d2", "d0"]
        assert [it.digest for it in tx.sessions.of("per_1", limit=1)] == ["d2"]
        assert tx.sessions.of("per_3") == []


def test_tokens_are_found_by_digest_and_listed_newest_first(records: Records) -> None:
    whole = a_token(1, app_id="app_1", used_at=at(9), revoked_at=at(10))
    with records.begin() as tx:
        for token in (a_token(1), a_token(2), a_token(3, person_id=None)):
            tx.api_tokens.add(token)
        tx.api_tokens.save(whole)
    with records.read() as tx:
        assert tx.api_tokens.get("tok_1") == tx.api_tokens.by_digest("digest-1") == whole
        assert tx.api_tokens.by_digest("digest-9") is None
        assert [it.id for it in tx.api_tokens.list("per_1")] == ["tok_2", "tok_1"]
        assert [it.id for it in tx.api_tokens.list(None)] == ["tok_3", "tok_2", "tok_1"]
        assert [it.id for it in tx.api_tokens.list(None, limit=1)] == ["tok_3"]
        assert [it.id for it in tx.api_tokens.list("per_1", good_at=at(5))] == ["tok_2"]
        assert tx.api_tokens.list(None, good_at=at(1000)) == []
        with pytest.raises(NotFound) as missing:
            tx.api_tokens.get("tok_9")
    assert missing.value.error_code == "token:not-found"


def test_a_token_is_over_when_it_expired_or_was_revoked() -> None:
    token = a_token()
    assert [token.is_over(at(999)), token.is_over(at(1000))] == [False, True]
    assert replace(token, revoked_at=at(5)).is_over(at(6))
    assert a_session().is_over(at(0) + timedelta(days=7))
    assert not a_session(seen_at=at(0) + timedelta(days=29)).is_over(at(0) + timedelta(days=29, hours=23))
    assert a_session(seen_at=at(0) + timedelta(days=29)).is_over(at(0) + timedelta(days=30))


def test_a_use_is_noted_and_changes_nothing_else(records: Records) -> None:
    with records.begin() as tx:
        tx.api_tokens.add(a_token())
        tx.api_tokens.save(replace(a_token(), revoked_at=at(5)))
        tx.api_tokens.used("tok_1", at(6))
        tx.api_tokens.used("tok_9", at(6))
        assert tx.api_tokens.get("tok_1") == replace(a_token(), revoked_at=at(5), used_at=at(6))


def test_rights_are_kept_one_by_one_or_replaced(records: Records) -> None:
    with records.begin() as tx:
        tx.rights.save(Right("per_1", "app_1", Level.READ, at(0)))
        tx.rights.save(Right("per_1", "app_1", Level.ADMIN, at(1)))
        tx.rights.save(Right("per_2", "app_1", Level.WRITE, at(1)))
        tx.rights.save(Right("per_1", "organization", Level.READ, at(1)))
        assert tx.rights.get("per_1", "app_1") == Right("per_1", "app_1", Level.ADMIN, at(1))
        tx.rights.replace("per_1", {"app_2": Level.READ}, at(2))
        assert tx.rights.get("per_1", "app_1") is None
        assert tx.rights.get("per_1", "app_2") == Right("per_1", "app_2", Level.READ, at(2))
        assert tx.rights.get("per_2", "app_1") == Right("per_2", "app_1", Level.WRITE, at(1))
        assert tx.rights.get("per_1", "organization") == Right("per_1", "organization", Level.READ, at(1))


def test_apps_are_found_by_their_repositories(records: Records) -> None:
    known = {number: f"app_{number:04}" for number in (1, 2)}
    with records.begin() as tx:
        for number in (1, 2, 3):
            tx.apps.add(an_app(number, repository=a_repository(number) if number in known else None))
        assert dict(tx.rights.apps_of([*known, 999_999])) == known
