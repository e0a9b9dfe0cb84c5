"""Environments: which branch belongs to which."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.environments import Environment, environment_of


@pytest.mark.parametrize(
    ("branch", "environment"),
    [
        ("main", Environment.PRODUCTION),
        ("staging", Environment.STAGING),
        ("feature/blue-button", Environment.PREVIEW),
        ("Main", Environment.PREVIEW),
        ("production", Environment.PREVIEW),
        ("", Environment.PREVIEW),
    ],
)
def test_a_branch_belongs_to(branch: str, environment: Environment) -> None:
    assert environment_of(branch, None) is environment


@given(st.sampled_from(["main", "staging"]) | st.text(), st.integers(min_value=1))
def test_a_pull_request_is_a_preview_whatever_its_branch(branch: str, number: int) -> None:
    assert environment_of(branch, number) is Environment.PREVIEW


def test_an_app_may_map_its_own_branches() -> None:
    branches = {"trunk": Environment.PRODUCTION, "main": Environment.STAGING}
    assert environment_of("trunk", None, branches) is Environment.PRODUCTION
    assert environment_of("main", None, branches) is Environment.STAGING
    assert environment_of("staging", None, branches) is Environment.PREVIEW
