from collections.abc import Iterator

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from app.database.session import writing
from tests.builders import an_app
from tests.integration.web.world import TOKEN, World

BEARING = {"Authorization": f"Bearer {TOKEN}"}
OPEN_METRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    world = World(migrated_sqlite_url)
    yield world
    world.close()


def test_who_bears_the_token_reads_metrics(world: World) -> None:
    answer = world.client.get("/metrics", headers=BEARING)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain")
    assert "branchline_workers_alive 1.0" in answer.text
    assert "process_cpu_seconds_total" in answer.text


def test_who_asks_for_openmetrics_gets_them(world: World) -> None:
    answer = world.client.get("/metrics", headers=BEARING | OPEN_METRICS)
    assert answer.content_type.startswith("application/openmetrics-text")
    read = text_string_to_metric_families(answer.text)  # type: ignore[no-untyped-call]
    families = {it.name for it in read}
    assert {"branchline_apps", "branchline_events", "branchline_job_seconds"} <= families


def test_nobody_else_reads_them(world: World) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = world.client.get("/metrics", headers=headers)
        assert answer.status_code == 401
        assert "branchline_" not in answer.text


def test_they_are_open_or_off_where_the_operator_says_so(world: World) -> None:
    world.watched.access = "open"
    assert world.client.get("/metrics").status_code == 200
    world.watched.access = "off"
    assert world.client.get("/metrics", headers=BEARING).status_code == 404


def test_the_database_is_asked_every_few_seconds_only(world: World) -> None:
    def apps() -> bool:
        return 'branchline_apps{status="ready"} 1.0' in world.client.get("/metrics", headers=BEARING).text

    assert not apps()
    with world.records.begin() as tx:
        tx.apps.add(an_app())
    assert not apps()
    world.later(5)
    assert apps()


def test_while_nobody_can_write_the_totals_are_those_of_before(world: World) -> None:
    with writing(world.database):
        answer = world.client.get("/metrics", headers=BEARING)
    assert answer.status_code == 200
    assert "branchline_workers_alive 1.0" in answer.text
