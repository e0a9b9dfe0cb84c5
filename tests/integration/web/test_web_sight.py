"""Streams of events show what one may see, and end when one may see it no more."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.callers import Person
from app.domain.events import Event, Tag
from app.domain.jobs import JobType
from app.domain.rights import Level
from app.errors import NotFound
from app.pipeline.permit import FRESH, LISTED
from app.pipeline.sign_in import sign_in, sign_out
from app.ports.people import Account
from app.web import watch
from app.web.event_forms import SelectionQuery
from app.web.outside import LOOKS_A_MINUTE, Gate
from app.web.sight import chosen, watching
from tests.builders import a_repository, a_worker
from tests.fakes.code_host_people import FakeMemberships
from tests.integration.web.people import a_person, bearing, let
from tests.integration.web.test_web_events import Stream
from tests.integration.web.test_web_sessions import NAME, cookie_of
from tests.integration.web.world import AUTHORIZED, World


@pytest.fixture
def world(migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(watch, "_LOOK_SECONDS", 0.0)
    world = World(migrated_sqlite_url)
    yield world
    world.live.follower.close()
    world.close()


def follow(world: World, headers: Mapping[str, str], **query: str) -> Stream:
    client = world.web.test_client(use_cookies=False)
    answer = client.get("/api/events/stream", query_string=query, headers=dict(headers), buffered=False)
    stream = Stream(answer)
    stream.open_up()
    return stream


def tell(world: World, *subjects: str) -> None:
    for subject in subjects:
        with world.records.begin() as tx:
            tx.events.append(Event(Tag.BRANCH_PUSHED, subject, "github", world.clock(), {}))


def check_ends(stream: Stream) -> None:
    """Read a stream to its end; what came about last is not told any more."""
    with suppress(StopIteration):
        pytest.fail(f"it goes on: {stream.next()}")
    stream.answer.close()


def test_a_stream_of_everything_shows_what_is_in_reach(world: World) -> None:
    ada, app = a_person(world, "ada"), world.app(1)
    world.app(2, repository=a_repository(2))
    let(world, ada, app, Level.READ)
    with world.records.begin() as tx:
        tx.workers.add(a_worker(1, owner_id=ada.id))
        tx.workers.add(a_worker(2))
    stream = follow(world, bearing(world, ada))
    everything = follow(world, AUTHORIZED)
    tell(world, "app_0002", "app_0001", "wrk_0002", "wrk_0001", "guid-1", "app_0001")
    assert stream.subjects(3) == ["app_0001", "wrk_0001", "app_0001"]
    assert everything.subjects(3) == ["app_0002", "app_0001", "wrk_0002"]
    for it in (stream, everything):
        it.answer.close()


def test_what_was_missed_is_told_of_what_is_in_reach(world: World) -> None:
    ada, app = a_person(world, "ada"), world.app(1)
    let(world, ada, app, Level.READ)
    tell(world, "app_0002", "app_0001", "app_0002")
    stream = Stream(
        world.client.get(
            "/api/events/stream",
            query_string={"after": "0-0"},
            headers=dict(bearing(world, ada)),
            buffered=False,
        )
    )
    assert stream.subjects(1) == ["app_0001"]
    stream.answer.close()


def test_a_stream_about_an_app_ends_when_the_right_went(world: World) -> None:
    ada, app = a_person(world, "ada"), world.app(1)
    let(world, ada, app, Level.READ)
    stream = follow(world, bearing(world, ada), app="app-1")
    tell(world, "app_0001")
    assert stream.subjects(1) == ["app_0001"]
    let(world, ada, app, Level.NONE)
    world.clock.now += FRESH
    tell(world, "app_0001")
    check_ends(stream)


def test_many_who_listen_cost_few_questions(world: World) -> None:
    app, many = world.app(1), 3 * LOOKS_A_MINUTE
    people = [a_person(world, f"ada-{number}") for number in range(many)]
    looks = []
    for person in people:
        let(world, person, app, Level.READ)
        with world.web.test_request_context(headers=dict(bearing(world, person))):
            query = SelectionQuery(app="app-1")
            chosen(query)
            looks.append(watching(query))
            looks[-1]()
    let(world, people[0], app, Level.NONE)
    asked = world.host.faults.calls.count("level")
    with pytest.raises(NotFound):
        age(world, FRESH, looks[:1])
    age(world, FRESH, looks[1:])
    assert world.host.faults.calls.count("level") - asked == LOOKS_A_MINUTE
    # The lists that people's own tokens make go on to tell, for as long as somebody listens.
    for _ in range(4):
        age(world, LISTED, looks[1:])
    assert world.host.faults.calls.count("level") - asked <= LOOKS_A_MINUTE + 1
    let(world, people[-1], app, Level.NONE)
    with pytest.raises(NotFound):
        age(world, LISTED, looks[-1:])


def test_nobody_takes_all_the_places(migrated_sqlite_url: str) -> None:
    world = World(migrated_sqlite_url)
    world.live = replace(world.live, gate=Gate(20, "follow events"))
    world.web.extensions["branchline"] = replace(world.web.extensions["branchline"], live=world.live)
    ada, grace = (a_person(world, login) for login in ("ada", "grace"))
    streams = [follow(world, bearing(world, ada)) for _ in range(8)]
    refused = world.client.get("/api/events/stream", headers=dict(bearing(world, ada)))
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    streams.append(follow(world, bearing(world, grace)))
    streams.pop(0).answer.close()
    streams.append(follow(world, bearing(world, ada)))
    for stream in streams:
        stream.answer.close()
    world.live.follower.close()
    world.close()


def age(world: World, span: timedelta, looks: Sequence[Callable[[], object]]) -> None:
    """Let time go by, and look again."""
    world.clock.now += span
    for look in looks:
        look()


def test_a_stream_of_everything_follows_what_is_in_reach(world: World) -> None:
    ada, before, after = a_person(world, "ada"), world.app(1), world.app(2, repository=a_repository(2))
    let(world, ada, before, Level.READ)
    stream = follow(world, bearing(world, ada))
    tell(world, "app_0002", "app_0001")
    assert stream.subjects(1) == ["app_0001"]
    let(world, ada, before, Level.NONE)
    let(world, ada, after, Level.READ)
    world.clock.now += LISTED
    tell(world, "app_0001", "app_0002")
    assert stream.subjects(1) == ["app_0002"]
    stream.answer.close()


@pytest.mark.parametrize(
    "path",
    ["/activity?kind=job&app=app-1", "/jobs?app=app-1", "/api/jobs?app=app-1", "/api/events?app=app-1"],
)
@pytest.mark.parametrize("is_narrow", [False, True])
def test_what_is_asked_about_an_app_is_told_although_no_list_has_it(
    world: World, monkeypatch: pytest.MonkeyPatch, path: str, *, is_narrow: bool
) -> None:
    monkeypatch.setattr(FakeMemberships, "own", lambda *_: {})
    ada, app = a_person(world, "ada"), world.app(1)
    let(world, ada, app, Level.READ)
    headers = dict(bearing(world, ada, app=app if is_narrow else None))
    with world.records.begin() as tx:
        job = tx.jobs.enqueue(JobType.PUBLISH, app.id, {})
        other = tx.jobs.enqueue(JobType.PUBLISH, "app_0002", {})
    for _ in range(2):
        answer = world.client.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        assert (job.id in answer.text, other.id in answer.text) == (True, False)
    let(world, ada, app, Level.NONE)
    world.clock.now += FRESH
    assert world.client.get(path, headers=headers).status_code == 404


def test_a_stream_ends_with_the_token(world: World) -> None:
    world.app(1)
    stream = follow(world, bearing(world, days=1))
    world.clock.now += LISTED * 300
    tell(world, "app_0001")
    check_ends(stream)


def test_a_stream_ends_with_the_session(world: World) -> None:
    app, person = world.app(1), a_person(world, "ada")
    let(world, person, app, Level.READ)
    entered = _enter(world, person)
    stream = follow(world, {"Cookie": f"{NAME}={cookie_of(world, entered)}"})
    tell(world, "app_0001")
    assert stream.subjects(1) == ["app_0001"]
    with world.records.begin() as tx:
        sign_out(tx, entered.session, person, world.clock(), actor="person:ada")
    tell(world, "app_0001")
    check_ends(stream)


def _enter(world: World, person: Person) -> Any:
    account = Account(person.github_id, person.login, None, None)
    vault = world.web.extensions["branchline"].vault
    with world.records.begin() as tx:
        return sign_in(tx, account, f"gho_{person.login}", vault, world.clock())
