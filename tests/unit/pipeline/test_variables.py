from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from app.domain.aliases import Alias
from app.domain.apps import AppStatus
from app.domain.bundles import Bundle
from app.domain.deployments import Deployment
from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.jobs import JobType
from app.domain.variables import MAXIMUM_VARIABLES, Variable
from app.errors import Conflict, InvalidInput, NotFound, SecretUnreadable
from app.pipeline.bindings import environment_bindings
from app.pipeline.variables import Change, Editor, remove, set_secrets, set_variables
from tests.builders import NOON, a_deployment
from tests.unit.pipeline.runs import a_pull_run, a_run
from tests.unit.pipeline.world import NAMESPACES, WITHOUT_GATEWAY, World

PRODUCTION, PREVIEW = Environment.PRODUCTION, Environment.PREVIEW
SECRET = "canary-of-a-secret"


def editor(world: World, actor: str = "ada") -> Editor:
    return Editor(actor, world.clock(), world.vault, world.platform)


def set_(world: World, environment: Environment = PRODUCTION, app: str = "app-1", **values: str) -> Change:
    with world.records.begin() as tx:
        return set_variables(tx, app, environment, values, editor(world))


def seal(world: World, environment: Environment = PRODUCTION, **values: str) -> Change:
    with world.records.begin() as tx:
        return set_secrets(tx, "app-1", environment, values, editor(world))


def drop(world: World, name: str, *, is_secret: bool = False) -> Change:
    with world.records.begin() as tx:
        return remove(tx, "app-1", PRODUCTION, name, editor(world), is_secret=is_secret)


def kept(world: World, environment: Environment = PRODUCTION) -> dict[str, Variable]:
    with world.records.read() as tx:
        return {it.name: it for it in tx.variables.of("app_0001", environment)}


def env(world: World, script: str = "slug0001") -> dict[str, str]:
    """Return what the code of a script finds in `env`."""
    (place,) = [it for it in world.scripts.uploads if it[1] == script]
    return {it["name"]: it["text"] for it in world.scripts.uploads[place].bindings}


def bindings(world: World, deployment: Deployment, **changes: Any) -> list[Mapping[str, Any]]:
    bundle = replace(Bundle("index.js", [], "2026-11-01"), **changes)
    with world.records.read() as tx:
        return list(environment_bindings(tx, world.current(), deployment, bundle, world.vault))


# -------------------- what is kept and told


def test_a_variable_is_kept_and_told_by_its_name_alone(world: World) -> None:
    world.app()
    change = set_(world, COLOUR=SECRET)
    assert change.is_new
    assert kept(world)["COLOUR"] == Variable(
        "app_0001", PRODUCTION, "COLOUR", SECRET, is_secret=False, updated_at=NOON, actor="ada"
    )
    (event,) = world.events()
    assert (event.tag, event.subject, event.actor) == (Tag.VARIABLE_SET, "app_0001", "ada")
    assert event.payload == {"environment": "production", "name": "COLOUR"}


def test_a_secret_is_kept_as_ciphertext(world: World) -> None:
    world.app()
    seal(world, TOKEN=SECRET)
    secret = kept(world)["TOKEN"]
    assert secret.is_secret
    assert SECRET not in secret.value
    assert world.vault.open("app_0001/production/TOKEN", secret.value) == SECRET
    assert world.tags() == [Tag.SECRET_SET]
    assert SECRET not in repr(world.events())


def test_environments_have_variables_of_their_own(world: World) -> None:
    world.app()
    set_(world, COLOUR="red")
    set_(world, PREVIEW, COLOUR="blue")
    assert (kept(world)["COLOUR"].value, kept(world, PREVIEW)["COLOUR"].value) == ("red", "blue")


def test_several_are_set_together_and_others_stay(world: World) -> None:
    world.app()
    set_(world, A="1", B="2")
    change = set_(world, B="3", C="4")
    assert [it.name for it in change.variables] == ["B", "C"]
    assert {name: it.value for name, it in kept(world).items()} == {"A": "1", "B": "3", "C": "4"}


@pytest.mark.parametrize("set_again", [set_, seal])
def test_the_same_value_changes_nothing(world: World, set_again: Any) -> None:
    world.app()
    world.deploy(a_run(1))
    set_again(world, A="1")
    before, events, jobs = kept(world), world.events(), len(world.records.queue)
    world.clock.advance(60)
    change = set_again(world, A="1")
    assert (change.jobs, change.is_new) == ([], False)
    assert change.variables == [before["A"]]
    assert (kept(world), world.events(), len(world.records.queue)) == (before, events, jobs)


def test_another_value_is_written_with_who_and_when(world: World) -> None:
    world.app()
    seal(world, TOKEN="old")
    world.clock.advance(60)
    assert not seal(world, TOKEN="new").is_new
    assert kept(world)["TOKEN"].updated_at == world.clock()
    assert world.tags() == [Tag.SECRET_SET, Tag.SECRET_SET]


def test_a_secret_that_no_key_opens_may_be_set_again(world: World) -> None:
    world.app()
    seal(world, TOKEN="same")
    world.vault.keys = ("key-2",)
    seal(world, TOKEN="same")
    assert world.vault.open("app_0001/production/TOKEN", kept(world)["TOKEN"].value) == "same"


def test_what_is_removed_is_gone(world: World) -> None:
    world.app()
    set_(world, A="1", B="2")
    seal(world, TOKEN=SECRET)
    world.clock.advance(60)
    (removed,) = drop(world, "A").variables
    assert (removed.name, removed.updated_at) == ("A", world.clock())
    drop(world, "TOKEN", is_secret=True)
    assert list(kept(world)) == ["B"]
    assert world.tags()[-2:] == [Tag.VARIABLE_REMOVED, Tag.SECRET_REMOVED]


# -------------------- what is refused


@pytest.mark.parametrize(("name", "is_secret"), [("NOTHING", False), ("A", True), ("TOKEN", False)])
def test_what_is_not_there_is_not_removed(world: World, name: str, *, is_secret: bool) -> None:
    world.app()
    set_(world, A="1")
    seal(world, TOKEN=SECRET)
    with pytest.raises(NotFound) as refused:
        drop(world, name, is_secret=is_secret)
    assert refused.value.error_code == ("secret:not-found" if is_secret else "variable:not-found")


def test_one_name_is_not_both(world: World) -> None:
    world.app()
    set_(world, A="1")
    seal(world, TOKEN=SECRET)
    with pytest.raises(Conflict, match="setting TOKEN of app-1/production: it is a secret") as refused:
        set_(world, TOKEN="1")
    assert refused.value.error_code == "variable:is-secret"
    with pytest.raises(Conflict, match="it is a variable; remove that first") as refused:
        seal(world, A=SECRET)
    assert refused.value.error_code == "secret:is-variable"


def test_one_that_is_refused_takes_the_others_with_it(world: World) -> None:
    world.app()
    for wrong in ({"2FA": "x"}, {"B": "x" * 6000}, {"BRANCHLINE_COMMIT": "x"}):
        with pytest.raises(InvalidInput):
            set_(world, PRODUCTION, "app-1", **{"A": "1", **wrong})
    assert kept(world) == {}
    assert world.events() == []


def test_an_environment_has_so_many_at_most(world: World) -> None:
    world.app()
    set_(world, PRODUCTION, "app-1", **{f"V{number}": "1" for number in range(MAXIMUM_VARIABLES - 1)})
    seal(world, TOKEN=SECRET)
    for one_more in (set_, seal):
        with pytest.raises(Conflict, match="100 are the most, with secrets") as refused:
            one_more(world, ONE_MORE="1")
        assert refused.value.error_code == "variable:too-many"
    set_(world, V0="2")
    set_(world, PREVIEW, A="1")


def test_variables_need_the_gateway() -> None:
    world = World(WITHOUT_GATEWAY)
    world.app()
    for change in (set_, seal):
        with pytest.raises(Conflict, match="they need the deploy gateway") as refused:
            change(world, A="1")
        assert refused.value.error_code == "variable:needs-gateway"
    with pytest.raises(Conflict):
        drop(world, "A")


def test_an_app_that_goes_takes_no_variables(world: World) -> None:
    world.app(status=AppStatus.DELETING)
    with pytest.raises(Conflict) as refused:
        set_(world, A="1")
    assert refused.value.error_code == "app:deleting"
    with pytest.raises(NotFound):
        set_(world, app="nothing", A="1")


@pytest.mark.parametrize("status", [AppStatus.PROVISIONING, AppStatus.FAILED, AppStatus.DETACHED])
def test_any_other_app_does(world: World, status: AppStatus) -> None:
    world.app(status=status)
    assert set_(world, A="1").jobs == []
    assert "A" in kept(world)


# -------------------- what is live is brought in line


def test_what_is_live_has_it_without_a_build(world: World) -> None:
    world.app()
    live = world.deploy(a_run(1))
    world.run_queue()
    set_(world, COLOUR="red")
    (job,) = seal(world, TOKEN=SECRET).jobs
    assert (job.type, job.app_id, job.arguments) == (JobType.RELEASE, "app_0001", {"script": "slug0001"})
    assert not world.alias().is_settled
    world.run_queue()
    assert env(world) == {
        "COLOUR": "red",
        "TOKEN": SECRET,
        "BRANCHLINE_COMMIT": live.commit,
        "BRANCHLINE_ENVIRONMENT": "production",
        "BRANCHLINE_DEPLOYMENT": live.id,
    }
    assert world.alias().is_settled
    drop(world, "TOKEN", is_secret=True)
    world.run_queue()
    assert "TOKEN" not in env(world)


def test_every_preview_is_brought_in_line_and_nothing_else(world: World) -> None:
    world.app()
    world.deploy(a_run(1))
    world.deploy(a_pull_run(2, 7))
    world.deploy(a_pull_run(3, 8))
    world.deploy(a_run(4, ref="refs/heads/staging", branch="staging"))
    change = set_(world, PREVIEW, COLOUR="red")
    scripts = [job.arguments["script"] for job in change.jobs]
    assert scripts == ["preview-pr7-slug0001", "preview-pr8-slug0001"]
    assert [world.alias(script).is_settled for script in scripts] == [False, False]
    assert world.alias().is_settled


def test_nothing_is_asked_for_while_nothing_is_live(world: World) -> None:
    world.app()
    world.start(a_run(1))
    assert set_(world, A="1").jobs == []
    assert world.jobs(JobType.RELEASE) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"deployment_id": None},
        {"expired_at": NOON},
        {"deployment_id": "dpl_0002_1"},  # one that uploaded by itself: no bundle is kept
        {"environment": Environment.STAGING},
    ],
    ids=["shows nothing", "expired", "no bundle", "another environment"],
)
def test_a_script_that_shows_none_of_it_stays(world: World, changes: dict[str, Any]) -> None:
    world.app()
    an_alias(world, **changes)
    world.deployment(a_deployment(2))
    assert set_(world, A="1").jobs == []


def test_an_upload_that_is_under_way_is_put_right_afterwards(world: World) -> None:
    world.app()
    an_alias(world, deployment_id=None, holder="dpl_0001_1", held_until=NOON)
    assert len(set_(world, A="1").jobs) == 1


def test_a_secret_changes_nothing_for_a_fork(world: World) -> None:
    world.app()
    world.deployment(a_deployment(3, environment=PREVIEW, bundle="b" * 64, is_from_fork=True))
    an_alias(world, script="fork-pr7-slug0001", environment=PREVIEW, deployment_id="dpl_0003_1")
    assert seal(world, PREVIEW, TOKEN=SECRET).jobs == []
    assert len(set_(world, PREVIEW, COLOUR="red").jobs) == 1


def an_alias(world: World, **changes: Any) -> None:
    world.deployment(a_deployment(1, bundle="a" * 64))
    alias = Alias(
        "app_0001", "slug0001", PRODUCTION, NAMESPACES[PRODUCTION], NOON, deployment_id="dpl_0001_1"
    )
    with world.records.begin() as tx:
        tx.aliases.save(replace(alias, **changes))


# -------------------- bindings


def test_of_two_with_one_name_the_environment_counts_more_and_we_the_most(world: World) -> None:
    world.app()
    set_(world, COLOUR="red")
    seal(world, TOKEN=SECRET)
    own = [
        {"type": "assets", "name": "ASSETS"},
        {"type": "json", "name": "COLOUR", "json": "blue"},
        {"type": "plain_text", "name": "BRANCHLINE_COMMIT", "text": "forged"},
    ]
    deployment = a_deployment(1)
    assert bindings(world, deployment, bindings=own) == [
        {"type": "assets", "name": "ASSETS"},
        {"type": "plain_text", "name": "COLOUR", "text": "red"},
        {"type": "plain_text", "name": "BRANCHLINE_COMMIT", "text": deployment.commit},
        {"type": "secret_text", "name": "TOKEN", "text": SECRET},
        {"type": "plain_text", "name": "BRANCHLINE_ENVIRONMENT", "text": "production"},
        {"type": "plain_text", "name": "BRANCHLINE_DEPLOYMENT", "text": "dpl_0001_1"},
    ]


def test_a_fork_gets_variables_and_no_secrets(world: World) -> None:
    world.app()
    set_(world, PREVIEW, COLOUR="red")
    seal(world, PREVIEW, TOKEN=SECRET)
    theirs = bindings(world, a_deployment(1, environment=PREVIEW, is_from_fork=True))
    assert [it["name"] for it in theirs if not it["name"].startswith("BRANCHLINE_")] == ["COLOUR"]
    ours = bindings(world, a_deployment(1, environment=PREVIEW))
    assert {"type": "secret_text", "name": "TOKEN", "text": SECRET} in ours


def test_assets_alone_are_told_nothing(world: World) -> None:
    world.app()
    seal(world, TOKEN=SECRET)
    assert bindings(world, a_deployment(1), main_module=None) == []


def test_a_secret_whose_key_is_gone_is_named(world: World) -> None:
    world.app()
    seal(world, TOKEN=SECRET)
    world.vault.keys = ("key-2",)
    with pytest.raises(SecretUnreadable, match="does not open secret app_0001/production/TOKEN:") as refused:
        bindings(world, a_deployment(1))
    assert refused.value.error_code == "secret:unreadable"


def test_a_secret_that_was_put_under_another_name_is_noticed(world: World) -> None:
    world.app()
    seal(world, TOKEN=SECRET)
    with world.records.begin() as tx:
        tx.variables.save(replace(kept(world)["TOKEN"], name="GREETING"))
    with pytest.raises(SecretUnreadable, match="app_0001/production/GREETING"):
        bindings(world, a_deployment(1))
