"""An app is asked for and gets its repository: in few writes, once, and never somebody else's."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.apps import AppStatus
from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.jobs import JobType
from app.domain.platform import DeployAuth
from app.errors import (
    Conflict,
    InvalidInput,
    RateLimited,
    RemoteConflict,
    RemoteForbidden,
    RemoteRefused,
    RemoteUnavailable,
)
from app.pipeline.generate import GivenFile
from app.pipeline.install import WEBHOOK_EVENTS, deploy_secret
from app.pipeline.provision import provision
from app.ports import DeployAccess
from tests.fakes.clock import FakeClock
from tests.fakes.code_host import FakeCodeHost
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.world import NAMESPACES, TEMPLATE, TEMPLATE_FILES, World

STEPS = [
    "check name",
    "fork template",
    "wait for repository",
    "keep repository",
    "switch Actions on",
    "ensure namespace production",
    "ensure namespace staging",
    "ensure namespace preview",
    "ensure namespace untrusted",
    "create environment production",
    "create environment staging",
    "create environment preview",
    "set variable",
    "create webhook",
    "commit files",
    "create branch staging",
    "see the first run",
    "finish",
]
MAXIMUM_WRITES = 11
README = GivenFile("README.md", "# Hello\n")


def history(world: World, name: str = "acme/hello") -> list[str]:
    """Return the first lines of main's commits, newest first."""
    repository = world.repository(name)
    subjects, sha = list[str](), repository.branches.get("main")
    while sha:
        commit = repository.commits[sha]
        subjects.append(commit.message.splitlines()[0])
        sha = commit.parent
    return subjects


def assert_provisioned(world: World) -> None:
    """Check that all is there, and once."""
    repository = world.repository("acme/hello")
    app = world.current("hello")
    assert [name for name in world.host.repositories if name != TEMPLATE] == ["acme/hello"]
    assert history(world) == ["Set up hello", "Start"]
    files = repository.files("main")
    assert files["README.md"] == b"# Hello\n"
    assert files[".github/workflows/deploy.yml"] == b"name: Deploy\n"
    assert files[".github/branchline/deploy.mjs"] == b"// deploys\n"
    assert {"wrangler.jsonc", "branchline.json", "package.json"} <= set(files)
    assert repository.branches["staging"] == repository.branches["main"]
    assert repository.environments == {"production", "staging", "preview"}
    assert repository.variables == {"BRANCHLINE_URL": "https://branchline.test"}
    assert repository.secrets == {}
    webhook = repository.webhooks["https://branchline.test/webhooks/github"]
    assert len(repository.webhooks) == 1
    assert (webhook.secret, webhook.events) == ("the webhook secret", WEBHOOK_EVENTS)
    assert set(world.scripts.namespaces) == {*NAMESPACES.values(), "live-untrusted"}
    assert app.status is AppStatus.READY
    assert app.repository == repository.description
    assert world.tags(app.id) == [Tag.APP_REQUESTED, Tag.APP_REPOSITORY_FORKED, Tag.APP_READY]


def test_an_app_is_asked_for_in_one_transaction(world: World) -> None:
    app, job = world.order(files=[README])
    assert app.status is AppStatus.PROVISIONING
    assert job.type is JobType.PROVISION
    assert job.arguments == {"files": [{"path": "README.md", "content": "IyBIZWxsbwo="}]}
    assert world.records.queue == [job]
    assert world.tags(app.id) == [Tag.APP_REQUESTED]
    assert [event.actor for event in world.events(app.id)] == ["token"]


@pytest.mark.parametrize(
    "given",
    [
        {"name": "Hello"},
        {"name": "../etc"},
        {"files": [GivenFile(".git/config", "")]},
        {"branches": {"a b": Environment.STAGING}},
    ],
)
def test_nothing_is_kept_of_an_order_that_is_refused(world: World, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        world.order(**{"name": "hello", **given})
    assert world.records.queue == []
    assert world.records.events == []


def test_a_name_is_given_once(world: World) -> None:
    world.order("hello")
    with pytest.raises(Conflict) as conflict:
        world.order("hello")
    assert conflict.value.error_code == "app:name-taken"
    assert len(world.records.queue) == 1


@pytest.mark.parametrize(
    "name",
    ["", "a..b", "-a", "a/", "/a", "a//b", "a.lock", ".a", "a b", "a~", "a:b", "a\\b", "ü", "a" * 101, "a\n"],
)
def test_a_branch_that_git_would_not_take_is_refused(world: World, name: str) -> None:
    with pytest.raises(InvalidInput, match="mapping branches"):
        world.order(branches={name: Environment.STAGING})


def test_ten_branches_are_enough(world: World) -> None:
    branches = {f"release/{n}": Environment.STAGING for n in range(11)}
    with pytest.raises(InvalidInput, match="11 are more than 10"):
        world.order(branches=branches)


def test_an_app_is_made_step_by_step(world: World) -> None:
    _, job = world.order(files=[README])
    steps = FakeSteps()
    result = world.run(job, steps)
    assert steps.step_names == STEPS
    head = world.repository("acme/hello").branches["main"]
    assert result == {"repository": "acme/hello", "commit": head}
    assert_provisioned(world)


def test_an_app_costs_eleven_writes_at_most(world: World) -> None:
    _, job = world.order(files=[README])
    world.run(job)
    assert world.host.writes["acme/hello"] == MAXIMUM_WRITES
    assert world.host.writes.total() == MAXIMUM_WRITES


@pytest.mark.parametrize(
    ("deploy_auth", "names"),
    [
        (DeployAuth.OIDC, []),
        (DeployAuth.HMAC, ["BRANCHLINE_SECRET"]),
        (DeployAuth.TOKEN, ["BRANCHLINE_SECRET", "CLOUDFLARE_API_TOKEN"]),
    ],
)
def test_each_secret_costs_one_write_more(world: World, deploy_auth: DeployAuth, names: list[str]) -> None:
    world.platform = replace(world.platform, deploy_auth=deploy_auth)
    app, job = world.order()
    world.run(job)
    values = {
        "BRANCHLINE_SECRET": deploy_secret("k" * 32, app.id),
        "CLOUDFLARE_API_TOKEN": world.scripts.access().api_token,
    }
    assert world.repository("acme/hello").secrets == {name: values[name] for name in names}
    assert world.host.writes.total() == MAXIMUM_WRITES + len(names)


def test_a_github_app_needs_no_webhook_of_its_own(world: World) -> None:
    _, job = world.order()
    provision(job, FakeSteps(), world.provisioner(webhook_secret=None))
    assert world.repository("acme/hello").webhooks == {}
    assert world.host.writes["acme/hello"] == MAXIMUM_WRITES - 1


def test_only_the_branches_that_an_app_maps_are_created(world: World) -> None:
    branches = {"main": Environment.PRODUCTION, "next": Environment.STAGING, "lab": Environment.PREVIEW}
    _, job = world.order(branches=branches)
    world.run(job)
    assert set(world.repository("acme/hello").branches) == {"main", "next", "lab"}


@pytest.mark.parametrize("moment", ["crash_before", "crash_after"])
@pytest.mark.parametrize("number", range(1, len(STEPS) + 1))
def test_a_crash_at_any_step_leaves_no_trace(world: World, moment: str, number: int) -> None:
    _, job = world.order(files=[README])
    steps = FakeSteps()
    setattr(steps, moment, number)
    with pytest.raises(Crashed):
        world.run(job, steps)
    world.clock.advance(40)
    steps.restart()
    world.run(job, steps)
    assert_provisioned(world)
    assert world.host.writes.total() == MAXIMUM_WRITES


def test_a_crash_after_a_secret_sets_it_again(world: World) -> None:
    world.platform = replace(world.platform, deploy_auth=DeployAuth.HMAC)
    _, job = world.order()
    steps = FakeSteps()
    steps.crash_after = STEPS.index("create webhook") + 1
    with pytest.raises(Crashed):
        world.run(job, steps)
    assert set(world.repository("acme/hello").secrets) == {"BRANCHLINE_SECRET"}
    steps.restart()
    world.run(job, steps)
    # It is the one thing that cannot be looked at before it is set again.
    assert world.host.writes.total() == MAXIMUM_WRITES + 2


CALLS = [
    *("fork", "enable_actions", "commit", "ensure_branch"),
    *("ensure_environment", "ensure_webhook", "set_variable"),
]


@pytest.mark.parametrize("is_late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", CALLS)
def test_github_being_away_only_takes_longer(world: World, call: str, *, is_late: bool) -> None:
    _, job = world.order(files=[README])
    away = RemoteUnavailable(f"calling {call}: 502")
    world.host.fail_next(away, call=call, times=3, is_late=is_late)
    steps = FakeSteps()
    world.run(job, steps)
    assert_provisioned(world)
    assert steps.waited_for
    assert set(steps.waited_for) == {away.message}


def test_a_rate_limit_is_waited_out(world: World) -> None:
    _, job = world.order(files=[README])
    limited = RateLimited("forking: rate limit", retry_at=world.clock() + timedelta(hours=1))
    world.host.fail_next(limited, call="fork")
    world.run(job)
    assert_provisioned(world)
    assert world.host.writes.total() == MAXIMUM_WRITES


def test_a_refusal_ends_the_job(world: World) -> None:
    _, job = world.order()
    world.host.fail_next(RemoteForbidden("setting a variable: no permission"), call="set_variable")
    with pytest.raises(RemoteForbidden):
        world.run(job)
    assert world.current("hello").status is AppStatus.PROVISIONING


# ----------------------------------------------------------------------------- never into what is not ours


def test_an_existing_repository_is_never_written_to(world: World) -> None:
    world.host.add_repository("acme/hello", {"precious.txt": b"mine"})
    before = dict(world.repository("acme/hello").branches)
    _, job = world.order()
    with pytest.raises(RemoteConflict) as refused:
        world.run(job)
    assert refused.value.error_code == "repository:name-taken"
    assert world.host.writes.total() == 0
    assert world.repository("acme/hello").branches == before


def test_a_repository_that_appears_meanwhile_is_never_written_to(world: World) -> None:
    _, job = world.order()
    steps = FakeSteps(crash_before=2)
    with pytest.raises(Crashed):
        world.run(job, steps)
    # Somebody renames an old repository to the name that was free a moment ago.
    theirs = world.host.add_repository("acme/hello", {"precious.txt": b"mine"})
    theirs.description = replace(theirs.description, created_at=world.clock() - timedelta(days=400))
    steps.restart()
    with pytest.raises(RemoteConflict):
        world.run(job, steps)
    assert theirs.files("main") == {"precious.txt": b"mine"}
    assert theirs.webhooks == {}
    assert theirs.secrets == {}


@pytest.mark.parametrize("is_private", [False, True], ids=["forked", "generated"])
def test_a_repository_that_takes_the_place_of_ours_is_never_written_to(
    world: World, *, is_private: bool
) -> None:
    _, job = world.order(is_private=is_private)
    steps = FakeSteps(crash_before=STEPS.index("keep repository") + 1)
    with pytest.raises(Crashed):
        world.run(job, steps)
    # Ours is renamed away and an old repository gets its name while nobody looks.
    del world.host.repositories["acme/hello"]
    theirs = world.host.add_repository("acme/hello", {"precious.txt": b"mine"})
    theirs.description = replace(theirs.description, created_at=world.clock() - timedelta(days=400))
    steps.restart()
    with pytest.raises(RemoteRefused) as refused:
        world.run(job, steps)
    assert refused.value.error_code == "repository:lost"
    assert theirs.files("main") == {"precious.txt": b"mine"}
    assert (theirs.webhooks, theirs.secrets, theirs.variables) == ({}, {}, {})
    assert world.current("hello").repository is None


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_clock_that_runs_are_still_believed_by_makes_apps(world: World, minutes: int) -> None:
    world.host = FakeCodeHost(FakeClock(world.clock() + timedelta(minutes=minutes)))
    world.host.add_repository(TEMPLATE, TEMPLATE_FILES, is_template=True)
    _, job = world.order(files=[README])
    world.run(job)
    assert_provisioned(world)


def test_a_fork_that_existed_already_is_left_alone(world: World) -> None:
    _, first = world.order("first")
    world.run(first)
    writes = world.host.writes["acme/first"]
    commits = dict(world.repository("acme/first").commits)
    # GitHub answers a second fork of the same template with the first one.
    world.host.allows_second_fork = False
    _, second = world.order("second")
    steps = FakeSteps()
    world.run(second, steps)
    assert "create from template" in steps.step_names
    assert "switch Actions on" not in steps.step_names
    made = world.repository("acme/second")
    assert made.description.is_fork is False
    assert history(world, "acme/second") == ["Set up second", "Initial commit"]
    assert world.repository("acme/first").commits == commits
    assert world.host.writes["acme/first"] == writes
    assert Tag.APP_REPOSITORY_GENERATED in world.tags()


def test_a_template_that_cannot_be_forked_is_generated_from(world: World) -> None:
    world.host.fail_next(RemoteConflict("forking: the parent is in the same organisation"), call="fork")
    _, job = world.order()
    world.run(job)
    assert world.repository("acme/hello").description.is_fork is False
    assert world.current("hello").status is AppStatus.READY


def test_a_private_app_is_no_fork(world: World) -> None:
    _, job = world.order(is_private=True)
    steps = FakeSteps()
    world.run(job, steps)
    description = world.repository("acme/hello").description
    assert (description.is_private, description.is_fork) == (True, False)
    assert "fork template" not in steps.step_names
    assert "fork" not in world.host.faults.calls
    assert world.host.writes.total() <= MAXIMUM_WRITES


@pytest.mark.parametrize("number", range(1, 4))
def test_a_private_app_survives_a_crash(world: World, number: int) -> None:
    _, job = world.order(is_private=True)
    steps = FakeSteps(crash_after=number)
    with pytest.raises(Crashed):
        world.run(job, steps)
    steps.restart()
    world.run(job, steps)
    assert world.host.writes["acme/hello"] <= MAXIMUM_WRITES
    assert history(world) == ["Set up hello", "Initial commit"]


# ------------------------------------------------------------------------------------ what takes its time


def test_a_fork_that_is_filled_late_is_waited_for(world: World) -> None:
    world.host.looks_until_fork_is_filled = 4
    _, job = world.order(files=[README])
    steps = FakeSteps()
    world.run(job, steps)
    assert steps.slept == [0.25, 0.375, 0.5625, 0.84375]
    assert_provisioned(world)


def test_a_fork_that_is_never_filled_is_given_up(world: World) -> None:
    world.host.looks_until_fork_is_filled = 10_000
    _, job = world.order()
    steps = FakeSteps()
    with pytest.raises(RemoteRefused, match="acme/hello: still empty after 300 seconds") as refused:
        world.run(job, steps)
    assert refused.value.error_code == "repository:empty"
    assert 300 <= sum(steps.slept) <= 310
    assert max(steps.slept) <= 10


def test_silent_actions_are_switched_on(world: World) -> None:
    world.host.forks_are_silent = True
    _, job = world.order(files=[README])
    steps = FakeSteps()
    world.run(job, steps)
    assert steps.step_names[-4:] == ["enable workflow", "start workflow", "see a run", "finish"]
    assert [run.event for run in world.repository("acme/hello").runs] == ["workflow_dispatch"]
    assert world.current("hello").status is AppStatus.READY


def test_actions_that_stay_silent_are_said_clearly(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.host, "start_run", lambda *_: None)
    _, job = world.order()
    with pytest.raises(RemoteRefused, match="open the repository's Actions page") as refused:
        world.run(job)
    assert refused.value.error_code == "repository:actions-silent"
    assert refused.value.details["repository"] == "acme/hello"
    assert world.current("hello").status is AppStatus.PROVISIONING


@pytest.mark.parametrize("call", ["enable_workflow", "dispatch"])
def test_actions_that_refuse_to_speak_are_said_clearly(world: World, call: str) -> None:
    world.host.forks_are_silent = True
    world.host.fail_next(RemoteConflict("starting the workflow: 422"), call=call)
    _, job = world.order()
    with pytest.raises(RemoteRefused, match="open the repository's Actions page") as refused:
        world.run(job)
    assert refused.value.error_code == "repository:actions-silent"
    assert "422" in refused.value.message


def test_a_commit_by_somebody_else_is_not_overwritten(world: World) -> None:
    _, job = world.order()
    world.host.fail_next(RemoteConflict("committing to acme/hello: main moved"), call="commit")
    with pytest.raises(RemoteConflict, match="main moved"):
        world.run(job)
    assert history(world) == ["Start"]


def test_a_repository_that_disappears_is_said(world: World) -> None:
    _, job = world.order()
    steps = FakeSteps(crash_before=STEPS.index("keep repository") + 1)
    with pytest.raises(Crashed):
        world.run(job, steps)
    del world.host.repositories["acme/hello"]
    steps.restart()
    with pytest.raises(RemoteRefused, match="disappeared"):
        world.run(job, steps)


def test_arguments_of_a_job_hold_no_secret(world: World) -> None:
    world.platform = replace(world.platform, deploy_auth=DeployAuth.TOKEN)
    app, job = world.order()
    world.run(job)
    secret = deploy_secret("k" * 32, app.id)
    told = repr((world.records.queue, world.records.events))
    for hidden in (secret, "the webhook secret", world.scripts.access().api_token):
        assert hidden not in told


def test_what_holds_a_secret_does_not_show_it(world: World) -> None:
    shown = repr((world.provisioner(), DeployAccess("https://cloudflare.test", "account", "deploy token")))
    assert "https://cloudflare.test" in shown
    for secret in ("k" * 32, "the webhook secret", "deploy token"):
        assert secret not in shown
