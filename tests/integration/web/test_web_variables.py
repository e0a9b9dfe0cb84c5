"""Variables and secrets over HTTP: what is asked, what is answered, and that no secret ever comes back."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
import sqlalchemy
from werkzeug.test import TestResponse

from app.domain.aliases import Alias
from app.domain.apps import AppStatus
from app.domain.bundles import Bundle, Module
from app.domain.deployments import Status
from app.domain.environments import Environment
from app.domain.jobs import Job, JobType
from app.pipeline.putting import Putter
from app.pipeline.release import release
from app.vault import FernetVault
from tests.builders import NOON, a_deployment
from tests.fakes.bundles import FakeBundles
from tests.fakes.jobs import FakeSteps
from tests.fakes.scripts import FakeScripts
from tests.integration.web.described import assert_described
from tests.integration.web.world import BY_ITSELF, PLATFORM, VAULT_KEY, World, error_of

PLACE: Final = "/api/apps/app-1/environments/production"
VARIABLES: Final = f"{PLACE}/variables"
SECRETS: Final = f"{PLACE}/secrets"
CANARY: Final = "canary-of-a-secret-5f0c"


@pytest.fixture
def shop(world: World) -> World:
    world.app(1)
    return world


def put(world: World, place: str, value: Any) -> TestResponse:
    return world.call("PUT", place, json={"value": value})


def live(world: World, bundles: FakeBundles | None = None) -> None:
    """Have production of app 1 show a deployment."""
    bundles = bundles or FakeBundles()
    module = Module("index.js", "application/javascript+module", bundles.keep(b"code"), 4)
    digest = bundles.save(Bundle("index.js", [module], "2026-11-01"))
    production = Environment.PRODUCTION
    deployment = a_deployment(
        1, status=Status.READY, bundle=digest, uploaded_at=NOON, namespace=PLATFORM.namespaces[production]
    )
    alias = Alias("app_0001", "slug0001", production, deployment.namespace, NOON, deployment_id=deployment.id)
    with world.records.begin() as tx:
        tx.deployments.add(deployment)
        tx.aliases.save(alias)


def releases(world: World) -> list[Job]:
    with world.records.read() as tx:
        return [tx.jobs.get(job.id) for job in tx.jobs.unfinished() if job.type is JobType.RELEASE]


# -------------------- variables


def test_a_variable_is_set_shown_changed_and_removed(shop: World) -> None:
    first = put(shop, f"{VARIABLES}/COLOUR", "red")
    assert first.status_code == 201
    changed = {"name": "COLOUR", "environment": "production", "updatedAt": "2026-11-22T12:00:00Z"}
    assert first.get_json() == {**changed, "applied": None}
    shown = {**changed, "value": "red", "actor": "operator"}
    assert shop.get(f"{VARIABLES}/COLOUR") == shown
    assert shop.get(VARIABLES) == {"items": [shown], "nextCursor": None}
    shop.clock.advance(1)
    assert put(shop, f"{VARIABLES}/COLOUR", "blue").status_code == 200
    assert shop.get(f"{VARIABLES}/COLOUR")["value"] == "blue"
    gone = shop.call("DELETE", f"{VARIABLES}/COLOUR")
    assert gone.status_code == 200
    assert gone.get_json() == {**changed, "updatedAt": "2026-11-22T12:00:01Z", "applied": None}
    assert error_of(shop.call("GET", f"{VARIABLES}/COLOUR"))["code"] == "variable:not-found"
    assert shop.call("DELETE", f"{VARIABLES}/COLOUR").status_code == 404


def test_several_are_set_together(shop: World) -> None:
    live(shop)
    put(shop, f"{VARIABLES}/KEPT", "1")
    answer = shop.call("PATCH", VARIABLES, json={"values": {"B": "2", "A": ""}})
    assert answer.status_code == 200
    assert answer.get_json()["names"] == ["B", "A"]
    assert [it["name"] for it in shop.get(VARIABLES)["items"]] == ["A", "B", "KEPT"]
    assert len(releases(shop)) == 2


@pytest.mark.parametrize("kind", [VARIABLES, SECRETS])
def test_what_is_live_is_brought_in_line_by_a_job(shop: World, kind: str) -> None:
    live(shop)
    applied = put(shop, f"{kind}/NAME", "1").get_json()["applied"]
    (job,) = releases(shop)
    assert applied == {
        "jobId": job.id,
        "pollUrl": f"https://branchline.test/api/jobs/{job.id}",
        "jobIds": [job.id],
    }
    assert (job.app_id, job.arguments) == ("app_0001", {"script": "slug0001"})
    assert shop.get(f"/api/jobs/{job.id}")["type"] == "release"
    assert put(shop, f"{kind}/NAME", "1").get_json()["applied"] is None
    assert shop.call("DELETE", f"{kind}/NAME").get_json()["applied"] is not None
    assert len(releases(shop)) == 2


# -------------------- secrets


def test_a_secret_is_set_and_never_shown(shop: World) -> None:
    assert put(shop, f"{SECRETS}/TOKEN", CANARY).status_code == 201
    shown = {
        "name": "TOKEN",
        "environment": "production",
        "updatedAt": "2026-11-22T12:00:00Z",
        "actor": "operator",
    }
    assert shop.get(f"{SECRETS}/TOKEN") == shown
    assert shop.get(SECRETS) == {"items": [shown], "nextCursor": None}
    assert shop.get(VARIABLES)["items"] == []
    assert error_of(shop.call("GET", f"{VARIABLES}/TOKEN"))["code"] == "variable:not-found"
    assert put(shop, f"{SECRETS}/TOKEN", "another").status_code == 200
    assert shop.call("PATCH", SECRETS, json={"values": {"TOKEN": "x", "OTHER": "y"}}).status_code == 200
    assert shop.call("DELETE", f"{SECRETS}/TOKEN").status_code == 200
    assert error_of(shop.call("DELETE", f"{SECRETS}/TOKEN"))["code"] == "secret:not-found"


# -------------------- what is refused


@pytest.mark.parametrize(
    ("place", "value", "status", "code"),
    [
        (f"{VARIABLES}/2FA", "x", 400, "variable:invalid-name"),
        (f"{VARIABLES}/A-B", "x", 400, "variable:invalid-name"),
        (f"{VARIABLES}/BRANCHLINE_COMMIT", "x", 400, "variable:invalid-name"),
        (f"{VARIABLES}/A", "x" * 5121, 400, "variable:invalid-value"),
        (f"{VARIABLES}/A", "x\0", 400, "variable:invalid-value"),
        (f"{VARIABLES}/A", 5, 400, "request:invalid"),
        (f"{VARIABLES}/A", None, 400, "request:invalid"),
        (f"{VARIABLES}/A", ["x"], 400, "request:invalid"),
        (f"{SECRETS}/COLOUR", "x", 409, "secret:is-variable"),
        (f"{VARIABLES}/TOKEN", "x", 409, "variable:is-secret"),
        ("/api/apps/app-1/environments/test/variables/A", "x", 400, "request:invalid"),
        ("/api/apps/nothing/environments/production/variables/A", "x", 404, "app:not-found"),
        ("/api/apps/app-2/environments/production/variables/A", "x", 409, "app:deleting"),
    ],
)
def test_what_cannot_be_is_refused(shop: World, place: str, value: Any, status: int, code: str) -> None:
    shop.app(2, status=AppStatus.DELETING)
    put(shop, f"{VARIABLES}/COLOUR", "red")
    put(shop, f"{SECRETS}/TOKEN", CANARY)
    answer = put(shop, place, value)
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)


def test_a_surrogate_is_no_text(shop: World) -> None:
    for kind in (VARIABLES, SECRETS):
        body = b'{"value": "canary\\ud800"}'
        answer = shop.call("PUT", f"{kind}/A", data=body, content_type="application/json")
        assert answer.status_code == 400
        assert "canary" not in answer.text


@pytest.mark.parametrize("values", [{}, {f"V{number}": "" for number in range(101)}, {"A": 1}, ["A"], None])
def test_what_is_no_table_of_values_is_refused(shop: World, values: Any) -> None:
    assert shop.call("PATCH", VARIABLES, json={"values": values}).status_code == 400
    assert shop.get(VARIABLES)["items"] == []


def test_too_many_are_refused(shop: World) -> None:
    shop.call("PATCH", SECRETS, json={"values": {f"V{number}": "x" for number in range(100)}})
    answer = put(shop, f"{VARIABLES}/ONE_MORE", "x")
    assert (answer.status_code, error_of(answer)["code"]) == (409, "variable:too-many")


def test_variables_need_the_gateway(migrated_sqlite_url: str) -> None:
    world = World(migrated_sqlite_url, platform=BY_ITSELF)
    world.app(1)
    answers = [
        put(world, f"{VARIABLES}/A", "x"),
        put(world, f"{SECRETS}/A", "x"),
        world.call("PATCH", SECRETS, json={"values": {"A": "x"}}),
        world.call("DELETE", f"{VARIABLES}/A"),
    ]
    for answer in answers:
        assert (answer.status_code, error_of(answer)["code"]) == (409, "variable:needs-gateway")
    assert world.get(VARIABLES)["items"] == []
    world.close()


@pytest.mark.parametrize("method", ["GET", "PATCH"])
@pytest.mark.parametrize("place", [VARIABLES, SECRETS])
def test_nobody_comes_without_the_token(shop: World, method: str, place: str) -> None:
    assert shop.call(method, place, json={"values": {"A": "x"}}, headers={}).status_code == 401


# -------------------- the description

ROOM: Final = "/api/apps/{app}/environments/{environment}"
ASKED: Final[list[tuple[str, str, int, Mapping[str, Any]]]] = [
    ("GET", "", 200, {}),
    ("GET", "", 404, {"app": "nothing"}),
    ("PATCH", "", 200, {"json": {"values": {"A": "1"}}}),
    ("PATCH", "", 413, {"json": {"values": {"A": "1" * 20_000}}}),
    ("PATCH", "", 409, {"json": {"values": {"A": "1"}}, "app": "app-2"}),
    ("GET", "/{name}", 200, {}),
    ("GET", "/{name}", 404, {"name": "NOTHING"}),
    ("PUT", "/{name}", 201, {"name": "NEW", "json": {"value": "1"}}),
    ("PUT", "/{name}", 200, {"json": {"value": "1"}}),
    ("PUT", "/{name}", 400, {"name": "2FA", "json": {"value": "1"}}),
    ("PUT", "/{name}", 409, {"json": {"value": "1"}, "app": "app-2"}),
    ("PUT", "/{name}", 413, {"json": {"value": "1" * 20_000}}),
    ("DELETE", "/{name}", 200, {}),
    ("DELETE", "/{name}", 404, {"name": "NOTHING"}),
    ("DELETE", "/{name}", 409, {"app": "app-2"}),
]
CALLS: Final = [
    (method, f"{ROOM}/{kind}{rest}", status, given)
    for kind in ("variables", "secrets")
    for method, rest, status, given in ASKED
]


@pytest.mark.parametrize(
    ("method", "path", "status", "given"), CALLS, ids=[f"{call[0]} {call[1]} {call[2]}" for call in CALLS]
)
def test_what_is_answered_is_what_is_described(
    migrated_sqlite_url: str, method: str, path: str, status: int, given: Mapping[str, Any]
) -> None:
    world = World(migrated_sqlite_url, maximum_body_bytes=10_000)
    world.app(1)
    world.app(2, status=AppStatus.DELETING)
    live(world)
    kind = path.split("/")[6]
    assert put(world, f"{PLACE}/{kind}/KNOWN", "0").status_code == 201
    document = world.client.get("/api/openapi.json").get_json()
    place = path.format(
        app=given.get("app", "app-1"), environment="production", name=given.get("name", "KNOWN")
    )
    answer = world.call(method, place, json=given.get("json"))
    assert answer.status_code == status, answer.text
    assert_described(document, method, path, answer)
    world.close()


# -------------------- the canary


@pytest.fixture
def city(migrated_url: str) -> Iterator[World]:
    """One control plane on each database, with something live."""
    world = World(migrated_url)
    world.app(1)
    yield world
    world.close()


def everything_kept(world: World) -> str:
    """Return all rows of all tables as text."""
    tables = sqlalchemy.inspect(world.database).get_table_names()
    with world.database.connect() as connection:
        return repr([connection.execute(sqlalchemy.text(f"SELECT * FROM {it}")).all() for it in tables])  # noqa: S608 - the database's own names


def all_answers(world: World) -> str:
    """Ask for everything that can be asked for, rightly and wrongly; return what was answered."""
    long, half = f"{CANARY}{'x' * 6000}", f'{{"value": "{CANARY}'
    put(world, f"{VARIABLES}/PLAIN", "red")
    answers = [
        put(world, f"{SECRETS}/TOKEN", CANARY),
        put(world, f"{SECRETS}/TOKEN", CANARY),
        put(world, f"{SECRETS}/TOKEN", f"{CANARY}-new"),
        put(world, f"{SECRETS}/TOKEN", CANARY),
        world.call("PATCH", SECRETS, json={"values": {"A": CANARY, "B": f"{CANARY}2"}}),
        *(
            world.call(method, f"{SECRETS}{rest}")
            for rest in ("", "/TOKEN", "/NONE")
            for method in ("GET", "POST")
        ),
        *(put(world, f"{SECRETS}/{name}", CANARY) for name in ("2FA", "PLAIN", "BRANCHLINE_X")),
        *(put(world, f"{SECRETS}/TOKEN", value) for value in (long, f"{CANARY}\0", [CANARY], {CANARY: 1})),
        world.call("PUT", f"{SECRETS}/TOKEN", data=half, content_type="application/json"),
        world.call("PUT", f"{SECRETS}/TOKEN", json={"text": CANARY}),
        world.call("PATCH", SECRETS, json={"values": {"A": CANARY, "2FA": CANARY}}),
        world.call("PATCH", SECRETS, json={"values": {"A": [CANARY]}}),
        put(world, f"{VARIABLES}/TOKEN", CANARY),
        world.call("DELETE", f"{SECRETS}/B"),
        *(world.call("GET", f"/api/{it}") for it in ("apps", "apps/app-1", "deliveries", "openapi.json")),
    ]
    with world.records.read() as tx:
        jobs = [job.id for job in tx.jobs.unfinished()]
    assert jobs
    answers += [world.call("GET", f"/api/jobs/{job_id}") for job_id in jobs]
    return "\n".join(f"{answer.status_code} {answer.headers} {answer.text}" for answer in answers)


def test_a_secret_comes_out_nowhere_but_in_the_script(
    city: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    bundles, scripts, vault = FakeBundles(), FakeScripts(), FernetVault([VAULT_KEY])
    for namespace in PLATFORM.namespaces.values():
        scripts.ensure_namespace(namespace)
    live(city, bundles)
    told = all_answers(city)
    assert CANARY not in told
    putter = Putter(city.records, scripts, bundles, vault, PLATFORM, city.clock)
    steps = FakeSteps()
    jobs = releases(city)
    results = [release(job, steps, putter) for job in jobs[:1]]
    (upload,) = scripts.uploads.values()
    texts = {it["name"]: it["text"] for it in upload.bindings}
    assert (texts["TOKEN"], texts["A"], texts["PLAIN"]) == (CANARY, CANARY, "red")  # it was there to be found
    with city.records.read() as tx:
        kept = tx.variables.of("app_0001", Environment.PRODUCTION)
        events = tx.events.about("app_0001")
    for place, text in {
        "rows": everything_kept(city),
        "bundle": f"{bundles.blobs} {upload.bundle.to_json()!r}",
        "values": f"{kept} {upload} {putter} {city.web.extensions} {vars(vault)}",
        "events": repr(events),
        "jobs": f"{jobs} {results} {steps}",
        "log": caplog.text,
        "output": "".join(capfd.readouterr()),
    }.items():
        assert CANARY not in text, f"the secret is in the {place}"
    assert events
    assert kept


class Broken:
    """A vault that breaks in our own code."""

    def seal(self, place: str, text: str) -> str:
        raise RuntimeError(f"{place} of {len(text)} characters")

    open = seal

    def is_current(self, sealed: str) -> bool:
        del sealed
        return True


def test_a_secret_is_in_no_log_when_we_break(city: World, caplog: pytest.LogCaptureFixture) -> None:
    broken = World(city.database.url.render_as_string(hide_password=False), vault=Broken())
    answer = put(broken, f"{SECRETS}/TOKEN", CANARY)
    broken.close()
    assert answer.status_code == 500
    assert "Traceback" in caplog.text
    assert CANARY not in caplog.text + answer.text


def test_a_secret_is_in_no_log_when_the_database_breaks(
    city: World, caplog: pytest.LogCaptureFixture
) -> None:
    with city.database.begin() as connection:
        connection.execute(sqlalchemy.text("DROP TABLE variables"))
    for kind in (VARIABLES, SECRETS):
        answer = put(city, f"{kind}/TOKEN", CANARY)
        assert answer.status_code == 500
        assert CANARY not in answer.text
    assert "variables" in caplog.text
    assert CANARY not in caplog.text


def test_a_secret_can_be_set_again_when_its_key_is_gone(city: World) -> None:
    put(city, f"{SECRETS}/TOKEN", CANARY)
    url = city.database.url.render_as_string(hide_password=False)
    other = World(url, vault=FernetVault([VAULT_KEY.replace("Y", "Z", 1)]))
    assert put(other, f"{SECRETS}/TOKEN", CANARY).status_code == 200
    assert other.call("DELETE", f"{SECRETS}/TOKEN").status_code == 200
    other.close()


def test_two_at_once_leave_one_of_both(city: World) -> None:
    """The app is held, so that what one has counted and compared is true when it writes."""
    with city.records.begin() as tx:
        tx.apps.get("app_0001", lock=True)
        other = World(city.database.url.render_as_string(hide_password=False))
        assert put(other, f"{VARIABLES}/A", "1").status_code == 503
        other.close()
    assert put(city, f"{VARIABLES}/A", "1").status_code == 201
