"""What identity tokens say, and which jobs may ask for them."""

from __future__ import annotations

import pytest

from sandbox.actions.oidc.claims import of_job
from sandbox.actions.workflows import Job, parse

_RUN = {
    "ref": "refs/heads/main",
    "sha": "a" * 40,
    "repository": "acme/shop",
    "repository_id": "7",
    "repository_owner": "acme",
    "repository_owner_id": "1",
    "run_id": "9",
    "run_number": "3",
    "run_attempt": "1",
    "actor": "ada",
    "actor_id": "5",
    "workflow": "Deploy",
    "head_ref": "",
    "base_ref": "",
    "event_name": "push",
    "ref_type": "branch",
    "workflow_sha": "a" * 40,
    "workflow_ref": "acme/shop/.github/workflows/deploy.yml@refs/heads/main",
}
_JOB = Job("deploy", "Deploy", (), ("ubuntu-latest",), (), has_matrix=False)
_PUBLIC = {"private": False}


def _subject(environment: str | None = None, **context: str) -> str:
    return of_job(_RUN | context, _PUBLIC, _JOB, environment)["sub"]


def test_the_subject_names_owner_and_repository_by_their_ids() -> None:
    assert _subject() == "repo:acme@1/shop@7:ref:refs/heads/main"
    assert _subject(event_name="pull_request") == "repo:acme@1/shop@7:pull_request"
    assert _subject("production:eu") == "repo:acme@1/shop@7:environment:production%3Aeu"


def test_every_claim_is_a_string_and_an_environment_is_there_only_when_named() -> None:
    without, named = of_job(_RUN, _PUBLIC, _JOB, None), of_job(_RUN, {"private": True}, _JOB, "preview")

    assert all(isinstance(value, str) for value in without.values())
    assert "environment" not in without
    assert (named["environment"], named["repository_visibility"]) == ("preview", "private")
    assert without["job_workflow_ref"] == without["workflow_ref"]
    assert without["runner_environment"] == "github-hosted"


@pytest.mark.parametrize(
    ("workflow", "job", "may"),
    [
        ("", "", False),
        ("permissions: {id-token: write}", "", True),
        ("permissions: {id-token: write}", "permissions: {contents: read}, ", False),
        ("permissions: {}", "permissions: {id-token: write}, ", True),
        ("permissions: {id-token: read}", "", False),
        ("permissions: write-all", "", True),
        ("permissions: read-all", "", False),
    ],
)
def test_a_job_must_have_asked_for_an_identity(workflow: str, job: str, may: bool) -> None:  # noqa: FBT001
    text = f"on: push\n{workflow}\njobs: {{a: {{{job}runs-on: x, steps: [{{run: y}}]}}}}"
    parsed = parse("ci.yml", text)

    assert parsed.may_have_identity(parsed.jobs[0]) is may
