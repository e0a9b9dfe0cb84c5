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
from app.domain.apps import AppStatus
from app.domain.callers import Reach
from app.domain.deliveries import DeliveryFilter, DeliveryStatus
from app.domain.deployments import UNFINISHED, Status
from app.domain.environments import Environment
from app.domain.events import Place, Selection, Tag
from app.domain.jobs import JobFilter, JobStatus, JobType
from app.errors import NotFound
from app.ports import Transaction
from tests.builders import NOON
from tests.fakes.clock import FakeClock

ADAS = Reach("x")
CURSOR = Cursor(NOON, "1").encode()
PLACE = Place(0, 9)
QUESTIONS: dict[str, Callable[[Transaction], object]] = {
    "apps in reach": lambda tx: tx.apps.list(reach=ADAS),
    "more apps in reach": lambda tx: tx.apps.list(cursor=CURSOR, reach=ADAS),
    "apps by a part of their name": lambda tx: tx.apps.list(search="shop"),
    "apps in reach whose repository is not": lambda tx: tx.apps.list(
        reach=ADAS, status=AppStatus.DETACHED, limit=1
    ),
    "failed apps": lambda tx: tx.apps.list(status=AppStatus.FAILED),
    "workers of somebody": lambda tx: tx.workers.list(reach=ADAS),
    "drifts in reach": lambda tx: tx.drifts.list(reach=ADAS),
    "facts in reach": lambda tx: tx.events.page(Selection(reach=ADAS)),
    "facts of a subject in reach": lambda tx: tx.events.page(Selection(subject="x", reach=ADAS)),
    "right": lambda tx: tx.rights.get("x", "x"),
    "what somebody may read": lambda tx: tx.rights.readable("x"),
    "apps of repositories": lambda tx: tx.rights.apps_of([1, 2]),
    "person": lambda tx: tx.people.by_github_id(1),
    "session": lambda tx: tx.sessions.get("x"),
    "token": lambda tx: tx.api_tokens.by_digest("x"),
    "app by name": lambda tx: tx.apps.get("x"),
    "app by repository": lambda tx: tx.apps.by_repository(1),
    "apps": lambda tx: tx.apps.list(),
    "more apps": lambda tx: tx.apps.list(cursor=CURSOR),
    "deployment": lambda tx: tx.deployments.get("x"),
    "deployment of a run": lambda tx: tx.deployments.by_run("x", 1, 1),
    "deployments of a script": lambda tx: tx.deployments.find("x", script="x"),
    "deployments before one": lambda tx: tx.deployments.find("x", script="x", before=(2, 1), limit=1),
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
    "deliveries by status": lambda tx: tx.deliveries.list(DeliveryFilter(status=DeliveryStatus.FAILED)),
    "facts": lambda tx: tx.events.about("x"),
    "all facts": lambda tx: tx.events.page(Selection()),
    "more facts": lambda tx: tx.events.page(Selection(), before=PLACE),
    "facts of a subject": lambda tx: tx.events.page(Selection(subject="x")),
    "facts of an app": lambda tx: tx.events.page(Selection(app_id="x")),
    "facts of an app with a tag": lambda tx: tx.events.page(Selection(app_id="x", tag=Tag.DEPLOYMENT_READY)),
    "facts with a tag": lambda tx: tx.events.page(Selection(tag=Tag.DEPLOYMENT_READY)),
    "facts but those of jobs": lambda tx: tx.events.page(Selection(tag="-job:")),
    "facts of an app but those of jobs": lambda tx: tx.events.page(Selection(app_id="x", tag="-job:")),
    "facts by somebody": lambda tx: tx.events.page(Selection(actor="x")),
    "facts of a kind by somebody": lambda tx: tx.events.page(Selection(actor="x", tag="deployment:")),
    "what an app showed": lambda tx: tx.events.last_of_each("x", Tag.ENVIRONMENT_CHANGED, until=NOON),
    "what an app showed before": lambda tx: tx.events.first_of_each("x", Tag.ENVIRONMENT_CHANGED, since=NOON),
    "facts to archive": lambda tx: tx.archives.due(NOON, limit=10),
    "open drifts": lambda tx: tx.drifts.list(),
    "drifts of apps": lambda tx: tx.drifts.of(["x"]),
    "missed deliveries": lambda tx: tx.missed.due(NOON),
    "job": lambda tx: tx.jobs.get("x"),
    "unfinished jobs": lambda tx: tx.jobs.unfinished(),
    "jobs that are to end": lambda tx: tx.jobs.ending(),
    "jobs": lambda tx: tx.jobs.list(),
    "more jobs": lambda tx: tx.jobs.list(cursor=CURSOR),
    "jobs of an app": lambda tx: tx.jobs.list(JobFilter(app_id="x")),
    "jobs by type": lambda tx: tx.jobs.list(JobFilter(type=JobType.PUBLISH)),
    "jobs by status": lambda tx: tx.jobs.list(JobFilter(status=JobStatus.FAILED)),
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
# What is only read in the order that an index has it in: of a long list, no more than the page is looked at.
IN_ORDER = {
    *("apps", "more apps", "deployments of an app", "more deployments", "more that are ready"),
    *("more previews", "all facts", "more facts", "facts of an app", "facts of an app with a tag"),
    *("more deliveries", "deliveries by status"),
    *("jobs", "more jobs", "jobs of an app", "jobs by type", "jobs by status", "facts by somebody"),
    *("facts but those of jobs", "facts of an app but those of jobs"),
}
# A step through a whole table, other than along an index; `anon` is what was found in a step before.
TABLE_SCAN = re.compile(r"SCAN (?!anon_)\w+$")


@pytest.fixture
def engine(migrated_sqlite_url: str) -> Iterator[Engine]:
    engine = create_engine(migrated_sqlite_url)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_answered_along_an_index(engine: Engine, question: str) -> None:
    plan = _plan(engine, question)
    assert not [step for step in plan if TABLE_SCAN.search(step)], plan


@pytest.mark.parametrize("question", sorted(IN_ORDER))
def test_a_page_is_read_in_its_order(engine: Engine, question: str) -> None:
    assert not [step for step in _plan(engine, question) if "TEMP B-TREE" in step]


@pytest.mark.parametrize("question", ["what an app showed", "what an app showed before"])
def test_what_an_app_showed_is_told_by_its_own_facts(engine: Engine, question: str) -> None:
    assert any("app_id=? AND tag=?" in step for step in _plan(engine, question))


def _plan(engine: Engine, question: str) -> list[str]:
    """Return the steps that SQLite answers it in."""
    asked = _statements(engine, QUESTIONS[question])
    assert asked
    with engine.connect() as connection:
        found = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {it}", given) for it, given in asked]
        return [str(step[-1]) for steps in found for step in steps]


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
