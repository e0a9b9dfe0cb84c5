"""How pages become and stay current: where in the record they begin to follow it, where their parts are."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

import pytest
from werkzeug.routing import Rule

from app.domain.deliveries import DeliveryStatus
from app.domain.events import Event, Place, Selection, Tag
from app.domain.jobs import JobStatus, JobType
from app.errors import RemoteUnavailable
from app.ports import Transaction
from app.web.guard import is_open
from tests.builders import a_delivery, a_deployment, a_version, a_worker
from tests.integration.web.reading import Page
from tests.integration.web.world import AUTHORIZED, World

HTML: Final = {**AUTHORIZED, "Accept": "text/html"}
# Every page that follows the record.
FOLLOWING: Final = (
    "/",
    "/apps/app-1",
    "/activity",
    "/jobs",
    "/jobs/{job}",
    "/deliveries",
    "/deployments/dpl_0001_1",
    "/deployments/dpl_0001_1/log",
    "/workers",
    "/workers/wslug001",
)
# What every form is refused with, but for those that have nothing to choose.
NONSENSE: Final = {"environment": "nowhere", "heal": "nobody", "confirmation": "no", "name": "Not A Name"}
NEVER_REFUSED: Final = {"/workers/<worker>/delete", "/workers/<worker>/keep", "/workers/<worker>/restore"}
ADDRESSES: Final = ("data-live", "data-later")


@pytest.fixture
def job(world: World) -> str:
    """Keep one of everything that has a page, and return the id of the job."""
    world.app()
    world.host.add_repository("acme/app-1", {"a.txt": b"a"})
    with world.records.begin() as tx:
        tx.deployments.add(a_deployment(1))
        tx.deliveries.add(a_delivery(1, status=DeliveryStatus.DUPLICATE))
        tx.workers.add(a_worker(1))
        tx.versions.add(a_version(1))
        tell(tx, "before")
        return tx.jobs.enqueue(JobType.PUBLISH, "app_0001", {}).id


def tell(tx: Transaction, word: str) -> None:
    tx.events.append(Event(Tag.VARIABLE_SET, "app_0001", "ada", a_worker().created_at, {"name": word}))


def page(world: World, path: str) -> Page:
    answer = world.call("GET", path, headers=HTML)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


# -------------------- where a page begins to follow


@pytest.mark.parametrize("path", FOLLOWING)
def test_what_is_told_while_a_page_is_read_is_behind_where_it_begins(
    world: World, job: str, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    read, looks = world.records.read, list[int]()

    @contextmanager
    def read_later() -> Iterator[Transaction]:
        looks.append(1)
        if len(looks) == 2:
            with world.records.begin() as tx:
                tell(tx, "meanwhile")
        with read() as tx:
            yield tx

    monkeypatch.setattr(world.records, "read", read_later)
    body = page(world, path.format(job=job)).one("body")
    assert body["data-stream"].startswith("/api/events/stream")
    with read() as tx:
        behind = tx.events.page(Selection(), after=Place.parse(body["data-after"]))
    assert [it.payload for it in behind] == [{"name": "meanwhile"}]


def test_a_page_is_as_it_was_when_nobody_knows_where_it_begins(
    world: World, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, looks = world.records.read, list[int]()

    @contextmanager
    def read_at_last() -> Iterator[Transaction]:
        looks.append(1)
        if len(looks) == 1:
            raise RemoteUnavailable("using the database: it is locked", code="database:unavailable")
        with read() as tx:
            yield tx

    monkeypatch.setattr(world.records, "read", read_at_last)
    body = page(world, f"/jobs/{job}").one("body")
    assert "data-stream" in body.attributes
    assert "data-after" not in body.attributes


# -------------------- where the parts of a page are


def test_the_parts_of_a_page_are_where_it_is_after_a_form_was_refused(world: World, job: str) -> None:
    with world.records.begin() as tx:
        tx.jobs.save(replace(tx.jobs.get(job), status=JobStatus.COMPLETED))
    with_parts = {rule.rule for rule in forms(world) if addresses_of(world, rule, job)}
    assert with_parts >= {
        "/apps/<app>/delete",
        "/apps/<app>/heal",
        "/apps/<app>/rollback",
        "/apps/<app>/variables/remove",
        "/deployments/<deployment>/restore",
        "/jobs/<job>/cancel",
        "/jobs/<job>/retry",
        "/workers/<worker>",
        "/workers/<worker>/versions/<version>/restore",
    }


@pytest.mark.parametrize(
    "query", ["app=other", "endpoint=x", "_external=1&_scheme=gopher", "q=%F0%9F%A6%8A+%26"]
)
def test_the_parts_of_a_page_are_where_it_is_whatever_is_asked_beside(
    world: World, job: str, query: str
) -> None:
    del job
    parts = [it["data-live"] for it in page(world, f"/apps/app-1?{query}").all("section", aria_label="Drift")]
    assert parts == [f"/apps/app-1?{query}&part=drift"]


def forms(world: World) -> list[Rule]:
    """Return where the forms of pages go; those that may take away what others are about come last."""
    rules = [it for it in world.web.url_map.iter_rules() if it.endpoint.startswith("pages_")]
    unsafe = [it for it in rules if "POST" in (it.methods or ()) and not is_open(it.endpoint)]
    return sorted(unsafe, key=lambda it: it.rule in NEVER_REFUSED)


def addresses_of(world: World, rule: Rule, job: str) -> set[str]:
    """Return where the page that refuses a form says that its parts are, when they are all there."""
    named = {"app": "app-1", "job": job, "deployment": "dpl_0001_1", "worker": "wslug001", "guid": "guid-1"}
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: named.get(found[1], "none"), rule.rule)
    answer = world.call("POST", path, headers=HTML, data=NONSENSE)
    assert answer.status_code != 303 or rule.rule in NEVER_REFUSED, (
        f"{rule.rule} is not refused: see NONSENSE"
    )
    shown = Page(answer.text).all("section")
    addresses = {it[name] for it in shown for name in ADDRESSES if name in it.attributes}
    for address in addresses:
        part = world.call("GET", address, headers=HTML)
        assert (part.status_code, part.mimetype) == (200, "text/html"), (rule.rule, address)
    return addresses
