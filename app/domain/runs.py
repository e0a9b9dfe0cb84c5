"""What is known of a workflow run: what it says of itself, and what its host vouches for.

A run's own words come in the messages of our `deploy.mjs`; where the host vouches for a fact, its word
counts. Nothing here checks a signature.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunClaims:
    """What the code host vouches for about one run, under a `token_id` that is good for one use.

    `commit` is what the run was started for: the head of `branch`, or the host's trial merge of a
    `pull_request`. `environment` is the one that the run's job names, empty when it names none.
    """

    token_id: str
    expires_at: datetime
    repository_id: int
    owner_id: int
    event: str
    ref: str
    branch: str
    pull_request: int | None
    commit: str
    environment: str
    run_id: int
    run_number: int
    run_attempt: int


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

    def vouched_for(self, claims: RunClaims, run_url: str) -> "RunReport":
        """Return it with the host's word wherever there is one: all but a pull request's head commit."""
        return replace(
            self,
            repository_id=claims.repository_id,
            event=claims.event,
            ref=claims.ref,
            branch=claims.branch,
            commit=self.commit if claims.pull_request is not None else claims.commit,
            pull_request=claims.pull_request,
            run_id=claims.run_id,
            run_number=claims.run_number,
            run_attempt=claims.run_attempt,
            run_url=run_url,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """How a run ended: success, failure or cancelled. `error_phase` is install, build or deploy."""

    deployment_id: str | None
    conclusion: str
    error_phase: str | None = None
    error_message: str | None = None
