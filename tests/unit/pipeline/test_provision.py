"""An app is asked for and gets its repository: in few writes, once, and whatever crashes or refuses."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.apps import AppStatus
from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.jobs import JobType
from app.domain.platform import DeployAuth
from app.errors import Conflict, InvalidInput, RateLimited, RemoteForbidden, RemoteUnavailable
from app.pipeline.generate import GivenFile
from app.pipeline.install import deploy_secret
from app.pipeline.provision import provision
from app.ports import DeployAccess
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.provisioning import MAXIMUM_WRITES, README, STEPS, assert_provisioned
from tests.unit.pipeline.world import World


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


# ------------------------------------------------------------------------------------ what takes its time


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
