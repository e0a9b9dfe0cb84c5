"""What a fork's run left is not believed: what is hostile, too large or absent is refused with the reason."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.deployments import Status
from app.domain.events import Tag
from app.errors import InvalidInput, RemoteForbidden, RemoteMissing, RemoteUnavailable, ScriptRefused
from app.pipeline.fork_preview import ARTIFACT
from tests.fakes.code_host_forks import leave_artifact, recorded
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.forks import HOME, UNTRUSTED, Fork, approved, crashing, the_job
from tests.unit.pipeline.world import World


@pytest.fixture
def fork(world: World) -> Fork:
    world.app()
    return Fork(world)


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
