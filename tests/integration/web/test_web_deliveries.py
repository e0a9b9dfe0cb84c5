"""The inbox over the API: filters, and replays of one and of many."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.deliveries import DeliveryStatus
from app.domain.events import Tag
from tests.builders import a_delivery, at
from tests.integration.web.world import World, error_of

PLACE = "/api/deliveries/replay"


@pytest.fixture
def world(world: World) -> World:
    """Keep one of every kind: worked off, failed, a duplicate, new."""
    done = a_delivery(status=DeliveryStatus.PROCESSED, processed_at=at(50), acked_version=1)
    with world.records.begin() as tx:
        for delivery in (
            done,
            a_delivery(2, status=DeliveryStatus.FAILED, attempts=1, error="no such branch"),
            replace(done, guid="guid-3", status=DeliveryStatus.DUPLICATE, received_at=at(3)),
            a_delivery(4, event="ping"),
        ):
            assert tx.deliveries.add(delivery)
    return world


def replay(world: World, status: int = 202, **body: Any) -> dict[str, Any]:
    answer = world.call("POST", PLACE, json=body)
    assert answer.status_code == status, answer.text
    return dict(answer.get_json())


def due(world: World) -> list[str]:
    with world.records.begin() as tx:
        return [it.guid for it in tx.deliveries.waiting(world.clock(), limit=10)]


@pytest.mark.parametrize(
    ("query", "guids"),
    [
        ({}, [4, 3, 2, 1]),
        ({"status": "failed"}, [2]),
        ({"event": "ping"}, [4]),
        ({"source": "workflow"}, []),
        ({"since": at(3).isoformat()}, [4, 3]),
        ({"until": at(3).isoformat()}, [2, 1]),
    ],
)
def test_a_list_is_filtered(world: World, query: dict[str, str], guids: list[int]) -> None:
    items = world.get("/api/deliveries", **query)["items"]
    assert [it["guid"] for it in items] == [f"guid-{number}" for number in guids]


@pytest.mark.parametrize(
    "query", [{"status": "lost"}, {"since": "yesterday"}, {"since": "0.5"}, {"colour": "blue"}]
)
def test_a_filter_that_is_none_is_refused(world: World, query: dict[str, str]) -> None:
    assert world.call("GET", "/api/deliveries", query_string=query).status_code == 400


def test_one_is_replayed(world: World) -> None:
    assert "guid-1" not in due(world)
    answer = world.call("POST", "/api/deliveries/guid-1/replay", json={"by": "ada"})
    assert (answer.status_code, answer.get_json()["ackedVersion"]) == (202, 1)
    assert "guid-1" in due(world)
    with world.records.read() as tx:
        (fact,) = tx.events.about("guid-1")
    assert (fact.tag, fact.actor) == (Tag.DELIVERY_REPLAY_REQUESTED, "ada")


def test_a_duplicate_is_not_replayed(world: World) -> None:
    answer = world.call("POST", "/api/deliveries/guid-3/replay", json={})
    assert (answer.status_code, error_of(answer)["code"]) == (409, "delivery:duplicate")


def test_an_unknown_one_is_not_found(world: World) -> None:
    assert world.call("POST", "/api/deliveries/guid-9/replay", json={}).status_code == 404


def test_many_are_replayed_in_parts(world: World) -> None:
    first = replay(world, since=at(0).isoformat(), limit=1)
    assert (first["number"], first["dryRun"]) == (1, False)
    second = replay(world, since=at(0).isoformat(), limit=1, after=first["next"])
    assert second["number"] == 1
    assert replay(world, since=at(0).isoformat(), after=second["next"]) == {
        "number": 0,
        "next": None,
        "dryRun": False,
    }
    world.clock.advance(60)
    assert sorted(due(world)) == ["guid-1", "guid-2", "guid-4"]


def test_a_rehearsal_only_counts(world: World) -> None:
    told = replay(world, 200, failed=True, dryRun=True)
    assert told == {"number": 1, "next": None, "dryRun": True}
    assert replay(world, 200, olderVersion=True, dryRun=True)["number"] == 1
    with world.records.read() as tx:
        assert tx.events.about("deliveries") == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"dryRun": True},
        {"failed": True, "olderVersion": True},
        {"failed": "yes"},
        {"since": "yesterday"},
        {"since": 0},
        {"failed": True, "limit": 501},
        {"failed": True, "after": -1},
        {"failed": True, "by": "github"},
        [],
    ],
)
def test_what_describes_nothing_is_refused(world: World, body: Any) -> None:
    assert world.call("POST", PLACE, json=body).status_code == 400


@pytest.mark.parametrize("path", [PLACE, "/api/deliveries/guid-1/replay"])
def test_a_replay_takes_the_token(world: World, path: str) -> None:
    assert world.call("POST", path, json={}, headers={}).status_code == 401
