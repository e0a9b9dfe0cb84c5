"""In which order deployments stand, and which of them an alias may show."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.releases import PROMOTIONS, can_be_shown, newest_first
from tests.builders import NOON, a_deployment, at


def numbers(*deployments: Deployment) -> list[str]:
    return [it.id for it in newest_first(deployments)]


def promotion(made_at: float, run: int, **changes: Any) -> Deployment:
    changed = {"id": f"promotion_{made_at:02.0f}", "promoted_from": "dpl", "created_at": at(made_at)}
    return replace(a_deployment(run), **{**changed, **changes})


def test_runs_stand_by_their_numbers_not_by_their_arrival() -> None:
    late = replace(a_deployment(2), created_at=at(99))
    assert numbers(a_deployment(3), late, a_deployment(1)) == ["dpl_0003_1", "dpl_0002_1", "dpl_0001_1"]


def test_a_re_run_follows_what_it_repeats() -> None:
    again = replace(a_deployment(1, attempt=2), created_at=at(9))
    assert numbers(a_deployment(2), again, a_deployment(1)) == ["dpl_0002_1", "dpl_0001_2", "dpl_0001_1"]


def test_a_promotion_follows_all_runs_that_were_known_whatever_run_made_its_bytes() -> None:
    made = promotion(4, run=1)
    assert numbers(a_deployment(3), made, a_deployment(5)) == ["dpl_0005_1", "promotion_04", "dpl_0003_1"]


def test_promotions_stand_in_the_order_in_which_they_were_made() -> None:
    later, earlier = promotion(6, run=1), promotion(5, run=2)
    assert numbers(earlier, a_deployment(3), later) == ["promotion_06", "promotion_05", "dpl_0003_1"]


@pytest.mark.parametrize("status", list(Status))
def test_what_went_up_and_was_not_stopped_can_be_shown(status: Status) -> None:
    up = a_deployment(1, status=status, bundle="b" * 64, uploaded_at=NOON)
    assert can_be_shown(up) is (status in {Status.DEPLOYING, Status.READY})
    assert not can_be_shown(replace(up, bundle=None))
    assert not can_be_shown(replace(up, uploaded_at=None))


def test_bytes_are_promoted_upwards_only() -> None:
    ranks = [Environment.PREVIEW, Environment.STAGING, Environment.PRODUCTION]
    for source in ranks:
        assert PROMOTIONS[source] == set(ranks[ranks.index(source) + 1 :])
