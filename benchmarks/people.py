"""People of a large database, each with a token: one who works on 500 of its apps, and one who does on three.

What GitHub lets them do was seen tomorrow, by what is written down: so nobody asks GitHub meanwhile, and
what is measured is how long it takes to show them theirs, and nothing of others'.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine, insert, text

from app.database.people_models import ApiTokenRow, PersonRow, RightRow
from app.domain.callers import TOKEN_PREFIX, digest_of, new_secret
from app.domain.rights import Level, Scope

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from benchmarks.lists import Ask
    from benchmarks.populated import Population

_FEW: Final = 3
_MANY: Final = 500


def people_of(found: Population) -> Mapping[str, Sequence[str]]:
    """Return the apps of each person, by a word for the person."""
    every = len(found.apps) // _MANY or 1
    return {f"of {_MANY} apps": found.apps[::every][:_MANY], f"of {_FEW} apps": found.apps[-_FEW:]}


def settle(engine: Engine, found: Population) -> Mapping[str, str]:
    """Write people and their rights down, and return the token of each."""
    tokens, tomorrow = dict[str, str](), datetime.now(UTC) + timedelta(days=1)
    with engine.begin() as connection:
        for number, (who, apps) in enumerate(people_of(found).items(), start=1):
            person, secret = f"per_{number}", new_secret(TOKEN_PREFIX)
            levels = {**dict.fromkeys(apps, Level.WRITE), "organization": Level.READ}
            rights = [{"person_id": person, "app_id": it, "level": int(levels[it])} for it in levels]
            connection.execute(insert(PersonRow), [_person(person, number, tomorrow)])
            connection.execute(insert(RightRow), [{**it, "looked_at": tomorrow} for it in rights])
            connection.execute(insert(ApiTokenRow), [_token(person, secret, tomorrow)])
            tokens[who] = secret
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return tokens


def questions(found: Population, who: str) -> dict[str, Ask]:
    """Return what a person looks at; what is drawn is another app of theirs each time."""
    apps = people_of(found)[who]

    def an_app(dice: random.Random) -> str:
        return f"/apps/{dice.choice(apps)}"

    return {
        f"apps, by a person {who}": lambda _: "/",
        f"apps live in staging, by a person {who}": lambda _: "/?environment=staging",
        f"an app, by a person {who}": an_app,
        f"activity, by a person {who}": lambda _: "/activity",
        f"jobs, by a person {who}": lambda _: "/jobs",
    }


def _person(person: str, number: int, at: datetime) -> dict[str, object]:
    times = {"created_at": at, "signed_in_at": at, "listed_at": at}
    return {"id": person, "github_id": number, "login": person, **times}


def _token(person: str, secret: str, at: datetime) -> dict[str, object]:
    shown = {"id": f"tok_{person}", "name": "bench", "digest": digest_of(secret), "hint": secret[-4:]}
    times = {"created_at": at, "used_at": at, "expires_at": at + timedelta(days=30)}
    return {**shown, **times, "person_id": person, "scope": Scope.ADMIN.value, "created_by": person}
