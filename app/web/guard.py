"""The guard: who asks, and whether they may.

Every route says by `needs` what it takes; one that says nothing answers nobody, unless it is among the few
that ask for a proof of their own. What one may not see looks like what is not there. What an act takes is
`domain.rights`' to say, how much a person may do is `pipeline.permit`'s.
"""

import hmac
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar, cast

from flask import Flask, current_app, g, request

from app.domain.apps import App
from app.domain.callers import OPERATOR, TOKEN_PREFIX, ApiToken, Caller, Person, Reach, actor_of
from app.domain.environments import Environment
from app.domain.rights import Act, Level, Scope, is_about_an_app, needed
from app.errors import Broken, Unauthenticated
from app.pipeline import permit
from app.pipeline.bearer import bearer_of
from app.pipeline.left import left_level
from app.pipeline.permit import Permits
from app.ports.people import Memberships
from app.web.context import context
from app.web.limits import count_wrong_token
from app.web.refusals import (
    for_operators,
    not_a_creator,
    not_the_owners,
    not_whole,
    too_little,
    unauthenticated,
)
from app.web.sessions import check_form, signed_in
from app.web.subjects import OWNER_PREFIXES, Subject, owner_of, subject_of

View = TypeVar("View", bound=Callable[..., Any])

# Blueprints and endpoints that no mark is asked of: each message carries its own proof, or anybody may ask.
OWN_PROOF: Final = frozenset(
    {"addresses", "health", "login", "metrics", "openapi", "pages_login", "runs", "static", "webhooks"}
)
_MARK: Final = "_branchline_needs"
_OF_WORKERS: Final = "wrk_"


def needs(act: Act) -> Callable[[View], View]:
    """Mark a view with what is done there; stands below the decorator that makes it a route."""

    def mark(view: View) -> View:
        setattr(view, _MARK, act)
        return view

    return mark


def act_of(view: Callable[..., Any]) -> Act | None:
    """Return what a view is marked with."""
    return cast("Act | None", getattr(view, _MARK, None))


def is_open(endpoint: str) -> bool:
    """Tell whether an endpoint asks for a proof of its own, or for none."""
    return endpoint.partition(".")[0] in OWN_PROOF


def register_guard(web: Flask) -> None:
    """Have every request looked at before its view sees it."""
    web.before_request(_enforce)


def caller() -> Caller:
    """Return who asks. Raises Unauthenticated."""
    if "caller" not in g:
        g.caller = _caller()
    return cast("Caller", g.caller)


def reach() -> Reach:
    """Return what lists show to who asks, looked at recently enough.

    Raises:
        RemoteUnavailable: that cannot be found out now.
        Unauthenticated: GitHub does not take the person's sign-in any more.
    """
    asking = caller()
    if asking.reach.person_id is not None and asking.person is not None:
        permit.list_apps_of(asking.person, _permits())
    return asking.reach


def owner_id(key: str | None) -> str | None:
    """Return the id of the app, or the worker, that a query names; None for None.

    Raises:
        NotFound: there is none, or the caller may not see it.
    """
    if key is None:
        return None
    with context().records.read() as tx:
        subject = owner_of(tx, key)
    if not caller().is_operator and _level(subject) < Level.READ:
        raise subject.hidden
    return subject.owner_id


def again() -> Callable[[], AbstractContextManager[None]]:
    """Return what stands for the caller long after the request, by what their proof is good for then.

    To enter it raises Unauthenticated when it is good no more.
    """
    caller()
    web = cast("Flask", current_app._get_current_object())  # type: ignore[attr-defined] # noqa: SLF001 - as documented
    prove = cast("Callable[[], Caller]", g.prove)

    @contextmanager
    def as_caller() -> Iterator[None]:
        with web.app_context():
            g.caller, g.is_listening = prove(), True
            yield

    return as_caller


def still(act: Act) -> Callable[[], None]:
    """Return what looks, long after the request, whether its caller may still do that to what the URL names.

    It raises what a new request would be refused with, or RemoteUnavailable when it cannot look.
    """
    as_caller, subject = again(), cast("Subject | None", g.get("subject"))

    def look() -> None:
        with as_caller():
            if not caller().is_operator:
                _check_on(subject, act)

    return look


def actor(by: str | None = None) -> str:
    """Return who is said to have done it; only whoever bears the operator's own token may name another."""
    asking = caller()
    return by if by is not None and asking is OPERATOR else asking.actor


def level_on(app: App) -> Level:
    """Return how much the caller may do to an app; it is looked up once in a request."""
    return _level(Subject("app", app.id, app.id, app))


def require(act: Act, app: App, environment: Environment | None = None) -> None:
    """Refuse what the caller may not do to an app it may see. Raises NotAllowed."""
    if not caller().is_operator:
        _check_level(act, level_on(app), needed(act, environment), app)


def require_in(environment: Environment, act: Act) -> None:
    """Refuse what the caller may not do in an environment of what the URL names. Raises NotAllowed."""
    if not caller().is_operator:
        subject: Subject = g.subject
        _check_level(act, _level(subject), needed(act, environment), subject.app)


def may(act: Act, app: App, environment: Environment | None = None) -> bool:
    """Tell whether the caller may do something to an app."""
    return caller().is_operator or level_on(app) >= needed(act, environment)


def may_create() -> bool:
    """Tell whether the caller may ask for apps and workers of their own. Raises RemoteUnavailable."""
    asking = caller()
    if asking.is_operator:
        return True
    return _is_whole(asking) and (
        asking.sees_all or (asking.person is not None and _is_member(asking.person))
    )


def _enforce() -> None:
    endpoint = request.endpoint
    if endpoint is None or is_open(endpoint):
        return
    act = act_of(current_app.view_functions[endpoint])
    if act is None:
        raise Broken(f"answering {endpoint}: nobody said what it takes to ask for it")
    asking = caller()
    check_form()
    if not asking.is_operator:
        _check(act, request.view_args or {})


def _check(act: Act, arguments: Mapping[str, Any]) -> None:
    if act is Act.OPERATE:
        raise for_operators()
    if act is Act.ACCOUNT:
        _check_account()
        return
    with context().records.read() as tx:
        g.subject = subject_of(tx, arguments)
    _check_on(g.subject, act)


def _check_on(subject: Subject | None, act: Act) -> None:
    level = caller().cap if subject is None else _level_or_job(subject)
    if subject is not None and level < Level.READ:
        raise subject.hidden
    if is_about_an_app(act):
        _check_level(act, level, needed(act), subject.app if subject else None)
        _check_membership(act, subject)
    elif not may_create():
        raise not_a_creator(context().platform.owner, is_whole=_is_whole(caller()))


def _check_membership(act: Act, subject: Subject | None) -> None:
    """Refuse all but a look at their worker to who left the organisation: no repository says it here."""
    asking = caller()
    is_of_worker = subject is not None and subject.owner_id.startswith(_OF_WORKERS)
    if not is_of_worker or needed(act) <= Level.READ or asking.sees_all or asking.person is None:
        return
    if not _is_member(asking.person):
        raise not_the_owners(act, context().platform.owner)


def _level_or_job(subject: Subject) -> Level:
    """Return how much the caller may do: whoever asked for a job that outlives their right sees that job."""
    level, asking = _level(subject), caller()
    if level >= Level.READ or subject.kind != "job" or asking.person is None:
        return level
    is_other = asking.app_id not in {None, subject.owner_id}
    return level if is_other else left_level(asking.person, subject.key, context().records)


def _level(subject: Subject) -> Level:
    known: dict[str, Level] = g.setdefault("levels", {})
    if subject.owner_id not in known:
        known[subject.owner_id] = _looked(subject)
    return known[subject.owner_id]


def _looked(subject: Subject) -> Level:
    asking = caller()
    if asking.is_operator:
        return Level.ADMIN
    if asking.app_id not in {None, subject.owner_id}:
        return Level.NONE
    if asking.sees_all or asking.person is None:
        return asking.cap if _is_somebodys(subject) else Level.NONE
    return min(asking.cap, _level_of(asking.person, subject))


def _level_of(person: Person, subject: Subject) -> Level:
    if subject.worker is not None:
        return Level.ADMIN if subject.worker.owner_id == person.id else Level.NONE
    if subject.app is not None:
        return permit.level_on(person, subject.app, _permits_by_now())
    if subject.owner_id.startswith(_OF_WORKERS):
        return left_level(person, subject.owner_id, context().records)
    return permit.known_level(person, subject.owner_id, _permits())


def _is_somebodys(subject: Subject) -> bool:
    """Tell the platform's own jobs, which are operators' alone, from those of apps and workers."""
    return subject.owner_id.startswith(OWNER_PREFIXES)


def _check_level(act: Act, level: Level, wanted: Level, app: App | None) -> None:
    if level < wanted:
        raise too_little(caller(), act, wanted, app)


def _check_account() -> None:
    if not _is_whole(caller()):
        raise not_whole()


def _is_whole(asking: Caller) -> bool:
    """Tell whether the caller may do all that its person may, and not what a narrower token lets it."""
    return asking.cap is Level.ADMIN and asking.app_id is None


def _is_member(person: Person) -> bool:
    return permit.is_member(person, _permits_by_now())


def _permits_by_now() -> Permits:
    """Return what permits need; about whoever listens for long the code host is asked seldom."""
    return replace(_permits(), looking=_looking_again) if "is_listening" in g else _permits()


def _permits() -> Permits:
    given = context()
    return Permits(given.records, _looking, given.turns.of, given.vault, given.clock, given.platform.owner)


@contextmanager
def _looking(doing: str) -> Iterator[Memberships]:
    given = context()
    with given.calls.entered(doing):
        yield given.code_host().memberships


@contextmanager
def _looking_again(doing: str) -> Iterator[Memberships]:
    """Let in whoever goes on to listen, some of them in each minute; of the others it is known what was."""
    context().listening.take(doing)
    with _looking(doing) as memberships:
        yield memberships


def _caller() -> Caller:
    header = request.headers.get("Authorization")
    if header is not None:
        g.prove = partial(_bearer, header)
        return _tried(header)
    found = signed_in()
    if found is None:
        raise unauthenticated()
    g.prove = partial(_signed_in, found[0].digest)
    return _person(found[1])


def _tried(header: str) -> Caller:
    try:
        return _bearer(header)
    except Unauthenticated:
        count_wrong_token()
        raise


def _signed_in(digest: str) -> Caller:
    given = context()
    with given.records.read() as tx:
        session = tx.sessions.get(digest)
        if session is None or session.is_over(given.clock()):
            raise unauthenticated()
        return _person(tx.people.get(session.person_id))


def _bearer(header: str) -> Caller:
    scheme, _, given = header.partition(" ")
    token = given.strip()
    if scheme.lower() != "bearer":
        raise unauthenticated()
    if hmac.compare_digest(token.encode(), context().api_token.reveal().encode()):
        return OPERATOR
    found = bearer_of(context().records, token, context().clock()) if token.startswith(TOKEN_PREFIX) else None
    if found is None:
        raise unauthenticated()
    return _holder(*found)


def _holder(token: ApiToken, person: Person | None) -> Caller:
    of_operator = person is not None and _is_operator(person)
    return Caller(
        f"token:{token.name}",
        token.scope.cap,
        person,
        token.app_id,
        is_operator=of_operator and token.scope is Scope.ADMIN and token.app_id is None,
        of_operator=of_operator,
        until=token.expires_at,
    )


def _person(person: Person) -> Caller:
    return Caller(actor_of(person), Level.ADMIN, person, is_operator=_is_operator(person))


def _is_operator(person: Person) -> bool:
    return not context().operators.isdisjoint({person.login.lower(), f"id:{person.github_id}"})
