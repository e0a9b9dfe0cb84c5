"""A provisioning that is begun again takes nothing that somebody else made, nor does a deletion."""

from collections.abc import Callable
from typing import Any

import pytest

from app.domain.apps import AppStatus
from app.domain.jobs import Job
from app.errors import RemoteConflict, RemoteForbidden, RemoteRefused, RemoteUnavailable
from app.pipeline.retire import request_deletion
from tests.fakes.code_host import FakeRepository
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.begun_again import (
    AGAIN,
    EVERY_KIND,
    NAME,
    assert_made_once,
    crash,
    fail,
    failed_and_retried,
    order,
)
from tests.unit.pipeline.world import World

BEFORE_THE_COPY = 4


def theirs(world: World, name: str = NAME) -> FakeRepository:
    return world.host.add_repository(name, {"precious.txt": b"mine"})


def assert_untouched(repository: FakeRepository) -> None:
    assert repository.files("main") == {"precious.txt": b"mine"}
    assert (repository.webhooks, repository.variables, repository.environments) == ({}, {}, set())
    assert repository.levels == {}


def assert_name_is_taken(world: World, job: Job) -> None:
    with pytest.raises(RemoteConflict) as refused:
        world.run(job)
    assert refused.value.error_code == "repository:name-taken"
    assert refused.value.message == f"provisioning {NAME}: a repository of that name exists already"


@EVERY_KIND
def test_a_name_that_somebody_had_is_refused_each_time(world: World, kind: str) -> None:
    precious, job = theirs(world), order(world, kind)
    for _ in range(2):
        assert_name_is_taken(world, job)
        job = failed_and_retried(world, job)
    assert_name_is_taken(world, job)
    assert_untouched(precious)
    assert world.host.writes.total() == 0


@EVERY_KIND
@pytest.mark.parametrize("seconds", [1, 86400])
def test_what_somebody_made_after_it_failed_is_not_taken_by_a_retry(
    world: World, kind: str, seconds: int
) -> None:
    job = order(world, kind)
    call = {"forked": "fork", "generated": "generate", "imported": "create"}[kind]
    world.host.fail_next(RemoteForbidden("no permission"), call=call)
    with pytest.raises(RemoteForbidden):
        world.run(job)
    world.clock.advance(seconds)
    precious = theirs(world)
    assert_name_is_taken(world, failed_and_retried(world, job))
    assert_untouched(precious)


@EVERY_KIND
@AGAIN
def test_what_takes_the_place_of_ours_is_not_taken_for_it(
    world: World, kind: str, again: Callable[[World, Job], Job]
) -> None:
    job = order(world, kind)
    crash(world, job, BEFORE_THE_COPY + 3)
    del world.host.repositories[NAME]
    precious = theirs(world)
    assert_name_is_taken(world, again(world, job))
    assert_untouched(precious)


@EVERY_KIND
def test_what_takes_the_place_of_ours_while_the_job_goes_on_is_not_taken_for_it(
    world: World, kind: str
) -> None:
    job = order(world, kind)
    steps = crash(world, job, BEFORE_THE_COPY)
    del world.host.repositories[NAME]
    precious = theirs(world)
    steps.restart()
    with pytest.raises(RemoteRefused) as refused:
        world.run(job, steps)
    assert refused.value.error_code == "repository:lost"
    assert_untouched(precious)


def test_a_job_whose_host_never_answered_knows_what_it_made_and_another_one_does_not(world: World) -> None:
    job = order(world, "forked")
    lost = RemoteUnavailable("forking: the answer was lost")
    world.host.fail_next(lost, call="fork", is_late=True)
    steps = crash_while_waiting(world, job, "fork")
    assert steps.step_names == ["check name"]
    assert_name_is_taken(world, failed_and_retried(world, job))
    world.run(job, FakeSteps())
    assert_made_once(world, "forked", is_pushed=False)


class Killed(FakeSteps):
    """Dies where a job would wait for its remote."""

    def _persist(self, name: str, action: Callable[[], Any]) -> Any:  # noqa: ARG002 - dies at once
        try:
            return action()
        except RemoteUnavailable as error:
            raise Crashed(error.message) from error


def crash_while_waiting(world: World, job: Job, call: str) -> FakeSteps:
    steps = Killed()
    with pytest.raises(Crashed):
        world.run(job, steps)
    assert world.host.faults.calls[-1] == call
    return steps


# -------------------- deleted instead


def delete(world: World, *, keep_repository: bool = False) -> None:
    """Delete the app, in a job that is run again after its first step."""
    with world.records.begin() as tx:
        given: dict[str, Any] = {"keep_repository": keep_repository, "at": world.clock(), "actor": "ada"}
        job = request_deletion(tx, "hello", **given)
    steps = FakeSteps(crash_before=2)
    with pytest.raises(Crashed):
        world.run(job, steps)
    steps.restart()
    world.run(job, steps)
    assert steps.unmet == 0


@EVERY_KIND
@pytest.mark.parametrize("keep_repository", [False, True])
@pytest.mark.parametrize("number", range(3, 8))
def test_an_app_that_failed_is_deleted_with_what_was_made_for_it(
    world: World, kind: str, number: int, *, keep_repository: bool
) -> None:
    job = order(world, kind)
    crash(world, job, number)
    is_made = NAME in world.host.repositories
    fail(world, job)
    delete(world, keep_repository=keep_repository)
    assert (NAME in world.host.repositories) is (is_made and keep_repository)


def test_a_name_is_free_again_when_an_app_that_failed_is_deleted(world: World) -> None:
    job = order(world, "forked")
    crash(world, job, 4)
    fail(world, job)
    delete(world)
    world.host.faults.calls.clear()
    world.run(order(world, "forked"))
    assert world.current("hello").status is AppStatus.READY


def test_deleting_an_app_deletes_nothing_that_somebody_else_made(world: World) -> None:
    precious, job = theirs(world), order(world, "forked")
    assert_name_is_taken(world, job)
    fail(world, job)
    delete(world)
    assert_untouched(precious)


def test_what_nobody_can_tell_who_made_is_left_when_its_app_is_deleted(world: World) -> None:
    job = order(world, "forked")
    world.host.fail_next(RemoteUnavailable("the answer was lost"), call="fork", is_late=True)
    crash_while_waiting(world, job, "fork")
    fail(world, job)
    delete(world)
    assert NAME in world.host.repositories
