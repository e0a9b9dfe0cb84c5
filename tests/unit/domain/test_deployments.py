"""Deployments: reports may come late, twice and in any order, and never move one backwards."""

from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.deployments import FINAL, UNFINISHED, Deployment, Status, tags
from app.domain.environments import Environment
from tests.builders import NOON, a_deployment, at

# Written down again, apart from the code: what lies ahead of what.
RANKS = {
    Status.QUEUED: 0,
    Status.BUILDING: 1,
    Status.DEPLOYING: 2,
    Status.READY: 3,
    Status.ERROR: 3,
    Status.CANCELLED: 3,
    Status.SUPERSEDED: 3,
    Status.REMOVED: 4,
}
statuses = st.sampled_from(Status)
reports = st.lists(statuses, max_size=20)


def follow(reported: list[Status]) -> list[Deployment]:
    """Return what a new deployment goes through when these reports come, a second apart."""
    course = [a_deployment(created_at=NOON, updated_at=NOON)]
    for second, status in enumerate(reported, start=1):
        course.append(course[-1].become(status, at(second)))
    return course


def test_every_status_has_a_rank_and_is_final_or_not() -> None:
    assert set(RANKS) == set(Status)
    assert set(Status) == FINAL | UNFINISHED
    assert not FINAL & UNFINISHED


@given(reports)
def test_a_deployment_never_moves_backwards(reported: list[Status]) -> None:
    assert all(RANKS[before.status] <= RANKS[after.status] for before, after in pairwise(follow(reported)))


@given(reports)
def test_a_deployment_comes_as_far_as_its_furthest_report(reported: list[Status]) -> None:
    furthest = max([RANKS[status] for status in reported], default=0)
    assert RANKS[follow(reported)[-1].status] == furthest


@given(reports, st.randoms())
def test_the_order_of_reports_does_not_decide_how_far_it_comes(
    reported: list[Status], random: Random
) -> None:
    shuffled = [*reported, *reported]
    random.shuffle(shuffled)
    assert RANKS[follow(shuffled)[-1].status] == RANKS[follow(reported)[-1].status]


@given(reports)
def test_a_repeated_report_changes_nothing(reported: list[Status]) -> None:
    once = follow(reported)[-1]
    for status in reported:
        assert once.become(status, at(1000), phases={"build": 9.9}, error="again") is once


@given(reports)
def test_the_first_outcome_is_settled(reported: list[Status]) -> None:
    outcomes = [status for status in reported if RANKS[status] == RANKS[Status.READY]]
    removals = [status for status in reported if status is Status.REMOVED]
    end = follow(reported)[-1].status
    if outcomes and not removals:
        assert end is outcomes[0]
    if removals:
        assert end is Status.REMOVED


@given(reports)
def test_it_is_finished_once_and_at_the_time_of_its_outcome(reported: list[Status]) -> None:
    course = follow(reported)
    finished = [deployment for deployment in course if deployment.is_finished]
    assert all(deployment.finished_at is None for deployment in course if not deployment.is_finished)
    assert {deployment.finished_at for deployment in finished} <= {
        finished[0].updated_at if finished else None
    }


def test_a_step_forward_keeps_what_was_known() -> None:
    built = a_deployment().become(Status.DEPLOYING, at(10), phases={"install": 3.2, "build": 1.4})
    ready = built.become(Status.READY, at(12))
    assert ready.phases == {"install": 3.2, "build": 1.4}
    assert ready.updated_at == ready.finished_at == at(12)
    assert ready.error is None


def test_a_failure_says_why() -> None:
    failed = a_deployment().become(Status.ERROR, at(5), phases={"install": 4.0}, error="npm ci: exit 1")
    assert (failed.error, failed.phases) == ("npm ci: exit 1", {"install": 4.0})


@pytest.mark.parametrize("status", sorted(UNFINISHED))
def test_an_unfinished_deployment_has_no_end(status: Status) -> None:
    assert a_deployment(status=status).become(Status.REMOVED, at(9)).finished_at == at(9)
    assert not a_deployment(status=status).is_finished


def test_a_rerun_follows_the_run_it_repeats_and_precedes_the_next() -> None:
    first, again, following = a_deployment(9), a_deployment(9, attempt=2), a_deployment(10)
    assert first.order < again.order < following.order


def test_a_script_bears_who_it_is() -> None:
    deployment = a_deployment(environment=Environment.STAGING, created_at=NOON + timedelta(days=1))
    assert tags(deployment, "bcdfghjk") == [
        "app-bcdfghjk",
        "env-staging",
        f"commit-{1:040x}",
        "deployment-dpl_0001_1",
    ]
