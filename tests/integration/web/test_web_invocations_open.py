"""An open stream of an invocation ends when its reader may call the function no more."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import pytest
from werkzeug.test import TestResponse

from app.errors import RemoteUnavailable
from app.pipeline.permit import FRESH, KEPT
from app.web import invocation_events
from tests.builders import a_version, a_worker
from tests.integration.web.people import a_person, bearing
from tests.integration.web.test_web_invocations import TOLD
from tests.integration.web.world import World

STREAM: Final = "/api/workers/worker-1/invoke/hello"
EVENTS: Final = "/api/workers/worker-1/invocations/invocation-1/events"


@dataclass
class Called:
    """A worker of somebody's that tells its events one by one; `headers` are what they ask with."""

    world: World
    headers: Mapping[str, str]

    def open(self, method: str = "POST", path: str = STREAM) -> tuple[TestResponse, Iterator[bytes]]:
        """Return an answer, of which the first part is read."""
        answer = self.world.client.open(path, method=method, headers=dict(self.headers), buffered=False)
        assert answer.status_code == 200, answer.text
        parts = answer.iter_encoded()
        next(parts)
        return answer, parts

    def revoke(self) -> None:
        with self.world.records.begin() as tx:
            for token in tx.api_tokens.list(None):
                tx.api_tokens.save(replace(token, revoked_at=self.world.clock()))

    def dismiss(self) -> None:
        self.world.host.members.clear()
        self.world.clock.now += FRESH


@pytest.fixture
def called(world: World, monkeypatch: pytest.MonkeyPatch) -> Called:
    monkeypatch.setattr(invocation_events, "_LOOK_SECONDS", 0.0)
    world.streams.events = TOLD
    ada, version = a_person(world, "ada", is_member=True), a_version()
    with world.records.begin() as tx:
        tx.workers.add(a_worker(version_id=version.id, owner_id=ada.id))
        tx.versions.add(version)
    return Called(world, bearing(world, ada))


LOSSES: Final = [(Called.revoke, 401), (Called.dismiss, 403)]


@pytest.mark.parametrize(("lose", "status"), LOSSES)
@pytest.mark.parametrize("is_resumed", [True, False])
def test_a_stream_ends_with_the_right_to_call(
    called: Called, lose: Callable[[Called], None], status: int, *, is_resumed: bool
) -> None:
    if is_resumed:
        called.open()[0].close()
    answer, parts = called.open("GET", EVENTS) if is_resumed else called.open()
    lose(called)
    rest = b"".join(parts)
    assert b"result" not in rest
    assert b"data:" not in rest
    answer.close()
    assert called.world.streams.started["wrk_0001", "invocation-1"].closed == 1
    assert called.world.client.get(EVENTS, headers=dict(called.headers)).status_code == status


def test_a_stream_goes_on_for_whoever_may_call_still(called: Called) -> None:
    answer, parts = called.open()
    called.world.clock.now += FRESH
    assert b"event: result" in b"".join(parts)
    answer.close()


def test_nobody_looks_in_less_than_a_minute(called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    answer, parts = called.open()
    called.revoke()
    assert b"event: result" in b"".join(parts)
    answer.close()


def test_a_stream_goes_on_while_nobody_can_look(called: Called) -> None:
    answer, parts = called.open()
    called.world.host.fail_next(RemoteUnavailable("away"), call="is_member", times=100)
    called.world.clock.now += KEPT
    assert b"event: result" in b"".join(parts)
    answer.close()


def test_a_worker_that_is_deleted_meanwhile_tells_its_last_events(called: Called) -> None:
    answer, parts = called.open()
    with called.world.records.begin() as tx:
        tx.workers.remove("wrk_0001")
    assert b"event: result" in b"".join(parts)
    answer.close()
