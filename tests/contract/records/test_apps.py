"""Apps: found by three keys, sharing none of them, paged newest first."""

from typing import Any

import pytest

from app.domain.apps import AppStatus
from app.domain.environments import Environment
from app.domain.events import Event, Tag
from app.domain.jobs import JobType
from app.errors import Conflict, InvalidInput, NotFound
from app.ports import Records
from tests.builders import NOON, a_deployment, a_repository, an_app, at
from tests.contract.records.world import all_pages


def test_an_app_comes_back_as_it_was_kept(records: Records) -> None:
    app = an_app(
        status=AppStatus.FAILED,
        is_private=True,
        repository=a_repository(2**53 + 1),
        branches={"trunk": Environment.PRODUCTION, "main": Environment.PREVIEW},
        waiting_for="GitHub: ünïcode ☂",
        error="it broke",
    )
    with records.begin() as tx:
        tx.apps.add(app)
    with records.read() as tx:
        assert tx.apps.get(app.id) == app


def test_an_app_is_found_by_id_then_slug_then_name(records: Records) -> None:
    with records.begin() as tx:
        tx.apps.add(an_app(1, slug="b", name="c"))
        tx.apps.add(an_app(2, id="b", slug="c", name="d"))
        tx.apps.add(an_app(3, id="x", slug="d", name="e"))
    with records.read() as tx:
        assert [tx.apps.get(key).id for key in ("app_0001", "b", "c", "d", "e")] == [
            "app_0001",
            "b",
            "b",
            "x",
            "x",
        ]


def test_an_unknown_app_is_not_found(records: Records) -> None:
    with records.begin() as tx:
        with pytest.raises(NotFound):
            tx.apps.get("nobody")
        with pytest.raises(NotFound):
            tx.apps.save(an_app())
        assert tx.apps.by_repository(1) is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": "app-1"}, "app:name-taken"),
        ({"slug": "slug0001"}, "app:taken"),
        ({"repository": a_repository(1)}, "app:taken"),
        ({"id": "app_0001"}, "app:taken"),
    ],
)
def test_two_apps_share_neither_name_slug_nor_repository(
    records: Records, changes: dict[str, Any], code: str
) -> None:
    with records.begin() as tx:
        tx.apps.add(an_app(1, repository=a_repository(1)))
    with records.begin() as tx, pytest.raises(Conflict) as conflict:
        tx.apps.add(an_app(2, **changes))
    assert conflict.value.error_code == code


def test_an_app_cannot_be_given_the_repository_of_another(records: Records) -> None:
    with records.begin() as tx:
        tx.apps.add(an_app(1, repository=a_repository(1)))
        tx.apps.add(an_app(2))
        with pytest.raises(Conflict):
            tx.apps.save(an_app(2, repository=a_repository(1)))
        tx.apps.save(an_app(2, repository=a_repository(2)))
    with records.read() as tx:
        assert tx.apps.by_repository(2) == an_app(2, repository=a_repository(2))


def test_saving_an_app_replaces_all_of_it(records: Records) -> None:
    with records.begin() as tx:
        tx.apps.add(an_app(error="old", repository=a_repository()))
        changed = an_app(name="renamed", status=AppStatus.DETACHED, updated_at=at(60))
        tx.apps.save(changed)
        assert tx.apps.get("renamed") == changed
    with records.read() as tx:
        assert tx.apps.get("app_0001", lock=False) == changed


def test_a_removed_app_frees_its_names_and_leaves_its_history(records: Records) -> None:
    with records.begin() as tx:
        tx.apps.add(an_app())
        tx.deployments.add(a_deployment())
        tx.events.append(Event(Tag.APP_DELETED, "app_0001", "token", NOON, {}))
        job = tx.jobs.enqueue(JobType.DELETE, "app_0001", {})
        tx.apps.remove("app_0001")
        tx.apps.remove("app_0001")
        tx.apps.add(an_app(2, name="app-1", slug="slug0001"))
    with records.read() as tx:
        assert tx.apps.get("app-1").id == "app_0002"
        assert tx.deployments.get("dpl_0001_1") == a_deployment()
        assert len(tx.events.about("app_0001")) == 1
        assert tx.jobs.get(job.id) == job


def test_pages_of_apps_hold_each_app_once_newest_first(records: Records) -> None:
    # Three share one moment: the id decides between them.
    apps = [an_app(number, created_at=at(number // 3)) for number in range(11)]
    with records.begin() as tx:
        for app in apps:
            tx.apps.add(app)
    with records.read() as tx:
        for limit in (1, 3, 10, 11, 50):
            found = all_pages(lambda cursor, limit=limit: tx.apps.list(cursor=cursor, limit=limit))  # type: ignore[misc]
            assert found == apps[::-1]


def test_a_page_goes_on_where_it_ended_when_newer_apps_appear(records: Records) -> None:
    with records.begin() as tx:
        for number in (1, 2, 3):
            tx.apps.add(an_app(number))
        first = tx.apps.list(limit=2)
        tx.apps.add(an_app(4))
        tx.apps.remove(first.items[-1].id)
        assert tx.apps.list(cursor=first.next_cursor).items == [an_app(1)]


@pytest.mark.parametrize(
    "cursor", ["", "x", "%%%", "bm9wZQ", "MjAyNi0xMS0yMlQxMjowMDowMCBpZA", "\u00e9", "A" * 10_000]
)
def test_a_cursor_that_is_not_ours_is_refused(records: Records, cursor: str) -> None:
    with records.read() as tx:
        for read_page in (tx.apps.list, tx.deliveries.list):
            with pytest.raises(InvalidInput):
                read_page(cursor=cursor)
        with pytest.raises(InvalidInput):
            tx.deployments.list("app_0001", cursor=cursor)
