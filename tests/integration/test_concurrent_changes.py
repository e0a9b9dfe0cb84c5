"""Two processes change the state of one app at the same moment: what either of them said is kept.

In PostgreSQL only: SQLite's writers run one after the other.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Thread

import pytest
from sqlalchemy import Engine, text

from app.database.records import SqlRecords
from app.database.session import create_engine
from app.domain.apps import AppStatus
from app.domain.deployments import Status
from app.domain.environments import Environment
from app.domain.jobs import Job, JobStatus, JobType
from app.domain.reports import DeploymentStatusChanged, RepositoryDeleted, RepositoryRenamed
from app.pipeline.accept import work_off
from app.pipeline.follow import follow
from app.ports import Transaction
from tests.builders import NOON, a_delivery, a_deployment, a_pull
from tests.integration.jobs.world import until
from tests.unit.pipeline.world import NAMESPACES, OURS, World

APP = "app_0001"
PREVIEW = a_deployment(
    1,
    environment=Environment.PREVIEW,
    namespace=NAMESPACES[Environment.PREVIEW],
    script="preview-pr7-slug0001",
    pull_request=7,
    status=Status.DEPLOYING,
)


@pytest.fixture
def engine(migrated_postgres_url: str) -> Iterator[Engine]:
    engine = create_engine(migrated_postgres_url)
    yield engine
    engine.dispose()


@pytest.fixture
def world(engine: Engine) -> World:
    """A platform that remembers in PostgreSQL, with a preview on its way."""
    world = World()
    world.records = SqlRecords(engine, lambda _session, _job: None, world.clock)  # type: ignore[assignment]
    world.app()
    world.pull(a_pull(7))
    world.deployment(PREVIEW)
    return world


def is_somebody_waiting(engine: Engine) -> bool:
    with engine.connect() as connection:
        return bool(connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar())


def change_meanwhile(
    world: World,
    engine: Engine,
    verb: Callable[[], object],
    change: Callable[[Transaction], Callable[[], None]],
) -> None:
    """Look at something of the app, let `verb` run in another thread, then change what was looked at."""
    other = Thread(target=verb)
    with world.records.begin() as tx:
        tx.apps.get(APP, lock=True)
        save = change(tx)
        other.start()
        until(lambda: not other.is_alive() or is_somebody_waiting(engine), saying=lambda: "neither")
        save()
    other.join(60)
    assert not other.is_alive()


def deployment_becomes(status: Status) -> Callable[[Transaction], Callable[[], None]]:
    def look(tx: Transaction) -> Callable[[], None]:
        changed = replace(tx.deployments.get(PREVIEW.id), status=status)
        return lambda: tx.deployments.save(changed)

    return look


def app_becomes(status: AppStatus) -> Callable[[Transaction], Callable[[], None]]:
    def look(tx: Transaction) -> Callable[[], None]:
        changed = replace(tx.apps.get(APP), status=status)
        return lambda: tx.apps.save(changed)

    return look


def hear(world: World, report: object) -> None:
    with world.records.begin() as tx:
        work_off(
            tx,
            a_delivery(1),
            parse=lambda _: report,  # type: ignore[arg-type,return-value]
            platform=world.platform,
            at=world.clock(),
        )


def test_what_was_published_is_remembered(world: World, engine: Engine) -> None:
    job = Job("job_1", JobType.PUBLISH, APP, {"deployment": PREVIEW.id}, JobStatus.PROCESSING, NOON)
    change_meanwhile(world, engine, lambda: world.run(job), deployment_becomes(Status.READY))
    (deployment,) = world.deployments()
    assert deployment.status is Status.READY
    assert deployment.published is Status.DEPLOYING
    assert deployment.github_deployment_id is not None


def test_a_comment_that_was_written_is_remembered(world: World, engine: Engine) -> None:
    def closes(tx: Transaction) -> Callable[[], None]:
        pull = tx.pulls.get(APP, 7)
        assert pull is not None
        return lambda: tx.pulls.save(replace(pull, is_open=False))

    job = Job("job_1", JobType.PREVIEW, APP, {"pull_request": 7}, JobStatus.PROCESSING, NOON)
    change_meanwhile(world, engine, lambda: world.run(job), closes)
    pull = world.known_pull()
    assert not pull.is_open
    assert pull.comment_id is not None


def test_what_was_removed_stays_removed(world: World, engine: Engine) -> None:
    world.pull(replace(world.known_pull(), is_open=False))
    asked_at = world.clock.advance(60)
    job = Job("job_1", JobType.RETIRE, APP, {"pull_request": 7}, JobStatus.PROCESSING, asked_at)
    change_meanwhile(world, engine, lambda: world.run(job), deployment_becomes(Status.READY))
    (deployment,) = world.deployments()
    assert deployment.status is Status.REMOVED


def test_what_a_run_said_counts_more_than_what_github_says(world: World, engine: Engine) -> None:
    failure = DeploymentStatusChanged(
        repository=OURS,
        record_id=1,
        deployment_id=PREVIEW.id,
        state="failure",
        environment="preview",
        environment_url=None,
        log_url=None,
    )
    change_meanwhile(world, engine, lambda: hear(world, failure), deployment_becomes(Status.READY))
    (deployment,) = world.deployments()
    assert deployment.status is Status.READY


def test_a_deletion_is_not_undone(world: World, engine: Engine) -> None:
    def wait() -> None:
        job = Job("job_1", JobType.PUBLISH, APP, {}, JobStatus.PROCESSING, NOON, waiting_for="GitHub")
        with world.records.begin() as tx:
            follow(tx, job, NOON)

    change_meanwhile(world, engine, wait, app_becomes(AppStatus.DELETING))
    assert world.current().status is AppStatus.DELETING


@pytest.mark.parametrize(
    "report",
    [
        RepositoryRenamed(repository=replace(OURS, full_name="acme/shop"), old_full_name=OURS.full_name),
        RepositoryDeleted(repository=OURS),
    ],
)
def test_a_repository_that_changes_undoes_no_deletion(world: World, engine: Engine, report: object) -> None:
    change_meanwhile(world, engine, lambda: hear(world, report), app_becomes(AppStatus.DELETING))
    app = world.current()
    assert app.status is AppStatus.DELETING
    assert app.repository is not None
    is_renamed = isinstance(report, RepositoryRenamed)
    assert app.repository.full_name == ("acme/shop" if is_renamed else OURS.full_name)
