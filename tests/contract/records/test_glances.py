"""Lists of apps as pages ask for them: leafed through in both directions, and what each row shows."""

from dataclasses import replace

import pytest

from app.domain.aliases import Alias
from app.domain.deployments import Status
from app.domain.environments import Environment
from app.domain.events import Event, Tag
from app.ports import Records
from tests.builders import a_deployment, a_worker, an_app, at

TELLING = frozenset({Status.READY, Status.ERROR})


def names(items: object) -> list[str]:
    return [app.name for app in items]  # type: ignore[attr-defined]


def an_alias(script: str = "slug0001", **changes: object) -> Alias:
    alias = Alias("app_0001", script, Environment.PRODUCTION, "live", at(0), deployment_id="dpl_0001_1")
    return replace(alias, **changes)  # type: ignore[arg-type]


@pytest.fixture
def seven(records: Records) -> Records:
    with records.begin() as tx:
        for number in range(1, 8):
            tx.apps.add(an_app(number))
    return records


def test_pages_are_leafed_through_there_and_back(seven: Records) -> None:
    with seven.read() as tx:
        first = tx.apps.list(limit=3)
        second = tx.apps.list(limit=3, cursor=first.next_cursor)
        third = tx.apps.list(limit=3, cursor=second.next_cursor)
        back = tx.apps.list(limit=3, cursor=third.previous_cursor, is_back=True)
        whole = tx.apps.list(limit=3, cursor=back.previous_cursor, is_back=True)
    assert names(second.items) == names(back.items) == ["app-4", "app-3", "app-2"]
    assert names(first.items) == names(whole.items) == ["app-7", "app-6", "app-5"]
    assert (first.previous_cursor, whole.previous_cursor, third.next_cursor) == (None, None, None)
    assert back.next_cursor == second.next_cursor
    assert whole.next_cursor == first.next_cursor


def test_there_is_no_way_back_from_where_nothing_is(seven: Records) -> None:
    with seven.read() as tx:
        last = tx.apps.list(limit=7)
        page = tx.apps.list(limit=3, cursor=tx.apps.list(limit=6).next_cursor)
        assert last.next_cursor is None
        assert names(page.items) == ["app-1"]
        nothing = tx.apps.list(limit=3, search="no such")
    assert (nothing.items, nothing.next_cursor, nothing.previous_cursor) == ([], None, None)


def test_apps_are_found_by_where_they_show_something(seven: Records) -> None:
    with seven.begin() as tx:
        tx.aliases.save(an_alias())
        tx.aliases.save(an_alias("staging-slug0002", app_id="app_0002", environment=Environment.STAGING))
        tx.aliases.save(an_alias("slug0003", app_id="app_0003", expired_at=at(1)))
        tx.aliases.save(an_alias("slug0004", app_id="app_0004", deployment_id=None))
    with seven.read() as tx:
        assert names(tx.apps.list(environment=Environment.PRODUCTION).items) == ["app-1"]
        assert names(tx.apps.list(environment=Environment.STAGING).items) == ["app-2"]
        assert names(tx.apps.list(environment=Environment.PREVIEW).items) == []


def test_each_app_has_its_last_deployment(seven: Records) -> None:
    with seven.begin() as tx:
        tx.deployments.add(a_deployment(1, created_at=at(9)))
        tx.deployments.add(a_deployment(2, created_at=at(5)))
        tx.deployments.add(a_deployment(3, app_id="app_0002"))
        tx.deployments.add(a_deployment(4, app_id="app_0003"))
    with seven.read() as tx:
        found = tx.glances.last_deployments(["app_0001", "app_0002", "app_0005"])
        assert {app_id: it.id for app_id, it in found.items()} == {
            "app_0001": "dpl_0001_1",
            "app_0002": "dpl_0003_1",
        }
        assert tx.glances.last_deployments([]) == {}


def test_each_script_has_its_newest_deployment(records: Records) -> None:
    with records.begin() as tx:
        tx.deployments.add(a_deployment(1, script="one", status=Status.READY))
        tx.deployments.add(a_deployment(2, script="one", status=Status.ERROR, created_at=at(-5)))
        tx.deployments.add(a_deployment(3, script="one", status=Status.CANCELLED))
        tx.deployments.add(a_deployment(4, script="two", status=Status.READY))
        tx.deployments.add(a_deployment(5, script="three", status=Status.READY))
        tx.deployments.add(a_deployment(6, script="one", status=Status.READY, app_id="app_0002"))
    with records.read() as tx:
        found = tx.glances.newest_to("app_0001", ["one", "two", "none"], TELLING)
        assert {script: it.id for script, it in found.items()} == {"one": "dpl_0002_1", "two": "dpl_0004_1"}
        assert tx.glances.newest_to("app_0001", [], TELLING) == {}


def test_only_aliases_that_show_something_are_shown(records: Records) -> None:
    with records.begin() as tx:
        tx.aliases.save(an_alias())
        tx.aliases.save(an_alias("preview-pr7-slug0001", environment=Environment.PREVIEW, pull_request=7))
        tx.aliases.save(an_alias("preview-pr8-slug0001", expired_at=at(1)))
        tx.aliases.save(an_alias("staging-slug0001", deployment_id=None))
    with records.read() as tx:
        found = tx.glances.shown(["app_0001", "app_0002"])
        assert [it.script for it in found["app_0001"]] == ["preview-pr7-slug0001", "slug0001"]
        assert not found.get("app_0002")


def test_it_is_known_who_pushed_last(records: Records) -> None:
    with records.begin() as tx:
        for number in range(1, 5):
            payload = {"branch": "main", "before": "0", "after": f"{number:040x}"}
            tx.events.append(Event(Tag.BRANCH_PUSHED, "app_0001", f"github:g{number}", at(number), payload))
        tx.events.append(Event(Tag.APP_READY, "app_0002", "job", at(6), {}))
    with records.read() as tx:
        assert tx.glances.pushers(["app_0001", "app_0002"], limit=2) == {
            ("app_0001", f"{3:040x}"): "github:g3",
            ("app_0001", f"{4:040x}"): "github:g4",
        }
        earlier = tx.glances.pushers(["app_0001"], limit=1, until=at(2.5))
        assert earlier == {("app_0001", f"{2:040x}"): "github:g2"}
        assert tx.glances.pushers([], limit=2) == {}


def test_apps_and_workers_are_called_by_their_names(seven: Records) -> None:
    with seven.begin() as tx:
        tx.workers.add(a_worker(1))
    with seven.read() as tx:
        found = tx.glances.names(["app_0001", "wrk_0001", "app_9999"])
        assert found == {"app_0001": "app-1", "wrk_0001": "worker-1"}
        assert tx.glances.names([]) == {}
