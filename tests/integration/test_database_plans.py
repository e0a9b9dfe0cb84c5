"""Every question that the ports ask has an index: no list grows slower with the whole table."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Engine, event

from app.database.cursors import Cursor
from app.database.records import SqlRecords
from app.database.session import create_engine
from app.domain.deployments import UNFINISHED, Status
from app.domain.environments import Environment
from app.errors import NotFound
from app.ports import Transaction
from tests.builders import NOON
from tests.fakes.clock import FakeClock

CURSOR = Cursor(NOON, "1").encode()
QUESTIONS: dict[str, Callable[[Transaction], object]] = {
    "app by name": lambda tx: tx.apps.get("x"),
    "app by repository": lambda tx: tx.apps.by_repository(1),
    "apps": lambda tx: tx.apps.list(),
    "more apps": lambda tx: tx.apps.list(cursor=CURSOR),
    "deployment": lambda tx: tx.deployments.get("x"),
    "deployment of a run": lambda tx: tx.deployments.by_run("x", 1, 1),
    "deployments of a script": lambda tx: tx.deployments.find("x", script="x"),
    "deployments of a pull request": lambda tx: tx.deployments.find("x", pull_request=1),
    "deployments by status": lambda tx: tx.deployments.find("x", statuses=UNFINISHED),
    "deployments of an app": lambda tx: tx.deployments.list("x"),
    "more deployments": lambda tx: tx.deployments.list("x", cursor=CURSOR),
    "more that are ready": lambda tx: tx.deployments.list("x", cursor=CURSOR, status=Status.READY),
    "more previews": lambda tx: tx.deployments.list("x", cursor=CURSOR, environment=Environment.PREVIEW),
    "pull request": lambda tx: tx.pulls.get("x", 1),
    "open pull requests": lambda tx: tx.pulls.open("x"),
    "waiting deliveries": lambda tx: tx.deliveries.waiting(NOON, limit=10),
    "delivery": lambda tx: tx.deliveries.get("x"),
    "more deliveries": lambda tx: tx.deliveries.list(cursor=CURSOR),
    "facts": lambda tx: tx.events.about("x"),
    "job": lambda tx: tx.jobs.get("x"),
    "unfinished jobs": lambda tx: tx.jobs.unfinished(),
    "alias": lambda tx: tx.aliases.get("x"),
    "aliases of an app": lambda tx: tx.aliases.of_app("x"),
    "expired aliases": lambda tx: tx.aliases.expired(NOON, limit=10),
    "own script": lambda tx: tx.own_scripts.by_name("x"),
    "own scripts that stand": lambda tx: tx.own_scripts.standing("x", "x"),
    "expired own scripts": lambda tx: tx.own_scripts.expired(NOON, limit=10),
    "assets": lambda tx: tx.assets.known("x", ["x", "y"]),
    "variables": lambda tx: tx.variables.of("x", Environment.PREVIEW),
    "secrets": lambda tx: tx.variables.secrets(("x", "preview", "x"), limit=10),
    "approval": lambda tx: tx.approvals.get("x", 1, "x"),
}
# A step through a whole table, other than along an index.
TABLE_SCAN = re.compile(r"SCAN \w+$")


@pytest.fixture
def engine(migrated_sqlite_url: str) -> Iterator[Engine]:
    engine = create_engine(migrated_sqlite_url)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_answered_along_an_index(engine: Engine, question: str) -> None:
    asked = _statements(engine, QUESTIONS[question])
    assert asked
    with engine.connect() as connection:
        for statement, parameters in asked:
            steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plan = [str(step[-1]) for step in steps]
            assert not [step for step in plan if TABLE_SCAN.search(step)], plan


def _statements(engine: Engine, ask: Callable[[Transaction], object]) -> list[tuple[str, Any]]:
    seen = list[tuple[str, Any]]()

    def note(*arguments: Any) -> None:
        _, _, statement, parameters, _, _ = arguments
        if statement.startswith("SELECT"):
            seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    records = SqlRecords(engine, lambda _session, _job: None, FakeClock())
    with suppress(NotFound), records.read() as tx:
        ask(tx)
    event.remove(engine, "before_cursor_execute", note)
    return seen
