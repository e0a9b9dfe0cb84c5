"""Open streams of events tell at once of what their reader has just made, long before they look again."""

from collections.abc import Iterator

import pytest

from app.domain.callers import Person
from app.domain.events import Event, Tag
from app.pipeline.provision import Order, request_app
from tests.builders import a_worker
from tests.integration.web.people import a_person, bearing
from tests.integration.web.test_web_sight import follow
from tests.integration.web.world import World


@pytest.fixture
def world(migrated_url: str) -> Iterator[World]:
    world = World(migrated_url)
    yield world
    world.live.follower.close()
    world.close()


def deploy(world: World, number: int, owner: Person | None = None) -> None:
    """Have a worker made as `branchline workers deploy` does: its row first, then its fact."""
    worker = a_worker(number, owner_id=owner.id if owner else None)
    with world.records.begin() as tx:
        tx.workers.add(worker)
    tell_of(world, worker.id)


def tell_of(world: World, worker_id: str) -> None:
    with world.records.begin() as tx:
        tx.events.append(Event(Tag.WORKER_DEPLOYED, worker_id, "person:ada", world.clock(), {}))


def test_a_worker_that_its_reader_has_just_put_up_is_told_of(world: World) -> None:
    ada, grace = a_person(world, "ada"), a_person(world, "grace")
    deploy(world, 9, ada)
    stream = follow(world, bearing(world, ada), tag="worker:")
    deploy(world, 1, ada)
    deploy(world, 2, grace)
    deploy(world, 3)
    deploy(world, 4, ada)
    tell_of(world, "wrk_0009")
    assert stream.subjects(1) == ["wrk_0001"]
    assert stream.subjects(2) == ["wrk_0004", "wrk_0009"]
    deploy(world, 5, ada)
    tell_of(world, "wrk_0009")
    assert stream.subjects(1) == ["wrk_0005"]
    stream.answer.close()


def test_an_app_that_its_reader_has_just_asked_for_is_told_of(world: World) -> None:
    ada = a_person(world, "ada", is_member=True)
    deploy(world, 9, ada)
    stream = follow(world, bearing(world, ada))
    answer = world.client.post("/api/apps", json={"name": "shop"}, headers=dict(bearing(world, ada)))
    tell_of(world, "wrk_0009")
    for tag in ("app:requested", "job:queued", "worker:deployed"):
        assert stream.next().data["tag"] == tag
    assert answer.status_code == 202
    assert world.host.faults.calls.count("own") == 1
    stream.answer.close()


def test_what_was_held_back_when_a_connection_broke_is_told_to_who_comes_back(world: World) -> None:
    ada = a_person(world, "ada")
    deploy(world, 9, ada)
    headers = bearing(world, ada)
    stream = follow(world, headers)
    deploy(world, 1, ada)
    tell_of(world, "wrk_0009")
    assert stream.subjects(1) == ["wrk_0001"]
    stream.answer.close()
    again = follow(world, {**headers, "Last-Event-ID": stream.last})
    assert again.subjects(1) == ["wrk_0009"]
    again.answer.close()


def test_a_fact_of_somebody_elses_new_app_reaches_nobody(world: World) -> None:
    ada = a_person(world, "ada")
    deploy(world, 9, ada)
    stream = follow(world, bearing(world, ada))
    with world.records.begin() as tx:
        request_app(tx, Order("other"), at=world.clock(), entropy=world.workshop.entropy, actor="grace")
    tell_of(world, "wrk_0009")
    assert stream.subjects(1) == ["wrk_0009"]
    stream.answer.close()
