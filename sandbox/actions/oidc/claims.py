"""What an identity token says of a job, with GitHub's names: every value is a string but for the times. Pure.

The subject is the immutable form that repositories have since July 2026. No branch is protected here.
`check_run_id`, `environment_node_id` and what only enterprises have is not there.
https://docs.github.com/en/actions/reference/security/oidc#oidc-token-claims
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.actions.workflows import Job

LIFETIME_SECONDS = 300
_EARLY_SECONDS = 600
_PULL_REQUEST = "pull_request"
_OF_THE_RUN = (
    *("ref", "sha", "repository", "repository_id", "repository_owner", "repository_owner_id"),
    *("run_id", "run_number", "run_attempt", "actor", "actor_id", "workflow", "head_ref", "base_ref"),
    *("event_name", "ref_type", "workflow_ref", "workflow_sha"),
)
SUPPORTED = (
    *("sub", "aud", "exp", "iat", "iss", "jti", "nbf", *_OF_THE_RUN, "ref_protected", "environment"),
    *("job_workflow_ref", "job_workflow_sha", "repository_visibility", "runner_environment"),
)


def of_job(
    context: dict[str, Any], repository: dict[str, Any], job: Job, environment: str | None
) -> dict[str, str]:
    """Return what stays the same in every token of one job; `context` is the `github` context of its run."""
    known = {name: str(context[name]) for name in _OF_THE_RUN}
    is_own_runner = "self-hosted" in job.labels
    said = known | {
        "sub": _subject(known, environment),
        "ref_protected": "false",
        "job_workflow_ref": known["workflow_ref"],
        "job_workflow_sha": known["workflow_sha"],
        "repository_visibility": "private" if repository["private"] else "public",
        "runner_environment": "self-hosted" if is_own_runner else "github-hosted",
    }
    return said | ({"environment": environment} if environment else {})


def issued(claims: dict[str, str], issuer: str, audience: str) -> dict[str, Any]:
    """Return the claims of one token issued now; it is valid from before now, for clocks that are late."""
    now = int(time.time())
    times = {"nbf": now - _EARLY_SECONDS, "exp": now + LIFETIME_SECONDS, "iat": now}
    return {"jti": str(uuid.uuid4()), **claims, "aud": audience, "iss": issuer, **times}


def _subject(known: dict[str, str], environment: str | None) -> str:
    """Return the default subject: what most restricts a job, behind its repository with both ids."""
    owner, _, name = known["repository"].partition("/")
    repository = f"repo:{owner}@{known['repository_owner_id']}/{name}@{known['repository_id']}"
    if environment:
        return f"{repository}:environment:{environment.replace(':', '%3A')}"
    if known["event_name"] == _PULL_REQUEST:
        return f"{repository}:pull_request"
    return f"{repository}:ref:{known['ref'].replace(':', '%3A')}"
