"""Transactions: whole or not at all, and readers in peace."""

import pytest
from sqlalchemy.exc import SQLAlchemyError

from app.domain.events import Event, Tag
from app.domain.jobs import Job, JobType
from app.errors import Conflict
from app.ports import Page, Records
from tests.builders import NOON, a_delivery, a_deployment, a_pull, an_app
from tests.contract.records.world import Failure, World


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
