"""What is in reach: lists and facts of what a person may see, a token is for, and of everything."""

import pytest

from app.domain.apps import AppStatus
from app.domain.callers import EVERYWHERE, Reach
from app.domain.drift import Drift, Kind
from app.domain.events import Event, Selection, Tag
from app.domain.jobs import JobType
from app.domain.rights import Level, Right
from app.ports import Records
from tests.builders import a_repository, a_worker, an_app, at

ADA = Reach("per_ada")


@pytest.fixture
def filled(records: Records) -> Records:
    """Keep three apps, of which ada may see two, and two workers, of which one is hers."""
    with records.begin() as tx:
        for number in (1, 2, 3):
            tx.apps.add(an_app(number, repository=a_repository(number)))
        for app_id, level in (("app_0001", Level.READ), ("app_0002", Level.NONE), ("app_0003", Level.ADMIN)):
            tx.rights.save(Right("per_ada", app_id, level, at(0)))
        tx.rights.save(Right("per_grace", "app_0002", Level.WRITE, at(0)))
        tx.workers.add(a_worker(1, owner_id="per_ada"))
        tx.workers.add(a_worker(2))
        for owner in ("app_0001", "app_0002", "app_0003", "wrk_0001", "wrk_0002"):
            tx.events.append(Event(Tag.BRANCH_PUSHED, owner, "github", at(0), {}))
            tx.drifts.save(Drift(owner, Kind.HEAD_UNDEPLOYED, "main", {}, at(0), at(0)))
            tx.jobs.enqueue(JobType.SETTLE, owner, {})
        tx.events.append(Event(Tag.DELIVERY_LOST, "guid-1", "github", at(0), {}))
    return records


@pytest.mark.parametrize(
    ("reach", "apps", "workers"),
    [
        (EVERYWHERE, ["app_0003", "app_0002", "app_0001"], ["wrk_0002", "wrk_0001"]),
        (ADA, ["app_0003", "app_0001"], ["wrk_0001"]),
        (Reach("per_nobody"), [], []),
        (Reach(app_id="app_0002"), ["app_0002"], []),
        (Reach("per_ada", "app_0001"), ["app_0001"], []),
        (Reach("per_ada", "app_0002"), [], []),
    ],
)
def test_lists_hold_what_is_in_reach(
    filled: Records, reach: Reach, apps: list[str], workers: list[str]
) -> None:
    with filled.read() as tx:
        assert [it.id for it in tx.apps.list(reach=reach).items] == apps
        assert [it.id for it in tx.workers.list(reach=reach).items] == workers
        owners = {*apps, *workers}
        assert {it.app_id for it in tx.drifts.list(reach=reach).items} == owners
        assert {it.app_id for it in tx.jobs.list(reach=reach).items} == owners
        facts = tx.events.page(Selection(tag="branch:", reach=reach))
        assert {it.app_id for it in facts} == owners
        everything = {it.app_id for it in tx.events.page(Selection(reach=reach))}
        assert everything - {None} == owners
        assert (None in everything) is (reach == EVERYWHERE)


def test_pages_go_on_within_reach(filled: Records) -> None:
    with filled.read() as tx:
        first = tx.apps.list(reach=ADA, limit=1)
        assert [it.id for it in tx.apps.list(reach=ADA, limit=1, cursor=first.next_cursor).items] == [
            "app_0001"
        ]
        (newest,) = tx.events.page(Selection(tag="branch:", reach=ADA), limit=1)
        assert newest.app_id == "wrk_0001"
        (before,) = tx.events.page(Selection(tag="branch:", reach=ADA), before=newest.place, limit=1)
        assert before.app_id == "app_0003"
        (after,) = tx.events.page(Selection(tag="branch:", reach=ADA), after=before.place, limit=1)
        assert after.app_id == "wrk_0001"


def test_whoever_may_see_many_apps_is_told_of_them_too(records: Records) -> None:
    with records.begin() as tx:
        for number in range(120):
            tx.rights.save(Right("per_ada", f"app_{number:04}", Level.READ, at(0)))
            tx.events.append(Event(Tag.BRANCH_PUSHED, f"app_{number:04}", "github", at(0), {}))
        tx.events.append(Event(Tag.BRANCH_PUSHED, "app_9999", "github", at(0), {}))
        tx.workers.add(a_worker(1, owner_id="per_ada"))
        tx.events.append(Event(Tag.BRANCH_PUSHED, "wrk_0001", "github", at(0), {}))
    with records.read() as tx:
        for tag in (None, "branch:"):
            facts = tx.events.page(Selection(tag=tag, reach=ADA), limit=500)
            assert {it.app_id for it in facts} == tx.rights.readable("per_ada")
            assert len(facts) == 121


def test_what_is_asked_for_besides_is_within_reach(filled: Records) -> None:
    with filled.read() as tx:
        assert tx.events.page(Selection(subject="app_0002", reach=ADA)) == []
        assert len(tx.events.page(Selection(actor="github", tag="branch:", reach=ADA))) == 3
        assert tx.events.page(Selection(app_id="app_0002", reach=ADA)) == []


def test_apps_are_found_by_a_part_of_their_name_and_by_status(records: Records) -> None:
    with records.begin() as tx:
        for number, name in enumerate(("shop", "web-shop", "100%_off", "blog")):
            status = AppStatus.FAILED if name == "blog" else AppStatus.READY
            tx.apps.add(an_app(number, name=name, status=status))
    with records.read() as tx:
        both = ["web-shop", "shop"]
        for search, names in (("shop", both), ("SHOP", both), ("%", ["100%_off"])):
            assert [it.name for it in tx.apps.list(search=search).items] == names
        assert tx.apps.list(search="_p").items == []
        assert [it.name for it in tx.apps.list(status=AppStatus.FAILED).items] == ["blog"]
        assert tx.apps.list(search="shop", status=AppStatus.FAILED).items == []


def test_what_a_person_may_do_is_replaced_but_for_apps_without_a_repository(records: Records) -> None:
    with records.begin() as tx:
        tx.apps.add(an_app(1))
        tx.apps.add(an_app(2, repository=a_repository(2)))
        for app_id in ("app_0001", "app_0002"):
            tx.rights.save(Right("per_ada", app_id, Level.ADMIN, at(0)))
        tx.rights.replace("per_ada", {"app_0003": Level.READ, "app_0001": Level.READ}, at(1))
    with records.read() as tx:
        assert tx.rights.readable("per_ada") == {"app_0001", "app_0003"}
        assert tx.rights.get("per_ada", "app_0001") == Right("per_ada", "app_0001", Level.ADMIN, at(0))
        assert tx.rights.get("per_ada", "app_0003") == Right("per_ada", "app_0003", Level.READ, at(1))
    with records.begin() as tx:
        tx.rights.replace("per_ada", {}, at(2))
        assert tx.rights.readable("per_ada") == {"app_0001"}


def test_of_apps_that_are_out_of_reach_it_is_kept_what_was_seen_lately(records: Records) -> None:
    gone, standing = AppStatus.DETACHED, AppStatus.READY
    with records.begin() as tx:
        for number, status, seen in ((1, gone, 5), (2, gone, 4), (3, standing, 5), (4, gone, 5)):
            tx.apps.add(an_app(number, repository=a_repository(number), status=status))
            person = "per_grace" if number == 4 else "per_ada"
            tx.rights.save(Right(person, f"app_{number:04}", Level.ADMIN, at(seen)))
        tx.rights.replace("per_ada", {}, at(9), outlived_since=at(4))
        assert tx.rights.readable("per_ada") == {"app_0001"}
        tx.rights.replace("per_ada", {}, at(9), outlived_since=None)
        assert tx.rights.readable("per_ada") == set()
        assert tx.rights.readable("per_grace") == {"app_0004"}


def test_what_is_out_of_reach_belongs_to_no_repository(records: Records) -> None:
    with records.begin() as tx:
        tx.apps.add(an_app(1, repository=a_repository(1), status=AppStatus.DETACHED))
        tx.apps.add(an_app(2, repository=a_repository(2)))
        assert dict(tx.rights.apps_of([1, 2])) == {2: "app_0002"}
