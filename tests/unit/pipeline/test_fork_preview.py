"""A fork's approved commit is shown: no other, among the untrusted, without secrets, as long as it may."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.aliases import LEASE
from app.domain.deployments import Status
from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.jobs import Job, JobType
from app.domain.platform import DeployAuth
from app.domain.reports import RepositoryName
from app.domain.variables import Variable
from app.errors import (
    Conflict,
    InvalidInput,
    RemoteForbidden,
    RemoteMissing,
    RemoteRefused,
    RemoteUnavailable,
    ScriptRefused,
)
from app.pipeline.expire import sweep
from app.pipeline.fork_preview import ARTIFACT
from app.pipeline.known import alias_of
from app.pipeline.putting import UNTRUSTED_LIMITS
from tests.builders import NOON
from tests.fakes.code_host_forks import leave_artifact, recorded
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.forks import HOME, SCRIPT, UNTRUSTED, Fork
from tests.unit.pipeline.world import PLATFORM, World

DAY = 86400


@pytest.fixture
def fork(world: World) -> Fork:
    world.app()
    return Fork(world)


def approved(fork: Fork, letter: str = "a") -> str:
    """Push a commit whose run ends well, and have ada approve it."""
    commit = fork.push(letter)
    fork.end(commit)
    fork.comment()
    return commit


def shown(fork: Fork, letter: str = "a") -> str:
    commit = approved(fork, letter)
    fork.world.run_queue()
    assert fork.shown == commit
    return commit


def the_job(world: World) -> Job:
    """Return the newest job that shows a commit, when all that was asked for before it is done."""
    while not (found := [it for it in world.new_jobs() if it.type is JobType.FORK_PREVIEW]):
        world.run_next()
    return found[-1]


# -------------------- what is shown


def test_a_fork_is_built_and_not_shown(fork: Fork, world: World) -> None:
    fork.end(fork.push())
    world.run_queue()
    assert world.deployments() == []
    assert world.scripts.uploads == {}
    assert "somebody with write access says `/preview aaaaaaa`" in fork.said


def test_an_approved_commit_is_shown_among_the_untrusted(fork: Fork, world: World) -> None:
    commit = shown(fork)
    deployment = fork.deployment
    assert (deployment.status, deployment.commit, deployment.namespace) == (Status.READY, commit, UNTRUSTED)
    assert (deployment.environment, deployment.pull_request) == (Environment.PREVIEW, 7)
    assert (deployment.script, deployment.is_from_fork, deployment.actor) == (SCRIPT, True, "ada")
    assert deployment.own_script is not None
    assert deployment.own_script.startswith("fork-")
    assert set(world.scripts.namespaces[UNTRUSTED]) == {SCRIPT, deployment.own_script}
    assert not any(world.scripts.namespaces[name] for name in world.scripts.namespaces if name != UNTRUSTED)
    assert deployment.message == "Change aaaa"
    assert "Shows `aaaaaaa`, approved by ada." in fork.said
    assert "https://fork-pr7-slug0001.apps.test" in fork.said


def test_it_is_given_variables_and_limits_and_no_secret(fork: Fork, world: World) -> None:
    with world.records.begin() as tx:
        for name, value, is_secret in (("COLOUR", "red", False), ("API_KEY", "sealed", True)):
            tx.variables.save(Variable("app_0001", Environment.PREVIEW, name, value, is_secret, NOON, "ada"))
    commit = fork.push()
    fork.end(commit, code=recorded(commit, "API_KEY"))
    fork.comment()
    world.run_queue()
    upload = world.scripts.uploads[UNTRUSTED, SCRIPT]
    assert {it["name"] for it in upload.bindings} == {
        "COLOUR",
        "BRANCHLINE_COMMIT",
        "BRANCHLINE_ENVIRONMENT",
        "BRANCHLINE_DEPLOYMENT",
    }
    assert upload.limits == UNTRUSTED_LIMITS
    assert upload.scope == "app_0001/fork-pr7"


def test_a_run_that_ends_after_the_approval_is_shown_then(fork: Fork, world: World) -> None:
    commit = fork.push()
    fork.comment()
    world.run_queue()
    assert fork.shown is None
    assert world.deployments() == []
    fork.end(commit)
    world.run_queue()
    assert fork.shown == commit


def test_a_run_of_which_nobody_tells_is_shown_when_it_is_asked_for_again(fork: Fork, world: World) -> None:
    commit = fork.push()
    fork.comment()
    world.run_queue()
    fork.end(commit, is_heard=False)
    fork.comment()
    world.run_queue()
    assert fork.shown == commit


def test_a_later_commit_is_not_shown_until_it_is_approved(fork: Fork, world: World) -> None:
    first = shown(fork, "a")
    second = fork.push("b")
    fork.end(second)
    world.run_queue()
    assert fork.shown == first
    assert "Shows `aaaaaaa`, approved by ada.\n`bbbbbbb` is not approved" in fork.said
    fork.comment()
    world.run_queue()
    assert fork.shown == second
    assert "Shows `bbbbbbb`, approved by ada." in fork.said


def test_an_earlier_approval_does_not_bring_an_earlier_commit_back(fork: Fork, world: World) -> None:
    """The run of the first commit ends after that of the second: run numbers decide."""
    first, slow = fork.push("a"), fork.comment()
    world.run_queue()
    second = approved(fork, "b")
    world.run_queue()
    fork.end(first)
    world.run_queue()
    assert slow
    assert fork.shown == second
    assert {it.commit: it.status for it in world.deployments()} == {
        first: Status.READY,
        second: Status.READY,
    }


def test_it_works_without_the_gateway(fork: Fork, world: World) -> None:
    world.platform = replace(PLATFORM, deploy_auth=DeployAuth.TOKEN)
    shown(fork)
    assert fork.deployment.status is Status.READY


def test_the_namespace_of_the_untrusted_is_made(fork: Fork, world: World) -> None:
    del world.scripts.namespaces[UNTRUSTED]
    shown(fork)


# -------------------- which run


@pytest.mark.parametrize(
    "changes",
    [
        {"event": "push"},
        {"event": "workflow_dispatch"},
        {"head_repository_id": 501},
        {"head_repository_id": 999},
        {"conclusion": "cancelled"},
        {"conclusion": "skipped"},
        {"conclusion": "action_required"},
        {"status": "in_progress", "conclusion": None},
        {"status": "queued", "conclusion": None},
    ],
)
def test_other_runs_of_that_commit_do_not_count(fork: Fork, world: World, changes: dict[str, Any]) -> None:
    commit = fork.push()
    fork.end(commit)
    runs = world.repository().runs
    runs[-1] = replace(runs[-1], run=replace(runs[-1].run, **changes))
    fork.comment()
    world.run_queue()
    assert world.deployments() == []


def test_a_run_of_a_fork_that_is_gone_counts(fork: Fork, world: World) -> None:
    commit = fork.push()
    fork.end(commit)
    runs = world.repository().runs
    runs[-1] = replace(runs[-1], run=replace(runs[-1].run, head_repository_id=None))
    fork.comment()
    world.run_queue()
    assert fork.shown == commit


def test_a_fork_of_which_nobody_knows_where_it_is_counts(fork: Fork, world: World) -> None:
    commit = approved(fork)
    world.pull(replace(world.known_pull(), head_repository_id=None))
    world.run_queue()
    assert fork.shown == commit


def test_a_run_that_failed_says_so(fork: Fork, world: World) -> None:
    fork.end(fork.push(), "failure")
    fork.comment()
    world.run_queue()
    assert (fork.deployment.status, fork.deployment.error) == (
        Status.ERROR,
        "The workflow run ended with: failure.",
    )
    assert "❌ Failed" in fork.said
    assert "`aaaaaaa` was approved by ada." in fork.said


def test_a_run_that_somebody_has_to_let_run_is_waited_for(fork: Fork, world: World) -> None:
    """GitHub calls it completed, and goes on with the same attempt once it is let run."""
    commit = fork.push()
    fork.comment()
    fork.end(commit, "action_required")
    world.run_queue()
    assert world.deployments() == []
    fork.end(commit)
    world.run_queue()
    assert fork.shown == commit


def test_a_run_that_failed_and_is_repeated_is_waited_for(fork: Fork, world: World) -> None:
    commit = fork.push()
    run = fork.end(commit, "failure", is_heard=False)
    world.host.set_run(HOME, run.id, "in_progress", attempt=2)
    fork.comment()
    world.run_queue()
    assert world.deployments() == []
    fork.end(commit)
    world.run_queue()
    assert fork.shown == commit
    assert fork.deployment.run.attempt == 2


def test_a_failed_deployment_is_mended_by_running_it_again(fork: Fork, world: World) -> None:
    commit = fork.push()
    fork.end(commit, "failure")
    fork.comment()
    world.run_queue()
    world.host.set_run(HOME, fork.runs[commit].id, "queued", attempt=2)
    fork.end(commit)
    world.run_queue()
    assert fork.shown == commit
    assert [it.status for it in world.deployments()] == [Status.READY, Status.ERROR]


@pytest.mark.parametrize(
    "changes",
    [
        {"head_repository_id": 501},
        {"head_repository_id": 999},
        {"event": "push"},
        {"workflow_path": ".github/workflows/evil.yml"},
        {"status": "in_progress", "conclusion": None},
        {"head_commit": "f" * 40},
    ],
)
def test_word_of_other_runs_shows_nothing(fork: Fork, world: World, changes: dict[str, Any]) -> None:
    commit = fork.push()
    fork.comment()
    world.run_queue()
    before = len(world.jobs(JobType.FORK_PREVIEW))
    run = fork.end(commit, is_heard=False)
    fork.hear(fork.run_report(commit, run, **changes))
    assert len(world.jobs(JobType.FORK_PREVIEW)) == before


def test_word_of_a_run_that_nobody_approved_is_ignored(fork: Fork) -> None:
    commit = fork.push()
    run = fork.end(commit, is_heard=False)
    assert fork.hear(fork.run_report(commit, run)) == "ignored"
    elsewhere = RepositoryName(1, "acme/other")
    assert fork.hear(fork.run_report(commit, run, repository=elsewhere)) == "ignored"


# -------------------- what the run left


def error_of(fork: Fork) -> str:
    fork.world.run_queue()
    assert fork.shown is None
    assert fork.deployment.status is Status.ERROR
    assert fork.deployment.error is not None
    assert fork.deployment.error.split(":")[0] in fork.said
    assert not fork.world.scripts.namespaces[UNTRUSTED]
    return fork.deployment.error


def leaving(fork: Fork, content: bytes, **changes: Any) -> None:
    """Have the run of an approved commit leave something else than it should."""
    fork.end(fork.push())
    artifacts = fork.world.repository().artifacts
    number = max(artifacts)
    artifacts[number] = replace(
        leave_artifact(fork.world.host, HOME, 0, "x", content), run_id=artifacts[number].run_id, name=ARTIFACT
    )
    artifacts[number] = replace(artifacts[number], **changes)
    fork.comment()


def test_a_hostile_artifact_is_refused_with_the_reason(fork: Fork) -> None:
    leaving(fork, b"PK\x03\x04 no recording")
    assert error_of(fork) == "reading the artifact: it is damaged"


def test_an_artifact_that_is_too_large_is_refused(fork: Fork) -> None:
    leaving(fork, recorded("x" * 200_000))
    assert error_of(fork) == "reading the artifact: it is too large"


def test_bytes_that_are_not_those_that_were_announced_are_refused(fork: Fork) -> None:
    leaving(fork, recorded("good"), sha256="0" * 64)
    assert error_of(fork).endswith("its bytes are not those that its run announced")


def test_an_artifact_of_which_no_digest_is_known_is_taken(fork: Fork, world: World) -> None:
    leaving(fork, recorded("good"), sha256=None)
    world.run_queue()
    assert fork.shown == "good"


@pytest.mark.parametrize("changes", [{"is_expired": True}, {"name": "another"}, {"run_id": 1}])
def test_an_artifact_that_is_not_there(fork: Fork, changes: dict[str, Any]) -> None:
    leaving(fork, recorded("good"), **changes)
    assert "it left no artifact branchline-upload" in error_of(fork)


def test_a_binding_that_the_environment_lacks_is_refused(fork: Fork) -> None:
    leaving(fork, recorded("good", "API_KEY"))
    assert "the environment has none" in error_of(fork)


def test_a_script_that_cloudflare_does_not_take(fork: Fork, world: World) -> None:
    world.scripts.fail_next(ScriptRefused("uploading: SyntaxError"), call="put")
    approved(fork)
    assert error_of(fork) == "uploading: SyntaxError"


def test_a_reason_of_any_length_fits_into_a_comment(fork: Fork, world: World) -> None:
    world.host.fail_next(InvalidInput("x: this key is not known here; " * 10_000), call="read_recording")
    approved(fork)
    assert len(error_of(fork)) == 2000
    assert len(fork.said) < 10_000


def test_what_only_an_operator_can_mend_fails_the_job_too(fork: Fork, world: World) -> None:
    approved(fork)
    job = the_job(world)
    world.host.fail_next(RemoteForbidden("GitHub: Resource not accessible"), call="of_run")
    with pytest.raises(RemoteForbidden):
        world.run(job)
    assert error_of(fork) == "GitHub: Resource not accessible"


def test_an_artifact_that_expires_in_the_middle(fork: Fork, world: World) -> None:
    approved(fork)
    job = the_job(world)
    world.host.fail_next(RemoteMissing("expired"), call="download_artifact")
    with pytest.raises(RemoteMissing):
        world.run(job)
    assert fork.deployment.status is Status.ERROR


def test_outages_are_waited_for(fork: Fork, world: World) -> None:
    commit = approved(fork)
    job, steps = the_job(world), FakeSteps()
    for call in ("of_commit", "of_run", "download_artifact", "read_recording"):
        world.host.fail_next(RemoteUnavailable(call), call=call)
    world.scripts.fail_next(RemoteUnavailable("put"), call="put", is_late=True)
    world.run(job, steps)
    assert steps.waited_for == ["of_commit", "of_run", "download_artifact", "read_recording", "put"]
    world.run_queue()
    assert fork.shown == commit


# -------------------- once


def crashing(moment: str, step: int) -> FakeSteps:
    return FakeSteps(crash_before=step) if moment == "before" else FakeSteps(crash_after=step)


@pytest.mark.parametrize("step", range(1, 7))
@pytest.mark.parametrize("moment", ["before", "after"])
def test_it_survives_a_crash_at_every_step(fork: Fork, world: World, step: int, moment: str) -> None:
    commit = approved(fork)
    steps, job = crashing(moment, step), the_job(world)
    with pytest.raises(Crashed):
        world.run(job, steps)
    steps.restart()
    world.run(job, steps)
    world.run_queue()
    assert fork.shown == commit
    assert fork.deployment.status is Status.READY
    assert len(world.scripts.namespaces[UNTRUSTED]) == 2


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_failure_survives_a_crash(fork: Fork, world: World, moment: str) -> None:
    leaving(fork, b"hostile")
    steps, job = crashing(moment, 5), the_job(world)
    with pytest.raises(Crashed):
        world.run(job, steps)
    steps.restart()
    world.run(job, steps)
    assert error_of(fork) == "reading the artifact: it is damaged"
    assert world.tags(fork.deployment.id).count(Tag.DEPLOYMENT_ERROR) == 1


def test_a_process_that_dies_while_putting_up_is_waited_for(fork: Fork, world: World) -> None:
    """Its hold is still there when the job begins again: the next one waits for its end."""
    commit = approved(fork)
    job, steps = the_job(world), Waiting(world)
    steps.crash_before = 5
    with pytest.raises(Crashed):
        world.run(job, steps)
    steps.restart()
    with world.records.begin() as tx:
        alias = alias_of(tx, fork.deployment, world.clock())
        held_until = world.clock() + LEASE
        tx.aliases.save(replace(alias, holder=fork.deployment.id, held_until=held_until))
    world.run(job, steps)
    assert LEASE.total_seconds() <= sum(steps.slept) < LEASE.total_seconds() + 10
    world.run_queue()
    assert fork.shown == commit


class Waiting(FakeSteps):
    """Steps whose sleeps let the clock go on."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.world.clock.advance(seconds)


def test_asked_for_twice_it_is_put_up_once(fork: Fork, world: World) -> None:
    shown(fork)
    puts = world.scripts.faults.calls.count("put")
    fork.comment()
    world.run_queue()
    assert world.scripts.faults.calls.count("put") == puts
    assert len(world.deployments()) == 1


def test_two_jobs_at_once_make_one_deployment(fork: Fork, world: World) -> None:
    commit = approved(fork)
    fork.comment()
    first = the_job(world)
    steps = crashing("before", 5)
    with pytest.raises(Crashed):
        world.run(first, steps)
    world.run_queue()
    steps.restart()
    assert world.run(first, steps)["status"] == Status.READY
    assert len(world.deployments()) == 1
    assert fork.shown == commit


def test_others_who_put_the_preview_up_are_waited_for_but_not_for_ever(fork: Fork, world: World) -> None:
    first = shown(fork, "a")
    approved(fork, "b")
    job = the_job(world)
    with world.records.begin() as tx:
        alias = tx.aliases.get(SCRIPT)
        assert alias is not None
        tx.aliases.save(replace(alias, holder="job_x", held_until=world.clock().replace(year=2030)))
    with pytest.raises(RemoteRefused, match="others kept putting its script up"):
        world.run(job)
    assert fork.shown == first
    assert world.deployments()[0].status is Status.ERROR


# -------------------- the end


def test_closing_the_pull_request_takes_it_down(fork: Fork, world: World) -> None:
    shown(fork)
    fork.close()
    world.run_queue()
    assert world.scripts.namespaces[UNTRUSTED] == {}
    assert fork.deployment.status is Status.REMOVED
    assert "This pull request is closed: its preview was removed." in fork.said


@pytest.mark.parametrize("step", range(1, 7))
@pytest.mark.parametrize("is_retired_first", [True, False])
def test_a_pull_request_that_is_closed_meanwhile_shows_nothing(
    fork: Fork, world: World, step: int, *, is_retired_first: bool
) -> None:
    approved(fork)
    steps, job = crashing("before", step), the_job(world)
    with pytest.raises(Crashed):
        world.run(job, steps)
    world.forget_queue()
    fork.close()
    if is_retired_first:
        world.run_queue()
    steps.restart()
    world.run(job, steps)
    world.run_queue()
    assert world.scripts.namespaces[UNTRUSTED] == {}
    assert not [it for it in world.deployments() if it.status in {Status.DEPLOYING, Status.READY}]


def test_a_commit_of_a_pull_request_that_is_closed_is_not_begun(fork: Fork, world: World) -> None:
    approved(fork)
    job = the_job(world)
    world.pull(replace(world.known_pull(), is_open=False))
    assert "skipped" in world.run(job)
    assert world.deployments() == []


def test_reopening_shows_an_approved_commit_again_when_its_new_run_ends(fork: Fork, world: World) -> None:
    commit = shown(fork)
    fork.close()
    world.run_queue()
    fork.close("reopened")
    fork.push("a", is_heard=False)
    fork.end(commit)
    world.run_queue()
    assert fork.shown == commit
    assert [it.status for it in world.deployments()] == [Status.READY, Status.REMOVED]


def test_it_expires_and_comes_back_when_it_is_asked_for_again(fork: Fork, world: World) -> None:
    commit = shown(fork)
    world.clock.advance(8 * DAY)
    sweep(world.records, world.clock())
    world.run_queue()
    assert world.scripts.namespaces[UNTRUSTED] == {}
    assert "has expired: say `/preview` again" in fork.said
    fork.comment()
    world.run_queue()
    assert fork.shown == commit
    assert fork.deployment.namespace == UNTRUSTED


def test_it_is_neither_promoted_nor_repeated(fork: Fork, world: World) -> None:
    shown(fork)
    for decide in (world.promote, world.redeploy):
        with pytest.raises(Conflict) as refused:
            decide(fork.deployment.id)
        assert refused.value.error_code == "deployment:from-fork"


def test_an_app_that_is_deleted_takes_it_along(fork: Fork, world: World) -> None:
    shown(fork)
    with world.records.begin() as tx:
        tx.jobs.enqueue(JobType.DELETE, "app_0001", {"keep_repository": True})
    world.run_queue()
    assert world.scripts.namespaces[UNTRUSTED] == {}


@pytest.mark.parametrize("is_gone", [True, False])
def test_an_app_that_is_gone_or_going_shows_nothing(fork: Fork, world: World, *, is_gone: bool) -> None:
    approved(fork)
    job = the_job(world)
    with world.records.begin() as tx:
        if is_gone:
            tx.apps.remove("app_0001")
        else:
            tx.apps.save(replace(tx.apps.get("app_0001"), repository=None))
    assert "skipped" in world.run(job)


def test_nobody_shows_what_nobody_approved(fork: Fork, world: World) -> None:
    commit = fork.push()
    fork.end(commit)
    with world.records.begin() as tx:
        job = tx.jobs.enqueue(JobType.FORK_PREVIEW, "app_0001", {"pull_request": 7, "commit": commit})
    assert world.run(job) == {"skipped": "nobody has approved it"}
    assert world.deployments() == []
