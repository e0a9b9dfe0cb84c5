"""`/api/events`: pages, streams that are cut and taken up, and archives."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.domain.archives import Archive, packed
from app.domain.events import Event, Tag
from app.web import following
from tests.builders import a_deployment, at
from tests.integration.web.world import AUTHORIZED, World


@pytest.fixture
def world(migrated_url: str) -> Iterator[World]:
    world = World(migrated_url)
    yield world
    world.live.follower.close()
    wait_until(lambda: not follows())
    world.close()


def follows() -> bool:
    return any(it.name == "branchline-follower" for it in threading.enumerate())


def wait_until(is_so: Any) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline, "it never came to be so"
        time.sleep(0.01)


def tell(world: World, *subjects: str, tag: Tag = Tag.BRANCH_PUSHED, **more: Any) -> None:
    for number, subject in enumerate(subjects):
        with world.records.begin() as tx:
            tx.events.append(Event(tag, subject, "token", at(number), more))


@dataclass
class Message:
    """One event as a browser takes it."""

    name: str
    id: str
    data: Any


class Stream:
    """A stream's answer, read event by event."""

    def __init__(self, answer: TestResponse) -> None:
        assert answer.status_code == 200, answer.text
        assert answer.mimetype == "text/event-stream"
        self.answer = answer
        self.last = ""
        self._parts = answer.iter_encoded()
        self._lines = list[str]()

    def next(self) -> Message:
        """Return the next event; what bears an id alone only moves the place."""
        name, data = "message", None
        while True:
            while not self._lines:
                self._lines += next(self._parts).decode().split("\n")[:-1]
            field, _, value = self._lines.pop(0).partition(": ")
            if field == "id":
                self.last = value
            elif field == "event":
                name = value
            elif field == "data":
                data = json.loads(value)
            elif field == "" and data is not None:
                return Message(name, self.last, data)

    def subjects(self, number: int) -> list[str]:
        return [self.next().data["subject"] for _ in range(number)]

    def open_up(self) -> None:
        """Read up to where it says how far it is."""
        while not self.last:
            self._lines += next(self._parts).decode().split("\n")[:-1]
            self.last = next((it[4:] for it in self._lines if it.startswith("id: ")), "")


def follow(world: World, last: str | None = None, **query: str) -> Stream:
    headers = AUTHORIZED | ({"Last-Event-ID": last} if last else {})
    answer = world.client.get("/api/events/stream", query_string=query, headers=headers, buffered=False)
    return Stream(answer)


# -------------------- pages


def test_facts_are_listed_newest_first_and_go_on_from_a_place(world: World) -> None:
    tell(world, *"abcde")
    first = world.get("/api/events", limit=2)
    assert [it["subject"] for it in first["items"]] == ["e", "d"]
    rest = world.get("/api/events", before=first["nextCursor"])
    assert [it["subject"] for it in rest["items"]] == ["c", "b", "a"]
    assert rest["nextCursor"] is None
    forth = world.get("/api/events", after=rest["items"][-1]["place"], limit=3)
    assert [it["subject"] for it in forth["items"]] == ["b", "c", "d"]
    last = world.get("/api/events", after=forth["nextCursor"])
    assert [it["subject"] for it in last["items"]] == ["e"]


def test_facts_are_chosen_by_app_subject_and_tag(world: World) -> None:
    app = world.app()
    tell(world, "dpl_1", tag=Tag.DEPLOYMENT_QUEUED, app=app.id)
    tell(world, "dpl_2", tag=Tag.DEPLOYMENT_READY, app="app_other")
    tell(world, app.id)
    assert [it["subject"] for it in world.get("/api/events", app=app.name)["items"]] == [app.id, "dpl_1"]
    found = world.get("/api/events", app=app.id, tag="deployment:")["items"]
    assert [it["subject"] for it in found] == ["dpl_1"]
    (one,) = world.get("/api/events", subject="dpl_2")["items"]
    assert one["tag"] == "deployment:ready"
    assert one["appId"] == "app_other"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"tag": "deployment:exploded"}, 400, "event:unknown-tag"),
        ({"tag": "no"}, 400, "event:unknown-tag"),
        ({"after": "5"}, 400, "event:invalid-place"),
        ({"before": "99999999999999999999-1"}, 400, "event:invalid-place"),
        ({"after": "0-77"}, 410, "event:lost-place"),
        ({"app": "nobody"}, 404, "app:not-found"),
        ({"limit": "0"}, 400, "request:invalid"),
        ({"since": "1"}, 400, "request:invalid"),
    ],
)
def test_questions_that_make_no_sense_are_refused(
    world: World, query: dict[str, str], status: int, code: str
) -> None:
    answer = world.call("GET", "/api/events", query_string=query)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (status, code)


# -------------------- streams


def test_a_stream_begins_now_and_tells_what_comes(world: World) -> None:
    tell(world, "before")
    stream = follow(world)
    tell(world, "one", "two")
    assert stream.subjects(2) == ["one", "two"]
    stream.answer.close()


def test_a_stream_goes_on_behind_the_last_event_without_gap_and_without_double(world: World) -> None:
    stream = follow(world)
    tell(world, "one", "two", "three")
    seen = [stream.next(), stream.next()]
    stream.answer.close()
    wait_until(lambda: not follows())
    tell(world, "four")
    again = follow(world, seen[-1].id)
    tell(world, "five")
    assert again.subjects(3) == ["three", "four", "five"]
    another = follow(world, after=seen[0].id)
    assert another.subjects(4) == ["two", "three", "four", "five"]
    again.answer.close()
    another.answer.close()


def test_a_reader_that_was_away_for_long_is_told_of_everything(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.live._PAGE", 3)
    tell(world, "first")
    (first,) = world.get("/api/events")["items"]
    subjects = [str(number) for number in range(10)]
    tell(world, *subjects)
    stream = follow(world, first["place"])
    assert stream.subjects(10) == subjects
    stream.answer.close()


def test_a_stream_tells_what_is_chosen_and_how_far_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following.Subscription.take, "__defaults__", (0.05,))
    stream = follow(world, tag="deployment:", app="app_1")
    stream.open_up()
    began = stream.last
    tell(world, "app_1")
    tell(world, "dpl_2", tag=Tag.DEPLOYMENT_READY, app="app_2")
    place = world.get("/api/events")["items"][0]["place"]
    assert place != began
    tell(world, "dpl_1", tag=Tag.DEPLOYMENT_READY, app="app_1")
    assert stream.subjects(1) == ["dpl_1"]
    stream.answer.close()


def test_what_cannot_be_told_any_more_is_said(world: World) -> None:
    stream = follow(world, "0-9999999" if world.database.dialect.name == "sqlite" else f"{2**40}-1")
    reset = stream.next()
    assert (reset.name, reset.data["code"]) == ("reset", "event:lost-place")
    tell(world, "next")
    assert stream.subjects(1) == ["next"]
    stream.answer.close()


def test_a_reader_that_does_not_read_is_cut_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_QUEUE", 3)
    slow = follow(world)
    slow.open_up()
    tell(world, *"abcdef")
    wait_until(lambda: world.live.follower.place.id == 6)
    with pytest.raises(StopIteration):
        slow.next()
    monkeypatch.undo()
    again = follow(world, slow.last)
    assert again.subjects(6) == list("abcdef")
    again.answer.close()


def test_more_streams_than_there_are_places_are_told_to_come_back(world: World) -> None:
    streams = [follow(world) for _ in range(4)]
    answer = world.call("GET", "/api/events/stream")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    streams.pop().answer.close()
    follow(world).answer.close()
    for stream in streams:
        stream.answer.close()


def test_streams_end_when_the_process_is_about_to(world: World) -> None:
    stream = follow(world)
    stream.open_up()
    world.live.follower.close()
    with pytest.raises(StopIteration):
        stream.next()


def test_nobody_follows_without_the_token(world: World) -> None:
    assert world.client.get("/api/events/stream").status_code == 401
    assert world.client.get("/api/events").status_code == 401


# -------------------- archives


def test_archives_are_listed_and_shown(world: World) -> None:
    tell(world, *"abc")
    with world.records.begin() as tx:
        due = tx.archives.due(at(2), limit=9)
        sha256, _ = world.cloud.bundles.write([packed(due)])
        tx.archives.keep(Archive.of(due, sha256, at(0) + timedelta(days=1)))
    (archive,) = world.get("/api/events/archives")["items"]
    assert (archive["number"], archive["sha256"]) == (2, sha256)
    answer = world.call("GET", f"/api/events/archives/{archive['firstId']}")
    assert [json.loads(line)["subject"] for line in answer.text.splitlines()] == ["a", "b"]
    assert answer.mimetype == "application/x-ndjson"
    missing = world.call("GET", "/api/events/archives/12345")
    assert missing.get_json()["error"]["code"] == "event:no-archive"
    answer = world.call("GET", "/api/events", query_string={"after": "0-0"})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (410, "event:archived")
    stream = follow(world, "0-0")
    assert stream.next().data["code"] == "event:archived"
    stream.answer.close()


def test_a_follower_goes_on_when_the_database_comes_back(world: World) -> None:
    stream = follow(world)
    stream.open_up()
    world.database.dispose()
    tell(world, "after")
    assert stream.subjects(1) == ["after"]
    stream.answer.close()


# -------------------- what was live then


def test_what_was_live_at_a_moment_is_told(world: World) -> None:
    app = world.app()
    deployment = a_deployment(app_id=app.id)
    payload = {
        "script": deployment.script,
        "environment": "production",
        "pullRequest": None,
        "deployment": deployment.id,
        "before": None,
        "pinned": False,
        "wasPinned": False,
        "why": "deployed",
    }
    with world.records.begin() as tx:
        tx.deployments.add(deployment)
        tx.marks.set("environment:changed", at(1).isoformat())
        fact = Event(Tag.ENVIRONMENT_CHANGED, deployment.script, "workflow", at(5), payload, app_id=app.id)
        tx.events.append(fact)
    world.clock.advance(600)
    told = world.get(f"/api/apps/{app.name}/at", time=at(6).isoformat())
    shown = told["environments"]["production"]
    assert (shown["deploymentId"], shown["by"], shown["why"]) == (deployment.id, "workflow", "deployed")
    assert told["isKnown"]
    assert told["environments"]["staging"] is None
    told = world.get(f"/api/apps/{app.name}/at", time=at(4).isoformat())
    assert told["environments"]["production"] is None
    for time_, status in ((at(10_000).isoformat(), 400), ("2026-11-22T12:00:00", 400), ("noon", 400)):
        answer = world.call("GET", f"/api/apps/{app.name}/at", query_string={"time": time_})
        assert answer.status_code == status
