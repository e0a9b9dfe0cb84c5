"""What a workflow run says of itself, in the messages of our own `deploy.mjs`."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """Which run of which commit is speaking. `phases` are the seconds measured so far.

    `commit` is the head of the branch, for a pull request too.
    """

    repository_id: int
    event: str
    ref: str
    branch: str
    commit: str
    message: str | None
    pull_request: int | None
    run_id: int
    run_number: int
    run_attempt: int
    run_url: str
    phases: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """How a run ended: success, failure or cancelled. `error_phase` is install, build or deploy."""

    deployment_id: str | None
    conclusion: str
    error_phase: str | None = None
    error_message: str | None = None
