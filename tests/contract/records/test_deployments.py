"""Deployments and pull requests: found as the pipeline asks for them."""

from typing import Any

import pytest

from app.domain.deployments import FINAL, UNFINISHED, Status
from app.domain.environments import Environment
from app.errors import Conflict, NotFound
from app.ports import Records
from tests.builders import a_deployment, a_pull, at
from tests.contract.records.world import all_pages


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


def test_a_pull_request_is_kept_and_replaced(records: Records) -> None:
    head: dict[str, Any] = {"head_repository_id": 2**40, "pushed_at": at(4)}
    told: dict[str, Any] = {
        "comment_id": 2**40,
        "comment_digest": "abc",
        "refusal": "no",
        "refused_commit": "b",
    }
    closed = a_pull(is_open=False, title="Say more", updated_at=at(5), **head, **told)
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


def test_what_was_before_a_deployment_is_found_by_the_order_of_runs(records: Records) -> None:
    with records.begin() as tx:
        for number, attempt in ((1, 1), (2, 1), (2, 2), (10, 1)):
            tx.deployments.add(a_deployment(number, attempt=attempt))
    with records.read() as tx:
        found = tx.deployments.find("app_0001", before=(2, 2))
        assert [it.order for it in found] == [(2, 1), (1, 1)]
        assert [it.order for it in tx.deployments.find("app_0001", before=(11, 1), limit=1)] == [(10, 1)]
        assert tx.deployments.find("app_0001", before=(1, 1)) == []
