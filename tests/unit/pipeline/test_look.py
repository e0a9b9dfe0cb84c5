"""What the page of an app shows: where environments could go back or on to, and who wanted what."""

from collections.abc import Mapping
from typing import Any

import pytest

from app.domain.aliases import Alias
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.events import Event, Tag
from app.pipeline.look import Column, environments, promotion_targets, timeline
from app.ports import Transaction
from tests.builders import a_deployment, an_app, at
from tests.fakes.records import FakeRecords

APP = an_app(1)


@pytest.fixture
def records() -> FakeRecords:
    found = FakeRecords()
    with found.begin() as tx:
        tx.apps.add(APP)
    return found


def shown(number: int, **changes: Any) -> Deployment:
    """Return a deployment that went up, and whose bytes were kept."""
    values = {"status": Status.READY, "bundle": "b" * 64, "uploaded_at": at(number), **changes}
    return a_deployment(number, **values)


def point(tx: Transaction, deployment: Deployment, *, is_pinned: bool = False) -> None:
    tx.aliases.save(
        Alias(
            APP.id,
            deployment.script,
            deployment.environment,
            deployment.namespace,
            at(99),
            deployment_id=deployment.id,
            is_pinned=is_pinned,
        )
    )


def columns(records: FakeRecords) -> Mapping[Environment, Column]:
    with records.read() as tx:
        return {it.environment: it for it in environments(tx, APP).columns}


def ids(*found: Deployment | None) -> list[str | None]:
    return [it.id if it else None for it in found]


def test_nothing_is_live_of_a_new_app(records: FakeRecords) -> None:
    found = columns(records)
    assert list(found) == [Environment.PRODUCTION, Environment.STAGING, Environment.PREVIEW]
    assert all(
        (it.state.live, it.earlier, it.coming, it.targets) == (None, None, None, ()) for it in found.values()
    )


def test_an_environment_may_go_back_to_the_last_that_can_be_shown(records: FakeRecords) -> None:
    with records.begin() as tx:
        for deployment in (shown(1), shown(2, bundle=None), shown(3, status=Status.ERROR), live := shown(4)):
            tx.deployments.add(deployment)
        point(tx, live)
    production = columns(records)[Environment.PRODUCTION]
    assert ids(production.state.live, production.earlier) == ["dpl_0004_1", "dpl_0001_1"]
    assert production.coming is None


@pytest.mark.parametrize("newer", [1, 7, 8, 40])
def test_it_is_found_however_many_were_built_since(records: FakeRecords, newer: int) -> None:
    with records.begin() as tx:
        for number in range(1, 3 + newer):
            tx.deployments.add(shown(number))
        point(tx, shown(2), is_pinned=True)
    production = columns(records)[Environment.PRODUCTION]
    assert ids(production.earlier, production.coming) == ["dpl_0001_1", f"dpl_{newer + 2:04}_1"]


def test_the_first_cannot_go_back(records: FakeRecords) -> None:
    with records.begin() as tx:
        tx.deployments.add(shown(1))
        point(tx, shown(1))
    assert columns(records)[Environment.PRODUCTION].earlier is None


def test_a_branchs_preview_stays_live_while_its_next_deployment_fails(records: FakeRecords) -> None:
    script = f"preview-{APP.slug}"
    preview: dict[str, Any] = {"environment": Environment.PREVIEW, "script": script, "branch": "search"}
    with records.begin() as tx:
        tx.deployments.add(shown(1, **preview))
        tx.deployments.add(a_deployment(2, status=Status.ERROR, **preview))
        point(tx, shown(1, **preview))
    found = columns(records)[Environment.PREVIEW].state
    assert ids(found.live, found.newest) == ["dpl_0001_1", "dpl_0002_1"]


@pytest.mark.parametrize(
    ("environment", "changes", "targets"),
    [
        (Environment.PREVIEW, {}, ["staging", "production"]),
        (Environment.STAGING, {}, ["production"]),
        (Environment.PRODUCTION, {}, []),
        (Environment.PREVIEW, {"is_from_fork": True}, []),
        (Environment.PREVIEW, {"bundle": None}, []),
        (Environment.PREVIEW, {"status": Status.ERROR}, []),
    ],
)
def test_bytes_go_up_only_where_they_may(
    environment: Environment, changes: dict[str, Any], targets: list[str]
) -> None:
    assert list(promotion_targets(shown(1, environment=environment, **changes))) == targets


def test_whoever_pushed_is_known_on_older_pages_too(records: FakeRecords) -> None:
    with records.begin() as tx:
        for number in range(1, 101):
            deployment = shown(number, created_at=at(number * 100))
            tx.deployments.add(deployment)
            payload = {"branch": "main", "before": "0", "after": deployment.commit}
            pushed = Event(Tag.BRANCH_PUSHED, APP.id, f"github:g{number}", at(number * 100 + 1), payload)
            tx.events.append(pushed)
    with records.read() as tx:
        cursor, seen = None, list[str | None]()
        for _ in range(5):
            page = timeline(tx, APP, None, cursor, limit=20)
            seen += [it.by for it in page.entries]
            cursor = page.next_cursor
    assert seen == [f"github:g{number}" for number in range(100, 0, -1)]


def test_whoever_promoted_is_named_before_whoever_pushed(records: FakeRecords) -> None:
    with records.begin() as tx:
        tx.deployments.add(shown(1, actor="person:ada", promoted_from="dpl_0009_1"))
    with records.read() as tx:
        assert [it.by for it in timeline(tx, APP, None, None, limit=5).entries] == ["person:ada"]
