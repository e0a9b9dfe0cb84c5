"""People, services and what GitHub lets them do, for the web application in a test."""

from collections.abc import Mapping
from datetime import timedelta

from app.domain.apps import App
from app.domain.callers import TOKEN_PREFIX, ApiToken, Person, digest_of, new_secret
from app.domain.names import new_id
from app.domain.rights import Level, Scope
from app.pipeline.sign_in import keep_person
from tests.fakes.code_host import FakeRepository
from tests.fakes.code_host_people import sign_up
from tests.integration.web.world import World


def a_person(world: World, login: str, *, is_member: bool = False) -> Person:
    """Have somebody who signed in."""
    account = sign_up(world.host, login, 1000 + len(world.host.accounts), f"gho_{login}")
    if is_member:
        world.host.members.add(login)
    vault = world.web.extensions["branchline"].vault
    with world.records.begin() as tx:
        return keep_person(tx, account, f"gho_{login}", vault, world.clock())


def let(world: World, person: Person, app: App, level: Level) -> None:
    """Have GitHub let somebody do that much in an app's repository."""
    assert app.repository is not None
    known = world.host.repositories.setdefault(app.repository_name, FakeRepository(app.repository))
    known.levels[person.login] = level


def bearing(
    world: World,
    person: Person | None = None,
    scope: Scope = Scope.ADMIN,
    app: App | None = None,
    *,
    days: int = 1,
) -> Mapping[str, str]:
    """Return the headers of whoever bears a new token, of a person or of a service."""
    secret, now = new_secret(TOKEN_PREFIX), world.clock()
    token = ApiToken(
        id=new_id("tok", now),
        name="ci",
        digest=digest_of(secret),
        hint=secret[-4:],
        person_id=person.id if person else None,
        scope=scope,
        app_id=app.id if app else None,
        created_by="operator",
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    with world.records.begin() as tx:
        tx.api_tokens.add(token)
    return {"Authorization": f"Bearer {secret}"}
