"""A failed look says nothing; what differs is told once, and healed as far as the policy goes, in passes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.apps import AppStatus, Heal
from app.domain.drift import Drift, Kind
from app.domain.events import Tag
from app.domain.jobs import JobStatus, JobType
from app.domain.passes import Estimate
from app.errors import RemoteMissing, RemoteRefused, RemoteUnavailable
from app.pipeline.reconcile import request_pass, schedule
from tests.builders import an_app
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.reconciling import (
    PREVIEW,
    PRODUCTION,
    WORKFLOW_FILE,
    Drifting,
    at_rest,
    deployed,
    push,
)
from tests.unit.pipeline.runs import what_github_says


@pytest.fixture
def world() -> Drifting:
    return Drifting()


@pytest.fixture
def deployed_world(world: Drifting) -> Drifting:
    return at_rest(world)


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
