"""What drifts is found, told once, and healed as far as the policy goes; a failed look says nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.apps import AppStatus, Heal
from app.domain.deployments import Status
from app.domain.drift import Drift, Kind
from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.jobs import JobStatus, JobType
from app.domain.passes import Estimate
from app.errors import RemoteConflict, RemoteMissing, RemoteRefused, RemoteUnavailable
from app.pipeline.reconcile import request_pass, schedule
from tests.builders import a_pull, an_app
from tests.fakes.code_host_ports import FakeRuns
from tests.fakes.code_host_sights import propose
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.reconciling import FILES, OLDER, Drifting, deployed, end_run, push
from tests.unit.pipeline.world import NAMESPACES, TEMPLATE_FILES, a_pull_run, what_github_says

PRODUCTION = NAMESPACES[Environment.PRODUCTION]
PREVIEW = NAMESPACES[Environment.PREVIEW]
WORKFLOW_FILE = ".github/workflows/deploy.yml"


@pytest.fixture
def world() -> Drifting:
    return Drifting()


@pytest.fixture
def deployed_world(world: Drifting) -> Drifting:
    """Return a world with one app that is live, and nothing to find."""
    world.settled_app()
    deployed(world)
    world.run_queue()
    world.look_at_all()
    assert world.drift() == []
    return world


# -------------------- heads, runs, deployments


def test_a_head_that_nobody_told_us_of_is_deployed(world: Drifting) -> None:
    world.settled_app()
    report = push(world)
    world.look_at_all()
    assert world.drift() == [(Kind.HEAD_UNDEPLOYED, f"main@{report.commit}")]
    world.heal_all()
    assert [(it.commit, it.status) for it in world.deployments()] == [(report.commit, Status.QUEUED)]
    assert world.drift() == []


def test_a_commit_that_is_the_head_of_two_branches_is_deployed_to_both(world: Drifting) -> None:
    world.settled_app()
    report = push(world)
    repository = world.repository()
    world.host.move(repository, "staging", report.commit)
    world.heal_all()
    found = {(it.branch, it.environment) for it in world.deployments()}
    assert found == {("main", Environment.PRODUCTION), ("staging", Environment.STAGING)}


def test_a_head_without_a_run_is_told_and_started_only_by_who_heals_all(world: Drifting) -> None:
    world.settled_app()
    report = push(world)
    world.repository().runs.clear()
    world.heal_all()
    assert world.drift() == [(Kind.HEAD_UNDEPLOYED, f"main@{report.commit}")]
    assert "no run" in world.open_drift()[0].facts["outcome"]
    asked = world.host.faults.calls.count("of_commit")
    world.heal_all()
    assert world.host.faults.calls.count("of_commit") == asked, "it asks again for the same commit"


def test_a_head_without_a_run_is_started_by_who_heals_all(world: Drifting) -> None:
    world.settled_app(heal=Heal.ALL)
    report = push(world)
    world.repository().runs.clear()
    world.heal_all()
    assert [it.commit for it in world.deployments()] == [report.commit]
    assert world.drift() == []


def test_a_run_that_ended_without_telling_us_is_heard(world: Drifting) -> None:
    world.settled_app()
    report = push(world)
    world.hear(what_github_says(report, "requested"))
    end_run(world, report, "failure")
    world.look_at_all()
    assert world.drift() == [(Kind.RUN_AHEAD, world.deployments()[0].id)]
    world.heal_all()
    assert [it.status for it in world.deployments()] == [Status.ERROR]
    assert world.drift() == []


def test_a_run_that_began_without_telling_us_is_heard(world: Drifting) -> None:
    world.settled_app()
    report = push(world)
    world.hear(what_github_says(report, "requested"))
    world.host.set_run("acme/app-1", report.run_id, "in_progress")
    world.heal_all()
    assert [it.status for it in world.deployments()] == [Status.BUILDING]


def test_a_deployment_that_was_uploaded_is_ready_although_its_end_was_lost(world: Drifting) -> None:
    world.settled_app()
    report = push(world)
    world.start(report)
    world.upload(report)
    end_run(world, report)
    world.heal_all()
    assert [it.status for it in world.deployments()] == [Status.READY]
    assert world.code() == report.commit


def test_a_deployment_of_an_older_commit_is_asked_about_after_an_hour(world: Drifting) -> None:
    world.settled_app()
    report = push(world)
    world.hear(what_github_says(report, "requested"))
    newer = push(world)
    world.hear(what_github_says(newer, "requested"))
    end_run(world, report, "cancelled")
    world.look_at_all()
    assert world.drift() == []
    world.later(hours=1)
    world.heal_all()
    assert [it.status for it in world.deployments()] == [Status.QUEUED, Status.SUPERSEDED]


def test_a_run_that_was_seen_is_not_gone_where_it_is_not_listed_yet(
    world: Drifting, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.settled_app()
    report = push(world)
    world.start(report)
    end_run(world, report)
    with monkeypatch.context() as patched:
        patched.setattr(FakeRuns, "of_commit", lambda *_: [])
        world.look_at_app(heal=Heal.SAFE)
    assert [it.status for it in world.deployments()] == [Status.DEPLOYING]


def test_a_deployment_whose_run_is_gone_ends(world: Drifting) -> None:
    world.settled_app()
    report = push(world)
    world.hear(what_github_says(report, "requested"))
    push(world)
    world.repository().runs[:] = [it for it in world.repository().runs if it.run.id != report.run_id]
    world.later(hours=1)
    world.heal_all()
    assert world.deployments()[1].status is Status.SUPERSEDED


def test_a_run_that_heals_an_app_that_failed_makes_it_ready(world: Drifting) -> None:
    world.settled_app(status=AppStatus.FAILED)
    push(world)
    world.heal_all()
    assert world.current().status is AppStatus.READY


# -------------------- pull requests and branches


def test_a_pull_request_that_we_never_heard_of_is_followed(world: Drifting) -> None:
    world.settled_app()
    report = push(world, "hello", event="pull_request")
    propose(world.host, "acme/app-1", "hello", number=7)
    world.look_at_all()
    assert (Kind.PULL_UNHEARD, "#7") in world.drift()
    world.heal_all()
    pull = world.known_pull()
    assert (pull.is_open, pull.head_commit, pull.comment_id is not None) == (True, report.commit, True)


def test_a_pull_request_whose_head_moved_is_followed(world: Drifting) -> None:
    world.settled_app()
    push(world, "hello")
    propose(world.host, "acme/app-1", "hello", number=7)
    world.heal_all()
    newer = push(world, "hello")
    propose(world.host, "acme/app-1", "hello", number=7, updated_at=world.clock())
    world.heal_all()
    assert world.known_pull().head_commit == newer.commit
    assert world.tags("app_0001").count(Tag.PULL_REQUEST_PUSHED) == 1


def test_a_pull_request_that_was_opened_again_is_followed(world: Drifting) -> None:
    world.settled_app()
    world.pull(a_pull(7, is_open=False, updated_at=world.clock() - timedelta(hours=4)))
    push(world, "hello")
    propose(world.host, "acme/app-1", "hello", number=7)
    world.heal_all()
    assert world.known_pull().is_open


def a_preview(world: Drifting) -> str:
    """Deploy a pull request's preview and return its script."""
    push(world, "hello")
    propose(world.host, "acme/app-1", "hello", number=7)
    report = deployed(world, "hello", event="pull_request", pull_request=7)
    world.heal_all()
    assert world.code("preview-pr7-slug0001") == report.commit
    return "preview-pr7-slug0001"


def test_a_pull_request_that_was_closed_is_only_told_where_nothing_may_be_deleted(world: Drifting) -> None:
    world.settled_app()
    script = a_preview(world)
    world.repository().proposed.clear()
    world.heal_all()
    assert world.drift() == [(Kind.PULL_CLOSED, "#7")]
    assert world.code(script) is not None


def test_a_pull_request_that_was_closed_is_taken_down_by_who_heals_all(world: Drifting) -> None:
    world.settled_app(heal=Heal.ALL)
    script = a_preview(world)
    world.repository().proposed.clear()
    world.heal_all()
    assert (world.drift(), world.code(script), world.known_pull().is_open) == ([], None, False)
    assert world.scripts.namespaces[PREVIEW] == {}


@pytest.mark.parametrize("known", [None, False])
def test_a_preview_of_a_closed_pull_request_is_taken_down_although_nobody_told_of_it(
    world: Drifting,
    known: bool | None,  # noqa: FBT001 - a parameter of the test
) -> None:
    world.settled_app(heal=Heal.ALL)
    deployed(world, "hello", event="pull_request", pull_request=7)
    if known is not None:
        world.pull(a_pull(7, is_open=known))
    world.look_at_all()
    assert (Kind.PULL_CLOSED, "#7") in world.drift()
    world.heal_all()
    assert world.scripts.namespaces[PREVIEW] == {}


def test_a_pull_request_that_is_heard_of_while_we_look_is_not_taken_for_closed(world: Drifting) -> None:
    world.settled_app(heal=Heal.ALL)
    world.later()
    with world.records.begin() as tx:
        job = request_pass(tx)
    world.pull(a_pull(7, updated_at=world.clock()))
    world.run(job)
    assert (Kind.PULL_CLOSED, "#7") not in world.drift()


def test_a_branch_that_was_deleted_loses_its_preview(world: Drifting) -> None:
    world.settled_app(heal=Heal.ALL)
    deployed(world, "try")
    world.heal_all()
    assert world.code("preview-slug0001") is not None
    del world.repository().branches["try"]
    world.look_at_all()
    assert world.drift() == [(Kind.BRANCH_GONE, "try")]
    world.heal_all()
    assert (world.drift(), world.code("preview-slug0001")) == ([], None)


# -------------------- scripts


def test_a_script_that_is_gone_is_put_up_again(deployed_world: Drifting) -> None:
    world, live = deployed_world, deployed_world.code()
    for script in list(world.scripts.namespaces[PRODUCTION]):
        world.scripts.delete(PRODUCTION, script)
    world.look_at_all()
    assert {kind for kind, _ in world.drift()} == {Kind.SCRIPT_GONE}
    assert len(world.drift()) == 2, "the environment's and the deployment's own"
    world.heal_all()
    own = world.deployments()[0].own_script
    assert (world.drift(), world.code(), world.code(own or "")) == ([], live, live)
    assert world.deployments()[0].expires_at is None


def test_a_script_whose_bytes_are_somebody_elses_is_told(deployed_world: Drifting) -> None:
    world = deployed_world
    world.scripts.upload(PRODUCTION, "slug0001", world.scripts.namespaces[PRODUCTION]["slug0001"])
    world.heal_all()
    assert world.drift() == [(Kind.SCRIPT_CHANGED, f"{PRODUCTION}/slug0001")]


def test_a_script_whose_bytes_are_somebody_elses_is_put_right_by_who_heals_all(
    deployed_world: Drifting,
) -> None:
    world = deployed_world
    etags = dict(world.scripts.etags)
    for script, tags in list(world.scripts.namespaces[PRODUCTION].items()):
        world.scripts.upload(PRODUCTION, script, tags)
    world.look_at_app(heal=Heal.ALL)
    world.run_queue()
    world.heal_all()
    assert world.drift() == []
    assert all(world.scripts.etags[place] != etag for place, etag in etags.items())


def test_a_script_that_nothing_needs_is_told_and_deleted_by_who_heals_all(deployed_world: Drifting) -> None:
    world = deployed_world
    world.scripts.upload(PREVIEW, "preview-old-slug0001", ["app-slug0001"])
    world.scripts.upload(PREVIEW, "nobody's", ["theirs"])
    world.heal_all()
    assert world.drift() == [(Kind.SCRIPT_ORPHAN, f"{PREVIEW}/preview-old-slug0001")]
    world.look_at_app(heal=Heal.ALL)
    assert list(world.scripts.namespaces[PREVIEW]) == ["nobody's"]


def test_a_script_that_is_being_restored_is_no_orphan(deployed_world: Drifting) -> None:
    world = deployed_world
    world.scripts.upload(PREVIEW, "preview-old-slug0001", ["app-slug0001"])
    with world.records.begin() as tx:  # it records what it put up when that is done
        tx.jobs.enqueue(JobType.RESTORE, "app_0001", {"deployment": "dpl_1", "actor": "ada"})
    world.look_at_app(heal=Heal.ALL)
    assert "preview-old-slug0001" in world.scripts.namespaces[PREVIEW]


def test_scripts_of_apps_that_are_gone_are_nobodys() -> None:
    world = Drifting()
    world.settled_app()
    world.scripts.upload(PRODUCTION, "k7x2m9qd", ["app-k7x2m9qd"])
    world.heal_all()
    assert world.orphans() == [(Kind.SCRIPT_ORPHAN, f"{PRODUCTION}/k7x2m9qd")]
    world.platform = replace(world.platform, heal=Heal.ALL)
    world.heal_all()
    assert (world.orphans(), world.scripts.namespaces[PRODUCTION]) == ([], {})


@pytest.mark.parametrize(
    ("script", "tag"),
    [
        ("shop", "app-shop"),
        ("our-frontend", "app-frontend"),
        ("shop", "app-k7x2m9qd"),
        ("preview-shop", "app-"),
    ],
)
def test_scripts_of_others_that_have_a_tag_like_ours_are_left_alone(script: str, tag: str) -> None:
    world = Drifting()
    world.settled_app(heal=Heal.ALL)
    world.platform = replace(world.platform, heal=Heal.ALL)
    world.scripts.upload(PRODUCTION, script, [tag])
    world.heal_all()
    assert (world.orphans(), list(world.scripts.namespaces[PRODUCTION])) == ([], [script])


def test_when_more_scripts_are_nobodys_than_are_known_it_is_us_who_do_not_know() -> None:
    world = Drifting()
    world.settled_app()
    deployed(world)
    world.run_queue()
    world.platform = replace(world.platform, heal=Heal.ALL)
    slugs = [f"k7x2m9q{letter}" for letter in "bcdfg"]
    for slug in slugs:
        world.scripts.upload(PREVIEW, f"preview-{slug}", [f"app-{slug}"])
    world.heal_all()
    assert len(world.orphans()) == len(slugs)
    assert set(world.scripts.namespaces[PREVIEW]) == {f"preview-{slug}" for slug in slugs}


def test_a_script_that_is_about_to_go_up_is_no_orphan(world: Drifting) -> None:
    world.settled_app(heal=Heal.ALL)
    report = push(world)
    world.start(report)
    own = world.deployments()[0].own_script or ""
    world.scripts.upload(PRODUCTION, own, ["app-slug0001"])
    world.heal_all()
    assert own in world.scripts.namespaces[PRODUCTION]


def test_scripts_from_before_anybody_wrote_them_down_are_missed_later(deployed_world: Drifting) -> None:
    world = deployed_world
    with world.records.begin() as tx:
        tx.standing.forget("app_0001", PRODUCTION)
    world.look_at_all()
    world.scripts.delete(PRODUCTION, "slug0001")
    world.look_at_all()
    assert world.drift() == [(Kind.SCRIPT_GONE, f"{PRODUCTION}/slug0001")]


def test_an_alias_that_nobody_puts_up_is_released(deployed_world: Drifting) -> None:
    world = deployed_world
    with world.records.begin() as tx:
        alias = tx.aliases.get("slug0001")
        assert alias is not None
        tx.aliases.save(replace(alias, is_settled=False))
    world.look_at_all()
    assert world.drift() == [(Kind.ALIAS_UNSETTLED, "slug0001")]
    world.heal_all()
    assert (world.drift(), world.alias().is_in_line) == ([], True)


# -------------------- what is installed


def test_an_older_workflow_is_brought_up_to_date(deployed_world: Drifting) -> None:
    world = deployed_world
    world.host.push("acme/app-1", "main", OLDER, "As it was")
    world.look_at_all()
    found = {subject for kind, subject in world.drift() if kind is Kind.WORKFLOW_OUTDATED}
    assert found == set(FILES)
    world.heal_all()
    assert {path: world.repository().files("main")[path] for path in FILES} == FILES
    assert not [it for it in world.drift() if it[0] is Kind.WORKFLOW_OUTDATED]


def test_a_workflow_that_somebody_edited_stays_unless_all_is_healed(deployed_world: Drifting) -> None:
    world = deployed_world
    world.host.push("acme/app-1", "main", {WORKFLOW_FILE: b"name: Mine\n"}, "Mine")
    world.heal_all()
    assert (Kind.WORKFLOW_EDITED, WORKFLOW_FILE) in world.drift()
    assert world.repository().files("main")[WORKFLOW_FILE] == b"name: Mine\n"
    world.look_at_app(heal=Heal.ALL)
    assert world.repository().files("main")[WORKFLOW_FILE] == FILES[WORKFLOW_FILE]


def test_a_workflow_that_is_gone_is_told_and_comes_back_where_all_is_healed(world: Drifting) -> None:
    world.app(heal=Heal.ALL)
    world.host.push("acme/app-1", "main", TEMPLATE_FILES, "Without")
    world.look_at_all()
    assert (Kind.WORKFLOW_MISSING, WORKFLOW_FILE) in world.drift()
    world.heal_all()
    assert world.repository().files("main")[WORKFLOW_FILE] == FILES[WORKFLOW_FILE]


def test_a_branch_that_moves_while_files_are_renewed_is_left_to_the_next_pass(
    deployed_world: Drifting,
) -> None:
    world = deployed_world
    world.host.push("acme/app-1", "main", OLDER, "As it was")
    world.host.fail_next(RemoteConflict("committing: the branch moved"), call="commit", times=3)
    world.look_at_app()
    assert "moved" in world.open_drift()[0].facts["error"]
    world.heal_all()
    assert {path: world.repository().files("main")[path] for path in FILES} == FILES


@pytest.mark.parametrize("harm", ["gone", "off", "deaf"])
def test_a_webhook_is_set_up_again_and_what_it_missed_is_asked_for(
    deployed_world: Drifting, harm: str
) -> None:
    world = deployed_world
    webhooks = world.repository().webhooks
    url, webhook = next(iter(webhooks.items()))
    if harm == "gone":
        webhooks.clear()
    elif harm == "off":
        webhook.is_active = False
    else:
        webhook.events = tuple(it for it in webhook.events if it != "issue_comment")
    world.look_at_all()
    kind = Kind.WEBHOOK_MISSING if harm == "gone" else Kind.WEBHOOK_CHANGED
    assert world.drift() == [(kind, url)]
    world.heal_all()
    mended = world.repository().webhooks[url]
    assert (mended.is_active, "issue_comment" in mended.events, world.drift()) == (True, True, [])
    assert world.redelivered == ["app_0001"]


def test_no_webhook_is_missed_where_one_hears_of_everything() -> None:
    world = Drifting(webhook_secret=None)
    world.settled_app()
    deployed(world)
    world.heal_all()
    assert (world.drift(), world.repository().webhooks) == ([], {})


def test_actions_that_are_off_are_switched_on_by_who_heals_all(deployed_world: Drifting) -> None:
    world = deployed_world
    world.repository().are_actions_enabled = False
    world.heal_all()
    assert world.drift() == [(Kind.ACTIONS_OFF, "acme/app-1")]
    world.look_at_app(heal=Heal.ALL)
    assert world.repository().are_actions_enabled


# -------------------- repositories


def test_a_repository_that_is_gone_detaches_its_app_and_one_that_is_back_attaches_it(
    deployed_world: Drifting,
) -> None:
    world = deployed_world
    gone = world.host.repositories.pop("acme/app-1")
    world.look_at_all()
    assert world.drift() == [(Kind.REPOSITORY_GONE, "acme/app-1")]
    world.heal_all()
    assert (world.current().status, world.drift()) == (AppStatus.DETACHED, [])
    world.host.repositories["acme/app-1"] = gone
    world.heal_all()
    assert (world.current().status, world.drift()) == (AppStatus.READY, [])


def test_a_repository_that_was_renamed_is_followed(deployed_world: Drifting) -> None:
    world = deployed_world
    world.host.rename("acme/app-1", "acme/shop")
    world.heal_all()
    assert (world.current().repository_name, world.drift()) == ("acme/shop", [])


def test_a_repository_that_went_to_somebody_else_detaches_its_app(deployed_world: Drifting) -> None:
    world = deployed_world
    world.host.rename("acme/app-1", "else/app-1")
    world.heal_all()
    assert (world.current().status, world.drift()) == (AppStatus.DETACHED, [])


def test_an_archived_repository_is_told_and_left_alone(deployed_world: Drifting) -> None:
    world = deployed_world
    world.repository().is_archived = True
    world.look_at_app(heal=Heal.ALL)
    assert world.drift() == [(Kind.REPOSITORY_ARCHIVED, "acme/app-1")]


def test_a_repository_that_failed_provisioning_left_is_told(world: Drifting) -> None:
    with world.records.begin() as tx:
        tx.apps.add(an_app(2, status=AppStatus.FAILED))
    world.later()
    world.host.add_repository("acme/app-2", TEMPLATE_FILES)
    world.heal_all()
    assert world.drift("app_0002") == [(Kind.REPOSITORY_LEFT_OVER, "acme/app-2")]


# -------------------- a failed look is never an absence


def test_a_page_of_repositories_that_fails_concludes_nothing(deployed_world: Drifting) -> None:
    world = deployed_world
    world.repository().proposed.clear()
    world.host.fail_next(RemoteRefused("looking: not with this token"), call="look")
    with pytest.raises(RemoteRefused):
        world.look_at_all()
    assert (world.drift(), world.current().status) == ([], AppStatus.READY)


def test_a_repository_that_is_not_shown_is_not_gone(deployed_world: Drifting) -> None:
    world = deployed_world
    world.sights.unseen[501] = RemoteUnavailable("looking: too much at once")
    world.heal_all()
    assert (world.drift(), world.current().status) == ([], AppStatus.READY)


def test_an_app_that_cannot_be_asked_about_holds_up_no_pass(
    deployed_world: Drifting, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = deployed_world
    world.scripts.upload(PREVIEW, "preview-old-slug0001", ["app-slug0001"])

    def fail(*_: object) -> bool:
        raise RemoteUnavailable("looking whether Actions are on: 500")

    monkeypatch.setattr(world.sights, "actions_enabled", fail)
    world.look_at_all()
    assert world.drift() == [(Kind.SCRIPT_ORPHAN, f"{PREVIEW}/preview-old-slug0001")]


def test_when_most_repositories_are_gone_it_is_us_who_do_not_see() -> None:
    world = Drifting()
    world.settled_app()
    with world.records.begin() as tx:
        for number in range(2, 12):
            description = replace(world.repository().description, id=number, full_name=f"acme/gone-{number}")
            tx.apps.add(an_app(number, repository=description))
    world.look_at_all()
    with world.records.read() as tx:
        kinds = {it.kind for it in tx.drifts.list(limit=100).items}
    assert Kind.REPOSITORY_GONE not in kinds


def test_a_list_of_scripts_that_breaks_off_concludes_nothing(deployed_world: Drifting) -> None:
    world = deployed_world
    world.scripts.page_size = 1
    world.scripts.fail_next(RemoteUnavailable("listing: no answer"), call="listing", times=3)
    world.look_at_all()
    assert world.drift() == []
    world.scripts.fail_next(RemoteMissing("listing: no such namespace", codes=[100119]), call="listing")
    world.look_at_all()
    assert world.drift() == []


def test_what_changed_just_now_is_left_to_the_next_pass(deployed_world: Drifting) -> None:
    world = deployed_world
    tags = world.scripts.namespaces[PRODUCTION]["slug0001"]
    world.later()
    world.scripts.upload(PRODUCTION, "slug0001", tags)
    world.scripts.upload(PREVIEW, "preview-new-slug0001", ["app-slug0001"])
    with world.records.begin() as tx:
        job = request_pass(tx)
    world.run(job)
    assert world.drift() == []
    world.look_at_all()
    assert len(world.drift()) == 2


# -------------------- policies, facts, passes


def test_nothing_is_healed_where_it_is_off(world: Drifting) -> None:
    world.settled_app(heal=Heal.OFF)
    push(world)
    world.heal_all()
    assert world.deployments() == []
    assert len(world.drift()) == 1


def test_an_app_that_says_nothing_has_the_platforms_policy(world: Drifting) -> None:
    world.platform = replace(world.platform, heal=Heal.OFF)
    world.settled_app()
    push(world)
    world.heal_all()
    assert world.deployments() == []


def test_drift_is_told_once_when_found_healed_or_gone(world: Drifting) -> None:
    world.settled_app(heal=Heal.OFF)
    report = push(world)
    for _ in range(3):
        world.look_at_all()
    assert [event.tag for event in world.told()] == [Tag.DRIFT_FOUND]
    world.hear(what_github_says(report, "requested"))
    world.look_at_all()
    world.look_at_all()
    assert [event.tag for event in world.told()] == [Tag.DRIFT_FOUND, Tag.DRIFT_GONE]
    push(world)
    world.look_at_app(heal=Heal.SAFE)
    assert [event.tag for event in world.told()][2:] == [Tag.DRIFT_FOUND, Tag.DRIFT_HEALED]
    last = world.told()[-1]
    assert (last.app_id, last.payload["kind"], last.payload["did"]) == (
        "app_0001",
        Kind.HEAD_UNDEPLOYED,
        "heard of 1 of its runs",
    )


def test_two_passes_at_once_end_alike(world: Drifting) -> None:
    world.settled_app(heal=Heal.ALL)
    push(world)
    world.later()
    with world.records.begin() as tx:
        first = request_pass(tx)
        assert request_pass(tx).id == first.id
        tx.marks.set("reconcile:pass", "")
        second = request_pass(tx)
    for job in (first, second):
        world.run(job)
    world.run_queue()
    world.heal_all()
    assert (len(world.deployments()), world.drift()) == (1, [])


def test_a_pass_that_is_killed_anywhere_goes_on() -> None:
    expected = _run_with_kills(None)
    assert expected[0] > 10
    for step in range(1, expected[0] + 1):
        assert _run_with_kills(step)[1:] == expected[1:], f"killed after step {step}"


def _run_with_kills(step: int | None) -> tuple[int, list[str], object]:
    world = Drifting()
    world.settled_app(heal=Heal.ALL)
    deployed(world)
    push(world, "staging")
    world.scripts.upload(PREVIEW, "old-slug0001", ["app-slug0001"])
    world.scripts.delete(PRODUCTION, "slug0001")
    world.scripts.page_size = 1
    world.later()
    with world.records.begin() as tx:
        job = request_pass(tx)
    steps = FakeSteps(crash_after=step)
    try:
        world.run(job, steps)
    except Crashed:
        steps.restart()
        world.run(job, steps)
    world.run_queue()
    world.heal_all()
    told = sorted(it.payload["kind"] for it in world.told() if it.tag is Tag.DRIFT_FOUND)
    standing = {namespace: len(scripts) for namespace, scripts in world.scripts.namespaces.items()}
    return len(steps.step_names), told, (standing, len(world.deployments()), world.drift())


def test_passes_are_begun_by_one_process_when_it_is_time(world: Drifting) -> None:
    half_an_hour = timedelta(minutes=30)
    assert schedule(world.records, world.clock(), half_an_hour) is None, "it has just begun"
    world.later(minutes=31)
    first = schedule(world.records, world.clock(), half_an_hour)
    assert first is not None
    assert schedule(world.records, world.clock(), half_an_hour) is None
    world.later(minutes=31)
    again = schedule(world.records, world.clock(), half_an_hour)
    assert again is not None
    assert again.id == first.id, "the pass before is not over"
    with world.records.begin() as tx:
        tx.jobs.save(replace(tx.jobs.get(first.id), status=JobStatus.FAILED))
    world.later(minutes=31)
    assert schedule(world.records, world.clock(), half_an_hour) != first
    assert schedule(world.records, world.clock(), None) is None


def test_an_app_that_is_gone_is_not_looked_at(world: Drifting) -> None:
    with world.records.begin() as tx:
        job = tx.jobs.enqueue(JobType.RECONCILE, "app_gone", {})
    assert world.run(job) == {"found": 0, "healed": 0}


def test_of_an_app_that_is_gone_nothing_differs_any_more(world: Drifting) -> None:
    world.settled_app()
    push(world)
    world.look_at_all()
    assert world.drift()
    with world.records.begin() as tx:
        tx.apps.remove("app_0001")
    world.look_at_all()
    assert world.drift() == []
    assert world.told()[-1].tag is Tag.DRIFT_GONE


def test_what_may_not_be_healed_takes_no_others_place(
    world: Drifting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.pipeline.reconcile._HEALED_PER_PASS", 1)
    world.settled_app()
    report = push(world)
    with world.records.begin() as tx:
        tx.apps.add(an_app(2, heal=Heal.OFF))
        found_at = world.clock() + timedelta(hours=1)
        found = Drift("app_0002", Kind.WORKFLOW_EDITED, WORKFLOW_FILE, found_at=found_at, seen_at=found_at)
        tx.drifts.save(found)  # it was found last, and comes first
    world.look_at_all()
    world.run_queue()
    assert [it.commit for it in world.deployments()] == [report.commit]


def test_a_pass_over_a_thousand_apps_fits_the_budget() -> None:
    reckoned = Estimate.of(1000, 30_000, 4)
    assert (reckoned.github_calls, reckoned.cloudflare_calls) == (50, 34)


def test_a_pull_requests_run_is_heard_of_beside_that_of_its_branch(world: Drifting) -> None:
    world.settled_app()
    of_branch = push(world, "hello")
    world.hear(what_github_says(of_branch, "requested"))
    propose(world.host, "acme/app-1", "hello", number=7)
    repository = world.repository()
    world.host.start_run(repository, "hello", "pull_request")
    world.heal_all()
    assert {it.pull_request for it in world.deployments()} == {None, 7}
    assert a_pull_run().pull_request == 7
