"""Who did it: every act over HTTP, of a person and of a token, is a fact that names them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.domain.deliveries import DeliveryStatus
from app.domain.events import Event, Selection
from app.domain.jobs import JobStatus, JobType
from app.pipeline.workers_expire import sweep_workers
from app.web.sessions import FORM_HEADER
from tests.builders import NOON, a_delivery, a_pull, at
from tests.fakes.sign_in import FakeSignIn
from tests.integration.web.people import bearing
from tests.integration.web.rights import UNSAFE
from tests.integration.web.signing_in import OURS, enter, form_key
from tests.integration.web.test_web_releases import PREVIEW, kept, live
from tests.integration.web.world import World

CODE: Final = {"code": "export function hello() {}"}
FORM_OF_CODE: Final = {"path": "functions.ts", "content": CODE["code"]}
VALUE: Final = {"value": "red"}
VALUES: Final = {"values": {"COLOUR": "red"}}
SECRETS: Final = {"values": {"PASSWORD": "blue"}}
PRODUCTION: Final = {"environment": "production"}
A_TOKEN: Final = {"name": "other", "scope": "apps:read", "days": "1"}
ICONS: Final = [{"path": f"{n}.png", "content": "/w==", "encoding": "base64"} for n in range(12)]


@dataclass(frozen=True, slots=True)
class Try:
    """How an act is done that succeeds: what is sent, and what its URL names that others do not.

    What begins with a dollar is a name that `arrange` found. Who does it is a person in the page and a token
    at the API, unless `by` says so. What `is_done_twice` is told the second time too, though nothing is new.
    """

    json: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    by: tuple[str, ...] = ()
    is_done_twice: bool = False


BOTH: Final = ("person", "token")
SECRET: Final = {"name": "PASSWORD"}
EXPIRED: Final = {"deployment": "dpl_0004_1"}
FAILED: Final = {"job": "$failed"}
GONE: Final = {"worker": "gone"}
TRIES: Final[Mapping[str, Try]] = {
    "POST /account/sessions/end": Try(form={"session": "$session"}, by=BOTH),
    "POST /account/sign-out-everywhere": Try(by=BOTH),
    "POST /account/tokens": Try(form=A_TOKEN, by=BOTH),
    "POST /account/tokens/revoke": Try(form={"token": "$token"}, by=BOTH),
    "POST /api/apps": Try(json={"name": "new"}),
    "PATCH /api/apps/<app>": Try(json={"heal": "off"}),
    "DELETE /api/apps/<app>": Try(),
    "POST /api/apps/<app>/commits": Try(json={"message": "Add it", "files": [{"path": "a", "content": "a"}]}),
    "POST /api/apps/<app>/commits as a job": Try(json={"message": "Add icons", "files": ICONS}),
    "POST /api/apps/<app>/drift": Try(json={"heal": "all"}, by=BOTH),
    "PATCH /api/apps/<app>/environments/<environment>/secrets": Try(json=SECRETS),
    "PUT /api/apps/<app>/environments/<environment>/secrets/<name>": Try(json=VALUE, names=SECRET),
    "DELETE /api/apps/<app>/environments/<environment>/secrets/<name>": Try(names=SECRET),
    "PATCH /api/apps/<app>/environments/<environment>/variables": Try(json=VALUES),
    "PUT /api/apps/<app>/environments/<environment>/variables/<name>": Try(json=VALUE),
    "DELETE /api/apps/<app>/environments/<environment>/variables/<name>": Try(),
    "PUT /api/apps/<app>/files/<path:path>": Try(json={"content": "new\n", "message": "Change"}),
    "DELETE /api/apps/<app>/files/<path:path>": Try(),
    "POST /api/apps/<app>/functions": Try(json={"name": "hello", **CODE}),
    "POST /api/apps/<app>/pulls/<number>/preview": Try(json={"commit": "a" * 40}, is_done_twice=True),
    "POST /api/apps/<app>/resume": Try(json=PRODUCTION, is_done_twice=True),
    "POST /api/apps/<app>/rollback": Try(json={**PRODUCTION, "to": "dpl_0001_1"}, is_done_twice=True),
    "POST /api/apps/<app>/sync": Try(),
    "POST /api/deliveries/<guid>/replay": Try(json={}),
    "POST /api/deliveries/redeliver": Try(json={}),
    "POST /api/deliveries/replay": Try(json={"since": NOON.isoformat()}),
    "POST /api/deployments/<deployment>/promote": Try(json=PRODUCTION),
    "POST /api/deployments/<deployment>/redeploy": Try(json={}),
    "POST /api/deployments/<deployment>/restore": Try(names=EXPIRED),
    "POST /api/jobs/<job>/cancel": Try(json={}),
    "POST /api/jobs/<job>/retry": Try(json={}, names=FAILED),
    "POST /api/reconcile": Try(json={}),
    "POST /api/tokens": Try(json={"name": "other", "scope": "apps:read"}),
    "DELETE /api/tokens/<token>": Try(),
    "DELETE /api/tokens/current": Try(),
    "POST /api/workers": Try(json={"name": "new", **CODE}),
    "PUT /api/workers/<worker>": Try(json=CODE),
    "PATCH /api/workers/<worker>": Try(json={"keep": True}),
    "DELETE /api/workers/<worker>": Try(),
    "POST /api/workers/<worker>/app": Try(json={"name": "new"}),
    "POST /api/workers/<worker>/functions/<function>/jobs": Try(json={}),
    "POST /api/workers/<worker>/restore": Try(names=GONE),
    "POST /api/workers/<worker>/versions/<version>/restore": Try(json={}),
    "POST /apps/<app>/delete": Try(form={"confirmation": "app-1"}),
    "POST /apps/<app>/heal": Try(form={"heal": "all"}, by=BOTH),
    "POST /apps/<app>/policy": Try(form={"heal": "off"}),
    "POST /apps/<app>/promote": Try(form={**PRODUCTION, "deployment": "dpl_0003_1"}),
    "POST /apps/<app>/redeploy": Try(form={"deployment": "dpl_0003_1"}),
    "POST /apps/<app>/resume": Try(form=PRODUCTION),
    "POST /apps/<app>/rollback": Try(form=PRODUCTION),
    "POST /apps/<app>/variables": Try(form={**PRODUCTION, **VALUE, "name": "COLOUR"}),
    "POST /apps/<app>/variables/remove": Try(form={**PRODUCTION, "name": "COLOUR"}),
    "POST /apps/new": Try(form={"name": "new"}),
    "POST /deliveries/<guid>/replay": Try(),
    "POST /deployments/<deployment>/restore": Try(names=EXPIRED),
    "POST /jobs/<job>/cancel": Try(),
    "POST /jobs/<job>/retry": Try(names=FAILED),
    "POST /logout": Try(),
    "POST /workers/<worker>": Try(form=FORM_OF_CODE),
    "POST /workers/<worker>/delete": Try(),
    "POST /workers/<worker>/keep": Try(form={"keep": "yes"}),
    "POST /workers/<worker>/restore": Try(names=GONE),
    "POST /workers/<worker>/versions/<version>/restore": Try(),
    "POST /workers/new": Try(form={"name": "new", **PRODUCTION, **FORM_OF_CODE}),
}
COUNTED: Final = "a call that is answered at once: it changes nothing here, and is counted"
NOBODY_YET: Final = "nobody is known yet: `person:signed-in` says who it was (test_web_login.py)"
A_SENDER: Final = (
    "no caller of ours: who sends it has a proof of its own, and its facts say github or workflow"
)
# What a URL names where a try says nothing else.
USUAL: Final = {
    "app": "app-1",
    "deployment": "dpl_0003_1",
    "environment": "production",
    "function": "hello",
    "guid": "guid-2",
    "name": "COLOUR",
    "number": "7",
    "path": "README.md",
    "worker": "shop",
}
NO_ACT: Final[Mapping[str, str]] = {
    "POST /api/deployments/<deployment>/functions/<function>": COUNTED,
    "POST /api/deployments/<deployment>/invoke/<function>": COUNTED,
    "POST /api/workers/<worker>/functions/<function>": COUNTED,
    "POST /api/workers/<worker>/invoke/<function>": COUNTED,
    "POST /deployments/<deployment>/functions": COUNTED,
    "POST /workers/<worker>/invoke": COUNTED,
    "POST /api/login/device": NOBODY_YET,
    "POST /api/login/device/token": NOBODY_YET,
    "POST /login": NOBODY_YET,
    "POST /api/deployments": A_SENDER,
    "POST /webhooks/deployments": A_SENDER,
    "POST /webhooks/github": A_SENDER,
}


@pytest.fixture
def github() -> FakeSignIn:
    return FakeSignIn()


@pytest.fixture
def world(migrated_sqlite_url: str, github: FakeSignIn) -> Iterator[World]:
    world = World(migrated_sqlite_url, sign_in=github, operators=frozenset({"ada"}))
    yield world
    world.live.follower.close()
    world.close()


def arrange(world: World) -> dict[str, str]:
    """Have something of all that can be acted on, and return its names."""
    make_an_app(world)
    with world.records.begin() as tx:
        failed = tx.jobs.enqueue(JobType.PUBLISH, "app_0001", {"deployment": "dpl_0001_1"})
        tx.jobs.save(replace(failed, status=JobStatus.FAILED))
        queued = tx.jobs.enqueue(JobType.PUBLISH, "app_0001", {"deployment": "dpl_0001_1"})
        tx.deliveries.add(a_delivery(2, status=DeliveryStatus.FAILED, attempts=1, error="no such branch"))
    return {**USUAL, "failed": failed.id, "job": queued.id, "version": make_workers(world)}


def make_an_app(world: World) -> None:
    """Have an app of which two deployments were live, one is a preview and one has expired."""
    world.app(1)
    world.host.add_repository("acme/app-1", {"README.md": b"# Shop\n", "worker/index.ts": b""})
    kept(world, 1)
    live(world, kept(world, 2))
    live(world, kept(world, 3, **PREVIEW))
    kept(world, 4, retired_at=at(9))
    with world.records.begin() as tx:
        tx.pulls.save(a_pull(7, is_from_fork=True, head_repository_id=666))
    place = "/api/apps/app-1/environments/production"
    assert world.call("PUT", f"{place}/variables/COLOUR", json={"value": "blue"}).status_code == 201
    assert world.call("PUT", f"{place}/secrets/PASSWORD", json={"value": "old"}).status_code == 201


def make_workers(world: World) -> str:
    """Have a worker that has expired, and one that is up; return the id of that one's version."""
    assert world.call("POST", "/api/workers", json={"name": "gone", **CODE}).status_code == 201
    world.clock.advance(8 * 86400)
    sweep_workers(world.records, world.clock())
    made = world.call("POST", "/api/workers", json={"name": "shop", **CODE})
    return str(made.get_json()["version"])


@dataclass(frozen=True, slots=True)
class Somebody:
    """Who acts: `actor` as facts name them, and what a request of theirs bears."""

    actor: str
    browser: FlaskClient
    headers: Mapping[str, str]


def somebody(world: World, github: FakeSignIn, kind: str, names: dict[str, str]) -> Somebody:
    """Sign ada in twice, who may do everything, and return her, or a token of hers."""
    browser, other = world.web.test_client(), world.web.test_client()
    for it in (other, browser):
        enter(it, github)
    with world.records.read() as tx:
        person = tx.people.by_github_id(1)
        assert person is not None
        names["session"] = tx.sessions.of(person.id)[-1].digest
    token = bearing(world, person)
    with world.records.read() as tx:
        names["token"] = tx.api_tokens.list(person.id)[0].id
    if kind == "token":
        return Somebody("token:ci", world.web.test_client(), token)
    return Somebody("person:ada", browser, {**OURS, FORM_HEADER: form_key(browser)})


def done(who: Somebody, route: str, given: Try, names: Mapping[str, str]) -> TestResponse:
    """Do an act, which has to succeed."""
    method, rule = route.split()[:2]
    named = {**names, **{key: filled(value, names) for key, value in given.names.items()}}
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: named[found[1]], rule)
    form = {key: filled(value, names) for key, value in (given.form or {}).items()} or None
    answer = who.browser.open(path, method=method, headers=dict(who.headers), json=given.json, data=form)
    assert answer.status_code < 400, answer.text
    return answer


def filled(value: str, names: Mapping[str, str]) -> str:
    return names[value[1:]] if value.startswith("$") else value


def facts(world: World) -> list[Event]:
    with world.records.read() as tx:
        return list(tx.events.page(Selection(), limit=1000))


def _usual_kind(route: str) -> str:
    return "token" if " /api/" in route else "person"


# -------------------- no route is forgotten


def test_of_every_route_that_changes_something_it_is_known_who_did_it(world: World) -> None:
    found = {
        f"{method} {rule.rule}"
        for rule in world.web.url_map.iter_rules()
        for method in (rule.methods or set()) & UNSAFE
    }
    assert found == {" ".join(it.split()[:2]) for it in TRIES} | NO_ACT.keys()
    assert not TRIES.keys() & NO_ACT.keys()


@pytest.mark.parametrize(
    ("route", "kind"),
    [(route, kind) for route, it in TRIES.items() for kind in it.by or (_usual_kind(route),)],
)
def test_every_act_is_a_fact_with_who_did_it(world: World, github: FakeSignIn, route: str, kind: str) -> None:
    names = arrange(world)
    who = somebody(world, github, kind, names)
    for _ in range(2 if TRIES[route].is_done_twice else 1):
        before = {it.id for it in facts(world)}
        done(who, route, TRIES[route], names)
        told = [(it.tag, it.actor) for it in facts(world) if it.id not in before]
        assert told, route
        assert {actor for _, actor in told} == {who.actor}, told
