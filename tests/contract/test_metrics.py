"""Metrics on both databases: each fact counted once, whoever counts, and told as Prometheus reads it."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from app.database.ledgers import SqlLedgers
from app.database.metrics import SqlMetrics
from app.database.models import DeploymentRow, JobRow
from app.database.records import SqlRecords
from app.database.session import create_engine
from app.domain.apps import AppStatus
from app.domain.archives import Archive
from app.domain.deliveries import DeliveryStatus
from app.domain.deployments import Status
from app.domain.events import Event, Tag
from app.domain.jobs import JobStatus, JobType
from app.domain.limits import Allowance, CallKind, Told, Window
from app.domain.metrics import METRICS, MetricKind
from app.ports import Records
from app.web.exposition import Watched
from tests.builders import NOON, a_delivery, a_deployment, an_app
from tests.fakes.clock import FakeClock

LIMITED = Allowance("github", "GitHub", {"points": Window(60, 900)}, {CallKind.READ: {"points": 1}})


def key(name: str, **labels: str) -> str:
    """Return how a value is named here."""
    return f"{name}{ {name: str(labels[name]) for name in sorted(labels)} }"


@dataclass
class World:
    engine: sqlalchemy.Engine
    records: Records
    clock: FakeClock
    metrics: SqlMetrics
    workers: int = 2

    def values(self) -> dict[str, float]:
        """Count all there is, and return every value by its name and labels."""
        while self.metrics.advance():
            pass
        return {key(it.name, **it.labels): it.value for it in self.metrics.read()}


@pytest.fixture
def world(migrated_url: str) -> Iterator[World]:
    clock, engine = FakeClock(), create_engine(migrated_url)
    ledgers = SqlLedgers(engine, clock)
    metrics = SqlMetrics(engine, clock, ledgers, [LIMITED], lambda: 2)
    yield World(engine, SqlRecords(engine, lambda *_: None, clock), clock, metrics)
    engine.dispose()


def deploy(world: World, number: int, status: Status, **phases: float) -> None:
    """Have a deployment end after a minute."""
    made = a_deployment(number)
    ended = replace(made, status=status, phases=phases, finished_at=made.created_at + timedelta(seconds=60))
    payload = {"app": made.app_id, "environment": made.environment}
    with world.records.begin() as tx:
        tx.deployments.add(ended)
        tx.events.append(Event(Tag(f"deployment:{status}"), made.id, "github", NOON, payload))


def run_job(world: World, seconds: float) -> None:
    with world.records.begin() as tx:
        job = tx.jobs.enqueue(JobType.PUBLISH, "app_0001", {})
    done = replace(
        job,
        status=JobStatus.COMPLETED,
        started_at=NOON,
        finished_at=NOON + timedelta(seconds=seconds),
    )
    with world.records.begin() as tx:
        tx.jobs.save(done)
        tx.events.append(Event(Tag.JOB_COMPLETED, job.id, job.id, NOON, {"type": "publish"}))


def test_deployments_are_counted_and_timed(world: World) -> None:
    deploy(world, 1, Status.READY, install=3.0, build=4.0, deploy=0.3)
    deploy(world, 2, Status.ERROR)
    deploy(world, 3, Status.READY)
    values = world.values()
    ready = {"environment": "production", "result": "ready"}
    assert values[key("branchline_deployments_total", **ready)] == 2
    assert values[key("branchline_deployments_total", **{**ready, "result": "error"})] == 1
    total = {"environment": "production", "phase": "total"}
    assert values[key("branchline_deployment_seconds_sum", **total)] == 120
    build = {"environment": "production", "phase": "build"}
    assert values[key("branchline_deployment_seconds_sum", **build)] == 7
    assert values[key("branchline_events_total", tag="deployment:ready")] == 2


def test_jobs_are_counted_and_timed(world: World) -> None:
    run_job(world, 2.0)
    run_job(world, 400.0)
    with world.records.begin() as tx:
        tx.jobs.enqueue(JobType.RETIRE, "app_0001", {})
    world.clock.advance(90)
    values = world.values()
    assert values[key("branchline_jobs_ended_total", result="completed", type="publish")] == 2
    assert values[key("branchline_job_seconds_sum", type="publish")] == 402
    assert values[key("branchline_job_seconds_bucket", le="2.5", type="publish")] == 1
    assert values[key("branchline_jobs", type="retire", state="queued")] == 1
    assert values[key("branchline_jobs_oldest_seconds", state="queued")] == 90


def test_deliveries_are_counted_when_they_are_settled(world: World) -> None:
    with world.records.begin() as tx:
        for number, event in enumerate(("push", "push", "star")):
            tx.deliveries.add(a_delivery(number, event=event, received_at=world.clock()))
    world.clock.advance(40)
    waiting = world.values()
    assert waiting[key("branchline_deliveries_waiting", status="waiting")] == 3
    assert waiting[key("branchline_deliveries_oldest_waiting_seconds")] == 40
    with world.records.begin() as tx:
        for held in tx.deliveries.waiting(world.clock(), limit=10):
            status = DeliveryStatus.IGNORED if held.event == "star" else DeliveryStatus.PROCESSED
            tx.deliveries.save(replace(held, status=status, processed_at=world.clock()))
    counted = key("branchline_deliveries_total", event="push", outcome="processed", source="github")
    assert counted not in world.values()
    world.clock.advance(61)
    assert world.values()[counted] == 2
    assert world.values()[counted] == 2


def test_totals_outlive_what_they_count(world: World) -> None:
    deploy(world, 1, Status.READY, deploy=0.3)
    run_job(world, 2.0)
    before = world.values()
    with world.engine.begin() as connection:
        connection.execute(sqlalchemy.delete(DeploymentRow))
        connection.execute(sqlalchemy.delete(JobRow))
    after = world.values()
    counters = {name for name in before if "_total" in name or "_sum" in name or "_bucket" in name}
    assert counters
    assert {name: after[name] for name in counters} == {name: before[name] for name in counters}


def test_each_fact_is_counted_once_by_several_at_once(world: World) -> None:
    with world.records.begin() as tx:
        for number in range(300):
            tx.events.append(Event(Tag.BRANCH_PUSHED, f"app_{number}", "github", NOON, {}))

    def count() -> None:
        while world.metrics.advance(limit=7):
            pass

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert world.values()[key("branchline_events_total", tag="branch:pushed")] == 300


def test_remotes_are_told_of(world: World) -> None:
    def ask(ledger: Any, at: float) -> tuple[Any, None]:
        asked = ledger.take(LIMITED, CallKind.READ, 30, at).count(CallKind.READ, 30).silenced(at + 20)
        return replace(asked, told={"core": Told(5000, 4000, at + 600)}), None

    world.metrics._ledgers.change("github", ask)
    values = world.values()
    assert values[key("branchline_remote_calls_total", remote="github", kind="read")] == 30
    assert values[key("branchline_remote_window_used", remote="github", window="points")] == 30
    assert values[key("branchline_remote_window_limit", remote="github", window="points")] == 900
    assert values[key("branchline_remote_budget_left", remote="github", resource="core")] == 4000
    assert values[key("branchline_remote_silent_seconds", remote="github")] == pytest.approx(20, abs=1)
    assert values[key("branchline_remote_silences_total", remote="github")] == 1


def test_apps_and_workers_are_counted(world: World) -> None:
    with world.records.begin() as tx:
        tx.apps.add(an_app(1))
        tx.apps.add(an_app(2, status=AppStatus.FAILED))
        tx.apps.add(an_app(3))
    values = world.values()
    assert values[key("branchline_apps", status="ready")] == 2
    assert values[key("branchline_apps", status="failed")] == 1
    assert values[key("branchline_workers_alive")] == 2
    assert 0 < values[key("branchline_database_ping_seconds")] < 1
    assert values[key("branchline_totals_behind_seconds")] == 0


def test_facts_that_are_archived_already_are_passed_over(world: World) -> None:
    for number in range(5):
        with world.records.begin() as tx:
            tx.events.append(Event(Tag.BRANCH_PUSHED, f"app_{number}", "github", NOON, {}))
    with world.records.begin() as tx:
        old = tx.archives.due(NOON + timedelta(days=1), limit=3)
        assert tx.archives.keep(Archive.of(old, "0" * 64, NOON))
    assert world.values()[key("branchline_events_total", tag="branch:pushed")] == 2


def test_what_is_told_is_what_prometheus_reads(world: World) -> None:
    deploy(world, 1, Status.READY, install=3.0, build=4.0, deploy=0.3)
    run_job(world, 2.0)
    watched = Watched(world.metrics, "open")
    families = {
        it.name: it for it in text_string_to_metric_families(generate_latest(watched.registry).decode())
    }
    for metric in METRICS:
        family = families[metric.name.removesuffix("_total")]
        assert family.type == metric.kind
        assert family.documentation == metric.about
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)
    buckets = [it.value for it in families["branchline_job_seconds"].samples if it.name.endswith("_bucket")]
    assert buckets == sorted(buckets)
    assert buckets[-1] == 1
    assert "process_resident_memory_bytes" in families
    assert all(it.name.endswith("_total") == (it.kind is MetricKind.COUNTER) for it in METRICS)
