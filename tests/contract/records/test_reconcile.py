"""What every memory tells of standing scripts, of drift, and of many apps at once."""

from dataclasses import replace
from typing import Any

from app.domain.aliases import Alias
from app.domain.approvals import Approval
from app.domain.apps import App
from app.domain.deployments import Status
from app.domain.drift import Drift, Kind
from app.domain.environments import Environment
from app.domain.jobs import JobStatus, JobType
from app.domain.standing import Need, StandingScript
from app.ports import Records
from tests.builders import NOON, a_deployment, a_pull, a_version, a_worker, an_app, at
from tests.contract.records.world import all_pages


def a_standing(script: str = "slug0001", **changes: Any) -> StandingScript:
    standing = StandingScript("live", script, "app_0001", "dpl_0001_1", etag="e1", put_at=NOON)
    return replace(standing, **changes)


def keep(records: Records, *scripts: StandingScript) -> None:
    with records.begin() as tx:
        for script in scripts:
            tx.standing.put(script)


def unseen(records: Records, seconds: float = 60, **given: Any) -> list[str]:
    with records.read() as tx:
        return [it.script for it in tx.standing.unseen("live", at(seconds), **given)]


def test_a_standing_script_is_known_when_it_is_seen(records: Records) -> None:
    keep(records, a_standing("a"), a_standing("b", etag=None))
    with records.begin() as tx:
        assert tx.standing.see("live", ["a", "b", "c"], at(60)) == {
            "a": a_standing("a"),
            "b": a_standing("b", etag=None),
        }
    assert unseen(records) == []
    with records.read() as tx:
        assert tx.standing.count() == 2


def test_what_was_put_up_again_replaces_what_was_known(records: Records) -> None:
    keep(records, a_standing("a"), a_standing("a", etag="e2", put_at=at(5)))
    with records.begin() as tx:
        assert tx.standing.see("live", ["a"], at(60)) == {"a": a_standing("a", etag="e2", put_at=at(5))}


def test_what_no_look_found_is_unseen(records: Records) -> None:
    keep(records, a_standing("a"), a_standing("b"), a_standing("c", namespace="else"))
    with records.begin() as tx:
        tx.standing.see("live", ["a"], at(60))
    assert unseen(records) == ["b"]
    assert unseen(records, 61) == ["a", "b"]
    assert unseen(records, 61, after="a") == ["b"]
    assert unseen(records, 61, limit=1) == ["a"]


def test_what_went_up_since_a_look_began_is_not_missed_by_it(records: Records) -> None:
    keep(records, a_standing("a", put_at=at(60)))
    assert unseen(records, 60) == []


def test_an_older_look_does_not_undo_a_newer_one(records: Records) -> None:
    keep(records, a_standing("a"))
    with records.begin() as tx:
        tx.standing.see("live", ["a"], at(60))
        tx.standing.see("live", ["a"], at(30))
    assert unseen(records, 60) == []


def test_what_is_unseen_of_one_app_is_told(records: Records) -> None:
    keep(records, a_standing("a"), a_standing("b", app_id="app_0002"))
    assert unseen(records, app_id="app_0002") == ["b"]


def test_standing_scripts_go_by_their_names(records: Records) -> None:
    keep(records, a_standing("a"), a_standing("b"), a_standing("b", namespace="else"))
    with records.begin() as tx:
        tx.standing.remove("live", ["a", "nothing"])
    assert unseen(records) == ["b"]
    with records.begin() as tx:
        tx.standing.remove("live", ["b"])
        assert tx.standing.count() == 1


def test_the_standing_scripts_of_one_app_in_a_namespace_are_told(records: Records) -> None:
    others = a_standing("c", app_id="app_0002"), a_standing("d", namespace="else")
    keep(records, a_standing("b"), a_standing("a"), *others)
    with records.read() as tx:
        assert tx.standing.of("app_0001", "live") == [a_standing("a"), a_standing("b")]
        assert tx.standing.of("app_0003", "live") == []


def a_drift(subject: str = "main", **changes: Any) -> Drift:
    drift = Drift("app_0001", Kind.HEAD_UNDEPLOYED, subject, {"is": 1}, found_at=NOON, seen_at=NOON)
    return replace(drift, **changes)


def save(records: Records, *drifts: Drift) -> None:
    with records.begin() as tx:
        for drift in drifts:
            tx.drifts.save(drift)


def test_open_drift_of_some_apps_is_told_oldest_first(records: Records) -> None:
    older, other = a_drift("older", found_at=at(-5)), a_drift(app_id="app_0002")
    save(records, a_drift(), older, other, a_drift("over", is_open=False))
    with records.read() as tx:
        assert list(tx.drifts.of(["app_0001"])) == [older, a_drift()]
        assert list(tx.drifts.of([])) == []


def test_drift_is_replaced_by_what_is_known_of_it_now(records: Records) -> None:
    save(records, a_drift(), a_drift(facts={"is": 2}, seen_at=at(9)))
    with records.read() as tx:
        assert list(tx.drifts.of(["app_0001"])) == [a_drift(facts={"is": 2}, seen_at=at(9))]


def test_all_open_drift_is_paged(records: Records) -> None:
    drifts = [a_drift(f"branch {number}", found_at=at(number // 2)) for number in range(7)]
    save(records, *drifts, a_drift("over", is_open=False))

    def page(cursor: str | None) -> Any:
        with records.read() as tx:
            return tx.drifts.list(cursor=cursor, limit=3)

    assert all_pages(page) == drifts[::-1]


def test_drift_goes_with_its_app(records: Records) -> None:
    save(records, a_drift(), a_drift(app_id="app_0002"))
    with records.begin() as tx:
        tx.drifts.forget("app_0001")
    with records.read() as tx:
        assert [it.app_id for it in tx.drifts.of(["app_0001", "app_0002"])] == ["app_0002"]


# -------------------- many apps at once


def an_alias(script: str = "slug0001", **changes: Any) -> Alias:
    alias = Alias("app_0001", script, Environment.PRODUCTION, "live", NOON, deployment_id="dpl_0001_1")
    return replace(alias, **changes)


def two_apps(records: Records) -> list[App]:
    apps = [an_app(1), an_app(2)]
    with records.begin() as tx:
        for app in apps:
            tx.apps.add(app)
    return apps


def test_what_is_recorded_of_many_apps_is_told_by_app(records: Records) -> None:
    apps = two_apps(records)
    with records.begin() as tx:
        tx.pulls.save(a_pull(1))
        tx.pulls.save(a_pull(2, is_open=False))
        tx.deployments.add(a_deployment(1, status=Status.BUILDING))
        tx.deployments.add(a_deployment(2, status=Status.READY))
        tx.aliases.save(an_alias())
    with records.read() as tx:
        assert tx.survey.count_apps() == 2
        found = tx.survey.recorded(apps)
    assert set(found) == {"app_0001", "app_0002"}
    assert [pull.number for pull in found["app_0001"].pulls] == [1]
    assert [it.id for it in found["app_0001"].unfinished] == ["dpl_0001_1"]
    assert list(found["app_0001"].aliases) == [an_alias()]
    assert (list(found["app_0002"].pulls), list(found["app_0002"].aliases)) == ([], [])


def test_the_branches_of_the_preview_are_what_it_shows_and_that_of_its_newest_run(records: Records) -> None:
    apps = two_apps(records)
    preview: dict[str, Any] = {"environment": Environment.PREVIEW, "script": "preview-slug0001"}
    with records.begin() as tx:
        tx.deployments.add(a_deployment(1, branch="one", status=Status.READY, **preview))
        tx.deployments.add(a_deployment(3, branch="two", status=Status.BUILDING, **preview))
        tx.deployments.add(a_deployment(4, branch="three", status=Status.CANCELLED, **preview))
    with records.read() as tx:
        found = tx.survey.recorded(apps)
    assert [found[it].branches for it in ("app_0001", "app_0002")] == [{"two"}, set()]
    with records.begin() as tx:
        tx.aliases.save(an_alias(deployment_id="dpl_0001_1", **preview))
    with records.read() as tx:
        assert tx.survey.recorded(apps)["app_0001"].branches == {"one", "two"}


def test_approved_heads_of_forks_are_told(records: Records) -> None:
    apps = two_apps(records)
    with records.begin() as tx:
        tx.pulls.save(a_pull(1, is_from_fork=True, head_commit="a" * 40))
        tx.pulls.save(a_pull(2, is_from_fork=True, head_commit="b" * 40))
        tx.approvals.add(Approval("app_0001", 1, "a" * 40, "ada", NOON))
        tx.approvals.add(Approval("app_0001", 2, "c" * 40, "ada", NOON))
    with records.read() as tx:
        assert tx.survey.recorded(apps)["app_0001"].fork_heads == {(1, "a" * 40)}


def test_what_was_made_of_commits_is_told(records: Records) -> None:
    with records.begin() as tx:
        tx.deployments.add(a_deployment(1))
        tx.deployments.add(a_deployment(2))
    with records.read() as tx:
        found = tx.survey.deployed(["app_0001", "app_0002"], [f"{2:040x}", f"{3:040x}"])
    assert set(found) == {("app_0001", "slug0001", f"{2:040x}")}


def test_every_kind_of_script_is_known_by_name(records: Records) -> None:
    own = a_deployment(1, own_script="production-1-slug0001", uploaded_at=NOON, status=Status.READY)
    with records.begin() as tx:
        tx.apps.add(an_app(1))
        tx.aliases.save(an_alias())
        tx.deployments.add(own)
        tx.workers.add(a_worker(1, version_id="ver_0001"))
        tx.versions.add(a_version(1))
    names = ["slug0001", "production-1-slug0001", "wslug001", "production-1-wslug001", "nobody"]
    with records.read() as tx:
        found = tx.survey.needs(names)
        owners = tx.survey.owners(["slug0001", "wslug001", "nobody"])
    assert found == {
        "slug0001": Need("app_0001", "dpl_0001_1", is_moving=False),
        "production-1-slug0001": Need("app_0001", "dpl_0001_1", is_moving=False),
        "wslug001": Need("wrk_0001", "ver_0001", is_moving=False),
        "production-1-wslug001": Need("wrk_0001", "ver_0001", is_moving=False),
    }
    assert owners == {"slug0001": "app_0001", "wslug001": "wrk_0001"}


def test_what_was_taken_down_is_needed_by_nobody(records: Records) -> None:
    own = a_deployment(
        1, own_script="production-1-slug0001", uploaded_at=NOON, retired_at=NOON, status=Status.REMOVED
    )
    with records.begin() as tx:
        tx.aliases.save(an_alias(expired_at=NOON, is_settled=False))
        tx.deployments.add(own)
    with records.read() as tx:
        found = tx.survey.needs(["slug0001", "production-1-slug0001"])
    assert found["slug0001"] == Need("app_0001", None, is_moving=True)
    assert found["production-1-slug0001"] == Need("app_0001", None, is_moving=False)


def test_apps_are_told_for_which_scripts_are_being_put_up(records: Records) -> None:
    with records.begin() as tx:
        tx.jobs.enqueue(JobType.RELEASE, "app_0001", {"script": "slug0001"})
        tx.jobs.enqueue(JobType.PUBLISH, "app_0002", {})
        over = tx.jobs.enqueue(JobType.RELEASE, "app_0003", {"script": "slug0003"})
        tx.jobs.save(replace(over, status=JobStatus.COMPLETED))
    with records.read() as tx:
        assert set(tx.survey.releasing(["app_0001", "app_0002", "app_0003"])) == {"app_0001"}
