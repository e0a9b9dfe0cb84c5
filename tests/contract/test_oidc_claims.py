"""Every claim that GitHub documents is sorted: what is in no table is a decision that nobody took."""

import pytest

from app.github.claims import (
    CHECKED_BY_LIBRARY,
    REQUIRED,
    UNCHECKED,
    VERIFIED,
    VERIFIED_WHERE_PRESENT,
    run_claims,
    unsorted,
)
from tests.issuer import claims

# https://docs.github.com/en/actions/reference/security/oidc; `environment_node_id` and `ref_protected` are in
# tokens without being described there.
DOCUMENTED = [
    "aud",
    "iss",
    "sub",
    "exp",
    "iat",
    "jti",
    "nbf",
    "actor",
    "actor_id",
    "base_ref",
    "check_run_id",
    "enterprise",
    "enterprise_id",
    "environment",
    "event_name",
    "head_ref",
    "job_workflow_ref",
    "job_workflow_sha",
    "ref",
    "ref_type",
    "repository_visibility",
    "repository",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "run_id",
    "run_number",
    "run_attempt",
    "runner_environment",
    "sha",
    "workflow",
    "workflow_ref",
    "workflow_sha",
    "environment_node_id",
    "ref_protected",
]
TABLES = (CHECKED_BY_LIBRARY, VERIFIED.keys(), VERIFIED_WHERE_PRESENT, REQUIRED.keys(), UNCHECKED)


def test_every_documented_claim_is_sorted_once() -> None:
    assert sorted(name for table in TABLES for name in table) == sorted(DOCUMENTED)
    assert unsorted(DOCUMENTED) == set()


def test_custom_properties_of_repositories_are_nobodys_proof() -> None:
    # In the same document: "Including repository custom properties in OIDC tokens".
    assert unsorted(["repo_property_team", "repo_property_repository_id"]) == set()


def test_what_is_new_is_reported() -> None:
    assert unsorted(["sub", "colour", "repository_colour"]) == {"colour", "repository_colour"}


@pytest.mark.parametrize("name", sorted(UNCHECKED))
def test_what_is_not_checked_decides_nothing(name: str) -> None:
    said = claims()
    assert run_claims({**said, name: "something else"}) == run_claims(said)


def test_a_subject_is_never_read() -> None:
    # GitHub makes it of names, of names with ids since July 2026, or of what an organisation asks for.
    said = claims()
    for subject in ("repo:acme/app-1:ref:refs/heads/main", "repo:evil/x:environment:production", "anything"):
        assert run_claims({**said, "sub": subject}) == run_claims(said)
