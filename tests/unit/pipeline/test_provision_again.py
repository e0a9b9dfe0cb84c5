"""A provisioning that is begun again goes on with what it made.

The same job begins anew when the order of its steps changed with a release, another one when somebody retries
what failed. Neither remembers a step; both find the repository.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from app.domain.apps import AppStatus
from app.domain.jobs import Job
from app.errors import RemoteForbidden, RemoteRefused
from tests.fakes.code_host_histories import push_elsewhere
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.begun_again import (
    AGAIN,
    EVERY_KIND,
    EVERY_STEP,
    NAME,
    PUSHED,
    URL,
    assert_made_once,
    crash,
    fail,
    failed_and_retried,
    order,
    push,
    retried,
)
from tests.unit.pipeline.provisioning import MAXIMUM_WRITES
from tests.unit.pipeline.world import World


@EVERY_KIND
@AGAIN
@EVERY_STEP
@pytest.mark.parametrize("days", [0, 3])
def test_a_provisioning_may_be_begun_again_at_any_step(
    world: World, kind: str, again: Callable[[World, Job], Job], number: int, days: int
) -> None:
    job = order(world, kind)
    steps = FakeSteps(crash_before=number)
    try:
        world.run(job, steps)
    except Crashed:
        is_pushed = push(world)
        world.clock.advance(days * 86400)
        world.run(again(world, job), FakeSteps())
        assert_made_once(world, kind, is_pushed=is_pushed)
    else:
        assert number > len(steps.step_names), "it came to an end although it was to crash"


@EVERY_KIND
@AGAIN
@EVERY_STEP
def test_it_may_be_begun_again_when_a_step_was_done_and_not_kept(
    world: World, kind: str, again: Callable[[World, Job], Job], number: int
) -> None:
    job = order(world, kind)
    steps = FakeSteps(crash_after=number)
    try:
        world.run(job, steps)
    except Crashed:
        is_pushed = push(world)
        # The last one is done: the app is ready, and nobody can ask for it again.
        if world.current("hello").status is AppStatus.PROVISIONING:
            job = again(world, job)
        world.run(job, FakeSteps())
        assert_made_once(world, kind, is_pushed=is_pushed)


@EVERY_KIND
def test_begun_again_and_again_it_writes_nothing_twice(world: World, kind: str) -> None:
    job = order(world, kind)
    world.run(job)
    writes = world.host.writes.total()
    world.run(job, FakeSteps())
    assert world.host.writes.total() == writes
    assert writes <= MAXIMUM_WRITES + (kind == "imported") * 2
    assert_made_once(world, kind, is_pushed=False)


# -------------------- what a retry is for


def test_what_github_refused_is_gone_on_with_once_it_does_not(world: World) -> None:
    job = order(world, "forked")
    refusal = RemoteForbidden("setting a variable: no permission")
    world.host.fail_next(refusal, call="set_variable")
    with pytest.raises(RemoteForbidden):
        world.run(job)
    fail(world, job, refusal)
    assert world.current("hello").error == refusal.message
    world.run(retried(world, job))
    assert_made_once(world, "forked", is_pushed=False)


def test_a_retry_says_why_it_failed_and_not_that_the_name_is_taken(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_run = world.host.start_run
    monkeypatch.setattr(world.host, "start_run", lambda *_: None)
    job = order(world, "forked")
    for _ in range(2):
        with pytest.raises(RemoteRefused) as refused:
            world.run(job)
        assert refused.value.error_code == "repository:actions-silent"
        fail(world, job, refused.value)
        job = retried(world, job)
    # Somebody switches workflows on and pushes, as the error says: the run of that push is seen.
    monkeypatch.setattr(world.host, "start_run", start_run)
    world.host.push(NAME, "main", PUSHED)
    world.run(job)
    assert world.current("hello").status is AppStatus.READY
    assert world.repository(NAME).files("main")["pushed.txt"] == b"meanwhile"


def test_a_retry_of_an_import_needs_no_source_once_the_history_is_here(world: World) -> None:
    job = order(world, "imported", "master")
    crash(world, job, 8)
    del world.host.elsewhere[URL]
    world.run(failed_and_retried(world, job))
    assert_made_once(world, "imported", is_pushed=False)


@pytest.mark.parametrize("is_kept", [False, True])
def test_an_import_that_is_begun_again_stops_no_workflow(world: World, *, is_kept: bool) -> None:
    job = order(world, "imported")
    crash(world, job, 8 if is_kept else 6)
    world.repository(NAME).are_actions_enabled = True
    world.host.faults.calls.clear()
    world.run(failed_and_retried(world, job))
    assert "disable_actions" not in world.host.faults.calls


@pytest.mark.parametrize("number", [5, 6])
def test_a_branch_that_was_renamed_is_the_default_one_when_it_is_begun_again(
    world: World, number: int
) -> None:
    job = order(world, "imported", "master")
    crash(world, job, number)
    world.run(failed_and_retried(world, job))
    assert world.repository(NAME).description.default_branch == "main"
    assert_made_once(world, "imported", is_pushed=False)


def test_a_default_branch_that_somebody_chose_meanwhile_stays(world: World) -> None:
    job = order(world, "imported")
    crash(world, job, 8)
    repository = world.repository(NAME)
    repository.branches["develop"] = repository.branches["main"]
    repository.description = replace(repository.description, default_branch="develop")
    world.run(failed_and_retried(world, job))
    assert repository.description.default_branch == "develop"


def test_a_history_that_was_half_copied_is_copied_again(world: World) -> None:
    job = order(world, "imported", "master")
    newest = push_elsewhere(world.host, URL, "master", {"src/b.ts": b"b\n"})
    # Not even the answer is there: the process was killed in the middle.
    world.host.fail_next(RemoteForbidden("killed"), call="copy", is_late=True)
    with pytest.raises(RemoteForbidden):
        world.run(job)
    world.run(failed_and_retried(world, job))
    repository = world.repository(NAME)
    assert newest in repository.history(repository.branches["main"])
    assert world.host.faults.calls.count("copy") == 2


@EVERY_KIND
def test_a_repository_that_was_deleted_meanwhile_is_made_anew(world: World, kind: str) -> None:
    job = order(world, kind)
    crash(world, job, 8)
    lost = world.host.repositories.pop(NAME).description.id
    world.host.faults.calls.clear()
    world.run(failed_and_retried(world, job))
    app, repository = world.current("hello"), world.repository(NAME)
    assert app.repository is not None
    assert app.repository.id == repository.description.id != lost
    assert repository.files("main").keys() >= {"branchline.json"}
    assert app.status is AppStatus.READY


def test_a_job_that_a_former_release_began_goes_on(world: World) -> None:
    job = order(world, "forked")
    steps = crash(world, job, 3)
    forget_marks(world)  # it kept none
    steps.restart()
    world.run(job, steps)
    assert_made_once(world, "forked", is_pushed=False)


@EVERY_KIND
def test_what_a_former_release_left_half_done_is_gone_on_with_by_a_retry(world: World, kind: str) -> None:
    job = order(world, kind)
    crash(world, job, 9)
    forget_marks(world)
    is_pushed = push(world)
    world.run(failed_and_retried(world, job))
    assert_made_once(world, kind, is_pushed=is_pushed)


def forget_marks(world: World) -> None:
    world.records.memory.marks.clear()
