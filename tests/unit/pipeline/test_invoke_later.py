"""A call that must not be lost: made again when its function fails, noted each time, kept within bounds."""

import json
from dataclasses import replace
from typing import Any

import pytest

from app.domain.events import Tag
from app.domain.jobs import Job
from app.domain.workers import Calls
from app.errors import (
    BranchlineError,
    Conflict,
    Gone,
    NotFound,
    RemoteForbidden,
    RemoteMissing,
    RemoteRefused,
    RemoteUnavailable,
    TooLarge,
)
from app.pipeline.invoke_later import (
    MAXIMUM_PAYLOAD_BYTES,
    LaterInvoker,
    Order,
    invoke_later,
    request_invocation,
)
from app.ports import Reply
from tests.builders import NOON, a_version, a_worker
from tests.fakes.clock import FakeClock
from tests.fakes.invocations import FakeFunctions, answered, failed
from tests.fakes.jobs import Crashed, FakeSteps
from tests.fakes.records import FakeRecords
from tests.fakes.vault import FakeVault


class World:
    """A worker that is up, and a function that answers as told."""

    def __init__(self, *replies: Reply | BranchlineError) -> None:
        clock = FakeClock()
        self.records, self.functions, self.steps = (
            FakeRecords(clock),
            FakeFunctions(list(replies)),
            FakeSteps(),
        )
        self.to = LaterInvoker(self.records, self.functions, FakeVault(), clock)
        version = a_version()
        with self.records.begin() as tx:
            tx.workers.add(a_worker(version_id=version.id))
            tx.versions.add(version)

    def ask(self, payload: str = "[1]", retries: int = 2) -> Job:
        with self.records.begin() as tx:
            return request_invocation(
                tx, "worker-1", Order("hello", payload, retries), self.to.vault, actor="ada"
            )

    def run(self, job: Job | None = None) -> dict[str, Any]:
        return invoke_later(job or self.ask(), self.steps, self.to)

    def refusal(self, job: Job | None = None) -> RemoteRefused:
        with pytest.raises(RemoteRefused) as refused:
            self.run(job)
        return refused.value

    def noted(self) -> list[tuple[int, bool]]:
        told = [event for event in self.records.events if event.tag is Tag.FUNCTION_INVOKED]
        assert {event.subject for event in told} <= {"wrk_0001"}
        return [(event.payload["attempt"], event.payload["success"]) for event in told]

    def counted(self) -> Calls | None:
        with self.records.read() as tx:
            return tx.calls.of(["wrk_0001"]).get("wrk_0001", {}).get("hello")


def test_a_function_that_succeeds_is_called_once() -> None:
    world = World(answered({"a": 1}, logs=[{"level": "log", "message": "line", "timestamp": ""}]))
    job = world.ask('{"n": 1}')
    assert world.run(job) == {
        "success": True,
        "function": "hello",
        "result": {"a": 1},
        "logs": [{"level": "log", "message": "line", "timestamp": ""}],
        "duration": 1,
        "attempts": 1,
    }
    (call,) = world.functions.calls
    assert (call.script, call.function, call.payload) == ("wslug001", "hello", b'{"n": 1}')
    assert call.headers == {"Idempotency-Key": job.id, "Invocation-Attempt": "1"}
    assert world.noted() == [(1, True)]
    assert world.counted() == Calls(1, 0, world.to.clock())


def test_a_function_that_fails_is_called_again_after_growing_pauses() -> None:
    world = World(failed(500), failed(504, "FunctionTimeout"), answered(7))
    assert world.run()["attempts"] == 3
    assert world.steps.slept == [2, 4]
    assert world.steps.step_names == ["attempt 1", "attempt 2", "attempt 3"]
    assert [call.headers["Invocation-Attempt"] for call in world.functions.calls] == ["1", "2", "3"]
    assert len({call.headers["Idempotency-Key"] for call in world.functions.calls}) == 1
    assert world.noted() == [(1, False), (2, False), (3, True)]
    assert world.counted() == Calls(3, 2, world.to.clock())


def test_a_function_that_always_fails_is_given_up_with_what_it_said_last() -> None:
    world = World(failed(500, "TypeError", "no such thing"))
    error = world.refusal()
    assert error.error_code == "function:failed"
    assert error.message == "invoking hello: TypeError: no such thing"
    assert error.details["attempts"] == 3
    assert error.details["answer"]["error"] == {"name": "TypeError", "message": "no such thing"}
    assert len(world.functions.calls) == 3


def test_without_retries_it_is_called_once() -> None:
    world = World(failed(500))
    assert world.refusal(world.ask(retries=0)).details["attempts"] == 1
    assert world.steps.slept == []


@pytest.mark.parametrize("status", [400, 404, 413])
def test_a_call_that_would_be_refused_again_is_not_repeated(status: int) -> None:
    world = World(failed(status, "InvalidPayload"))
    assert world.refusal().details["attempts"] == 1


@pytest.mark.parametrize("reply", [failed(429), RemoteRefused("it broke off")])
def test_what_may_pass_is_tried_again(reply: Reply | BranchlineError) -> None:
    world = World(reply, answered())
    assert world.run()["attempts"] == 2


@pytest.mark.parametrize("body", [b"oops", b"", b"\xff", b"[1]", b"{}", b'{"logs": null}'])
def test_what_no_worker_answers_is_a_failure_that_may_pass(body: bytes) -> None:
    strange = replace(answered(), body=(body,))
    assert World(strange, answered()).run()["attempts"] == 2
    error = World(strange).refusal()
    assert (
        error.message == "invoking hello: WorkerFailed: invoking hello: it does not answer as a worker does"
    )


@pytest.mark.parametrize("strange", [None, 0, "x", [1], {"name": [1]}])
def test_whatever_an_answer_says_ends_a_job_as_it_says_itself(strange: Any) -> None:
    told = {"success": True, "result": strange, "logs": strange, "duration": strange}
    assert World(replace(answered(), body=(json.dumps(told).encode(),))).run()["result"] == strange
    told = {"success": False, "error": strange, "logs": [strange]}
    error = World(replace(answered(), body=(json.dumps(told).encode(),))).refusal()
    assert error.error_code == "function:failed"


def test_a_worker_that_is_away_is_waited_for_and_costs_no_attempt() -> None:
    world = World(RemoteUnavailable("nobody answers"), answered())
    assert world.run()["attempts"] == 1
    assert world.steps.waited_for == ["nobody answers"]


@pytest.mark.parametrize(
    "error",
    [RemoteMissing("not up"), RemoteForbidden("another key"), Gone("expired", code="worker:expired")],
)
def test_what_a_person_has_to_mend_ends_the_job(error: BranchlineError) -> None:
    world = World(error)
    with pytest.raises(type(error)):
        world.run()
    assert len(world.functions.calls) == 1


def test_a_worker_that_is_deleted_or_expires_meanwhile_ends_the_job() -> None:
    world = World(answered())
    job = world.ask()
    with world.records.begin() as tx:
        tx.workers.save(a_worker(version_id="ver_0001", expired_at=NOON))
    with pytest.raises(Gone):
        world.run(job)
    with world.records.begin() as tx:
        tx.workers.remove("wrk_0001")
    world.steps = FakeSteps()
    with pytest.raises(NotFound):
        world.run(job)


def test_a_worker_that_is_deleted_while_it_runs_is_not_counted() -> None:
    world = World(answered(1))
    call = world.functions.call

    def call_and_delete(given: Any) -> Any:
        with world.records.begin() as tx:
            tx.workers.remove("wrk_0001")
        return call(given)

    world.functions.call = call_and_delete  # type: ignore[method-assign, assignment]
    assert world.run()["result"] == 1
    assert world.counted() is None


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_crash_repeats_a_call_at_most(step: int) -> None:
    for steps in (FakeSteps(crash_before=step), FakeSteps(crash_after=step)):
        world = World(failed(500), answered(7))
        job = world.ask()
        world.steps = steps
        with pytest.raises(Crashed):
            world.run(job)
        world.functions.replies = [answered(7)]
        world.steps.restart()
        assert world.run(job)["result"] == 7
        assert len(world.functions.calls) <= 3


def test_a_result_that_is_too_large_to_be_read_is_not_kept_and_not_asked_for_again() -> None:
    huge = replace(answered(), body=(b"x" * 1024 * 1024 for _ in range(9)))
    world = World(huge)
    answer = world.run()
    assert (answer["success"], answer["result"], answer["attempts"]) == (True, None, 1)
    assert "not kept" in answer["note"]


def test_a_result_that_is_nested_too_deeply_is_not_kept() -> None:
    deep = b'{"success": true, "result": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert "nested" in World(replace(answered(), body=(deep,))).run()["note"]


def test_what_cannot_be_asked_for_is_refused() -> None:
    world = World(answered())
    with world.records.begin() as tx:
        for order, error in (
            (Order("bye", "", 0), NotFound),
            (Order("hello", json.dumps("x" * MAXIMUM_PAYLOAD_BYTES), 0), TooLarge),
        ):
            with pytest.raises(error):
                request_invocation(tx, "worker-1", order, world.to.vault, actor="ada")
        with pytest.raises(NotFound):
            request_invocation(tx, "nobody", Order("hello", "", 0), world.to.vault, actor="ada")
        tx.workers.save(a_worker(version_id=None))
        with pytest.raises(Conflict):
            request_invocation(tx, "worker-1", Order("hello", "", 0), world.to.vault, actor="ada")
    assert world.records.queue == []
