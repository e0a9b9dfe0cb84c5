"""What every memory does alike: the fake that unit tests trust, SQLite and a real PostgreSQL."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy.exc import SQLAlchemyError

from app.database.records import SqlRecords
from app.database.session import create_engine
from app.domain.apps import AppStatus
from app.domain.deliveries import DeliverySource, DeliveryStatus
from app.domain.deployments import FINAL, UNFINISHED, Status
from app.domain.environments import Environment
from app.domain.events import Event, Tag
from app.domain.jobs import Job, JobStatus, JobType
from app.errors import Conflict, InvalidInput, NotFound
from app.ports import Page, Records
from tests.builders import NOON, a_delivery, a_deployment, a_pull, a_repository, an_app, at
from tests.fakes.clock import FakeClock
from tests.fakes.records import FakeRecords


@dataclass
class World:
    """A memory, its clock, and the jobs that the engine was handed."""

    records: Records
    clock: FakeClock
    enqueued: list[Job] = field(default_factory=list)


@pytest.fixture(params=["fake", "sqlite", "postgres"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    clock, enqueued = FakeClock(), list[Job]()
    if request.param == "fake":
        yield World(FakeRecords(clock, lambda _, job: enqueued.append(job)), clock, enqueued)
        return
    engine = create_engine(request.getfixturevalue(f"migrated_{request.param}_url"))
    yield World(SqlRecords(engine, lambda _, job: enqueued.append(job), clock), clock, enqueued)
    engine.dispose()


@pytest.fixture
def records(world: World) -> Records:
    return world.records


class Failure(Exception):
    """What a test breaks a transaction with."""


def all_pages(read_page: Callable[[str | None], Page]) -> list[Any]:
    items, cursor = list[Any](), None
    for _ in range(100):
        page = read_page(cursor)
        items += page.items
        cursor = page.next_cursor
        if cursor is None:
            return items
    raise AssertionError("the pages do not end")


# ------------------------------------------------------------------------------------------- transactions


def test_what_was_committed_is_seen_by_everyone_after(records: Records) -> None:
    with records.begin() as tx:
        tx.apps.add(an_app())
        assert tx.apps.get("app_0001") == an_app()
    with records.read() as tx:
        assert tx.apps.get("app_0001") == an_app()


def test_nothing_is_left_of_a_transaction_that_an_exception_left(world: World) -> None:
    jobs = list[Job]()

    def write_and_fail() -> None:
        with world.records.begin() as tx:
            tx.apps.add(an_app())
            tx.deployments.add(a_deployment())
            tx.pulls.save(a_pull())
            tx.deliveries.add(a_delivery())
            tx.events.append(Event(Tag.APP_REQUESTED, "app_0001", "token", NOON, {}))
            jobs.append(tx.jobs.enqueue(JobType.PROVISION, "app_0001", {}))
            raise Failure

    with pytest.raises(Failure):
        write_and_fail()
    with world.records.read() as tx:
        assert tx.apps.list() == Page([], None)
        assert tx.deployments.list("app_0001") == Page([], None)
        assert tx.pulls.open("app_0001") == []
        assert tx.deliveries.list() == Page([], None)
        assert tx.events.about("app_0001") == []
        assert tx.events.about(jobs[0].id) == []
        assert tx.jobs.unfinished() == []


def test_a_reader_sees_one_moment_while_a_writer_goes_on(records: Records) -> None:
    with records.read() as before:
        assert before.apps.list() == Page([], None)
        with records.begin() as tx:
            tx.apps.add(an_app())
        assert before.apps.list() == Page([], None)
    with records.read() as after:
        assert after.apps.get("app_0001") == an_app()


def test_a_reader_does_not_see_what_is_not_committed(records: Records) -> None:
    with records.begin() as tx:
        tx.apps.add(an_app())
        with records.read() as reader:
            assert reader.apps.list() == Page([], None)


def test_a_reader_cannot_write(records: Records) -> None:
    with pytest.raises((SQLAlchemyError, AssertionError)), records.read() as tx:
        tx.apps.add(an_app())
    with records.read() as tx:
        assert tx.apps.list() == Page([], None)


def test_a_transaction_goes_on_after_a_conflict(records: Records) -> None:
    with records.begin() as tx:
        tx.apps.add(an_app(1))
        with pytest.raises(Conflict):
            tx.apps.add(an_app(2, name="app-1"))
        tx.apps.add(an_app(3))
    with records.read() as tx:
        assert [app.id for app in tx.apps.list().items] == ["app_0003", "app_0001"]


# --------------------------------------------------------------------------------------------------- apps


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


# -------------------------------------------------------------------------------------------- deployments


def test_a_deployment_comes_back_as_it_was_kept(records: Records) -> None:
    deployment = a_deployment(
        environment=Environment.PREVIEW,
        pull_request=7,
        message=None,
        status=Status.ERROR,
        finished_at=at(9),
        phases={"install": 3.21, "build": 1.4},
        error="x" * 2000,
        github_deployment_id=2**40,
        published=Status.BUILDING,
    )
    with records.begin() as tx:
        tx.deployments.add(deployment)
    with records.read() as tx:
        assert tx.deployments.get(deployment.id) == deployment
        assert tx.deployments.by_run("app_0001", 1001, 1) == deployment


def test_an_unknown_deployment_is_not_found(records: Records) -> None:
    with records.begin() as tx:
        with pytest.raises(NotFound):
            tx.deployments.get("dpl_0001_1")
        with pytest.raises(NotFound):
            tx.deployments.save(a_deployment())
        assert tx.deployments.by_run("app_0001", 1001, 1) is None


def test_an_attempt_of_a_run_makes_one_deployment(records: Records) -> None:
    with records.begin() as tx:
        tx.deployments.add(a_deployment(1))
        with pytest.raises(Conflict):
            tx.deployments.add(a_deployment(1, id="dpl_other"))
        tx.deployments.add(a_deployment(1, attempt=2))
        tx.deployments.add(a_deployment(1, id="dpl_elsewhere", app_id="app_0002"))
    with records.read() as tx:
        assert len(tx.deployments.find("app_0001")) == 2


def test_saving_a_deployment_replaces_it(records: Records) -> None:
    ready = a_deployment().become(Status.READY, at(30), phases={"deploy": 2.0})
    with records.begin() as tx:
        tx.deployments.add(a_deployment())
        tx.deployments.save(ready)
    with records.read() as tx:
        assert tx.deployments.get(ready.id) == ready


def test_deployments_are_found_in_the_order_of_their_runs(records: Records) -> None:
    # Kept in another order than they ran, the last run's first attempt last.
    kept = [a_deployment(3, attempt=2), a_deployment(1), a_deployment(10), a_deployment(3), a_deployment(2)]
    with records.begin() as tx:
        for deployment in kept:
            tx.deployments.add(deployment)
    with records.read() as tx:
        orders = [deployment.order for deployment in tx.deployments.find("app_0001")]
        assert orders == [(10, 1), (3, 2), (3, 1), (2, 1), (1, 1)]
        assert [found.order for found in tx.deployments.find("app_0001", limit=2)] == [(10, 1), (3, 2)]


def test_deployments_are_found_by_everything_that_is_asked(records: Records) -> None:
    with records.begin() as tx:
        tx.deployments.add(a_deployment(1, status=Status.READY))
        tx.deployments.add(a_deployment(2, script="staging-slug0001", status=Status.BUILDING))
        tx.deployments.add(a_deployment(3, script="preview-pr7-slug0001", pull_request=7))
        tx.deployments.add(a_deployment(4, app_id="app_0002", pull_request=7))
    with records.read() as tx:

        def numbers(**asked: Any) -> list[int]:
            return [deployment.run.number for deployment in tx.deployments.find("app_0001", **asked)]

        assert numbers() == [3, 2, 1]
        assert numbers(script="slug0001") == [1]
        assert numbers(pull_request=7) == [3]
        assert numbers(statuses=UNFINISHED) == [3, 2]
        assert numbers(statuses=FINAL, script="slug0001") == [1]
        assert numbers(statuses=frozenset()) == []


def test_pages_of_deployments_hold_what_is_asked_once_newest_first(records: Records) -> None:
    with records.begin() as tx:
        for number in range(12):
            environment = Environment.STAGING if number % 2 else Environment.PRODUCTION
            status = Status.READY if number % 3 == 0 else Status.ERROR
            tx.deployments.add(a_deployment(number, environment=environment, status=status))
        tx.deployments.add(a_deployment(99, app_id="app_0002"))
    with records.read() as tx:

        def numbers(**asked: Any) -> list[int]:
            pages = all_pages(lambda cursor: tx.deployments.list("app_0001", cursor=cursor, limit=2, **asked))
            return [deployment.run.number for deployment in pages]

        assert numbers() == list(range(11, -1, -1))
        assert numbers(environment=Environment.STAGING) == [11, 9, 7, 5, 3, 1]
        assert numbers(status=Status.READY) == [9, 6, 3, 0]
        assert numbers(environment=Environment.STAGING, status=Status.READY) == [9, 3]


# ------------------------------------------------------------------------------------------ pull requests


def test_a_pull_request_is_kept_and_replaced(records: Records) -> None:
    closed = a_pull(is_open=False, title="Say more", comment_id=2**40, comment_digest="abc", updated_at=at(5))
    with records.begin() as tx:
        assert tx.pulls.get("app_0001", 1) is None
        tx.pulls.save(a_pull())
        assert tx.pulls.get("app_0001", 1) == a_pull()
        tx.pulls.save(closed)
    with records.read() as tx:
        assert tx.pulls.get("app_0001", 1) == closed
        assert tx.pulls.get("app_0002", 1) is None


def test_open_pull_requests_come_highest_number_first(records: Records) -> None:
    with records.begin() as tx:
        for number in (2, 10, 1):
            tx.pulls.save(a_pull(number))
        tx.pulls.save(a_pull(3, is_open=False))
        tx.pulls.save(a_pull(4, app_id="app_0002"))
    with records.read() as tx:
        assert tx.pulls.open("app_0001") == [a_pull(10), a_pull(2), a_pull(1)]


# ---------------------------------------------------------------------------------------------- deliveries


def test_a_delivery_comes_back_to_the_byte(records: Records) -> None:
    body = bytes(range(256)) * 100 + b"\x00\xff"
    with records.begin() as tx:
        assert tx.deliveries.add(a_delivery(body=body))
    with records.read() as tx:
        kept = tx.deliveries.get("guid-1")
    assert kept == a_delivery(body=body, id=kept.id)
    assert kept.id is not None


def test_a_delivery_is_kept_once_per_source_and_guid(records: Records) -> None:
    with records.begin() as tx:
        assert tx.deliveries.add(a_delivery())
        assert not tx.deliveries.add(a_delivery(body=b"another", event="pull_request"))
    with records.begin() as tx:
        assert not tx.deliveries.add(a_delivery(body=b"another"))
        assert tx.deliveries.add(a_delivery(source=DeliverySource.WORKFLOW))
    with records.read() as tx:
        assert len(tx.deliveries.list().items) == 2
        assert tx.deliveries.get("guid-1").source is DeliverySource.WORKFLOW


def test_an_unknown_delivery_is_not_found(records: Records) -> None:
    with records.begin() as tx:
        with pytest.raises(NotFound):
            tx.deliveries.get("guid-1")
        with pytest.raises(NotFound):
            tx.deliveries.save(a_delivery())


def test_waiting_deliveries_come_oldest_first(records: Records) -> None:
    with records.begin() as tx:
        for number in (1, 2, 3):
            tx.deliveries.add(a_delivery(number))
    with records.begin() as tx:
        assert [delivery.guid for delivery in tx.deliveries.waiting(at(9), limit=2)] == ["guid-1", "guid-2"]
        assert tx.deliveries.waiting(at(9), limit=1)[0].body == a_delivery().body


@pytest.mark.parametrize("status", [DeliveryStatus.PROCESSED, DeliveryStatus.IGNORED])
def test_a_delivery_that_is_done_waits_no_longer(records: Records, status: DeliveryStatus) -> None:
    with records.begin() as tx:
        tx.deliveries.add(a_delivery())
        (delivery,) = tx.deliveries.waiting(at(9), limit=10)
        done = replace(delivery, status=status, attempts=1, processed_at=at(9))
        tx.deliveries.save(done)
    with records.begin() as tx:
        assert tx.deliveries.waiting(at(99), limit=10) == []
        assert tx.deliveries.get("guid-1") == done


def test_a_failed_delivery_is_tried_again_from_its_time_on(records: Records) -> None:
    failed = a_delivery(status=DeliveryStatus.FAILED, attempts=1, error="GitHub was away")
    with records.begin() as tx:
        tx.deliveries.add(a_delivery())
        tx.deliveries.save(failed, try_at=at(60))
    with records.begin() as tx:
        assert tx.deliveries.waiting(at(59), limit=10) == []
        (delivery,) = tx.deliveries.waiting(at(60), limit=10)
        assert delivery == replace(failed, id=delivery.id)
        tx.deliveries.save(replace(delivery, attempts=2))
        assert len(tx.deliveries.waiting(at(60), limit=10)) == 1


def test_pages_of_deliveries_come_newest_first_without_bodies(records: Records) -> None:
    with records.begin() as tx:
        for number in range(12):
            tx.deliveries.add(a_delivery(number))
    with records.read() as tx:
        found = all_pages(lambda cursor: tx.deliveries.list(cursor=cursor, limit=5))
    assert [delivery.guid for delivery in found] == [f"guid-{number}" for number in range(11, -1, -1)]
    assert {delivery.body for delivery in found} == {b""}


# -------------------------------------------------------------------------------------------------- events


def test_facts_about_a_subject_come_newest_first(records: Records) -> None:
    facts = [
        Event(Tag.APP_REQUESTED, "app_0001", "token", at(2), {"name": "shop", "files": [1, None, True]}),
        Event(Tag.APP_READY, "app_0002", "job_1", at(2), {}),
        Event(Tag.APP_READY, "app_0001", "job_2", at(1), {}),
        Event(Tag.APP_DELETED, "app_0001", "token", at(2), {}),
    ]
    with records.begin() as tx:
        for fact in facts:
            tx.events.append(fact)
    with records.read() as tx:
        about = tx.events.about("app_0001")
        assert [replace(fact, id=None) for fact in about] == [facts[3], facts[2], facts[0]]
        assert [fact.id for fact in tx.events.about("app_0001", limit=2)] == [fact.id for fact in about[:2]]


# ---------------------------------------------------------------------------------------------------- jobs


def test_a_job_its_fact_and_its_place_in_the_queue_come_together(world: World) -> None:
    with world.records.begin() as tx:
        job = tx.jobs.enqueue(JobType.PROVISION, "app_0001", {"template": "acme/template"})
    assert job == Job(
        job.id,
        JobType.PROVISION,
        "app_0001",
        {"template": "acme/template"},
        JobStatus.QUEUED,
        world.clock.now,
    )
    assert world.enqueued == [job]
    with world.records.read() as tx:
        assert tx.jobs.get(job.id) == job
        (fact,) = tx.events.about(job.id)
    payload = {"type": "provision", "app": "app_0001"}
    assert replace(fact, id=None) == Event(Tag.JOB_QUEUED, job.id, job.id, world.clock.now, payload)


def test_a_job_comes_back_as_it_was_saved(records: Records) -> None:
    with records.begin() as tx:
        job = tx.jobs.enqueue(JobType.RETIRE, "app_0001", {})
        failed = replace(
            tx.jobs.get(job.id, lock=True),
            status=JobStatus.FAILED,
            started_at=at(1),
            finished_at=at(2),
            waiting_for="GitHub",
            error={"code": "remote:refused", "message": "no"},
            result=[1, "two", None],
        )
        tx.jobs.save(failed)
    with records.read() as tx:
        assert tx.jobs.get(job.id) == failed


def test_an_unknown_job_is_not_found(records: Records) -> None:
    with records.begin() as tx:
        job = tx.jobs.enqueue(JobType.RETIRE, "app_0001", {})
        with pytest.raises(NotFound):
            tx.jobs.get("job_0")
        with pytest.raises(NotFound):
            tx.jobs.save(replace(job, id="job_0"))


def test_unfinished_jobs_come_oldest_first(world: World) -> None:
    with world.records.begin() as tx:
        jobs = []
        for status in (JobStatus.QUEUED, JobStatus.COMPLETED, JobStatus.PROCESSING, JobStatus.FAILED):
            jobs.append(replace(tx.jobs.enqueue(JobType.PUBLISH, "app_0001", {}), status=status))
            tx.jobs.save(jobs[-1])
            world.clock.advance()
    with world.records.read() as tx:
        assert tx.jobs.unfinished() == [jobs[0], jobs[2]]
        assert tx.jobs.unfinished(limit=1) == [jobs[0]]
