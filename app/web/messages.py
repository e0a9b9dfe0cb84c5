"""The messages of `deploy.mjs`, checked field by field; who sent them is for `proofs` to say."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from app.domain.runs import RunOutcome, RunReport
from app.errors import Malformed

_Text = Annotated[str, StringConstraints(max_length=2000)]
_Line = Annotated[str, StringConstraints(min_length=1, max_length=500)]
_Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
# It becomes a link in the comment on a pull request.
_Url = Annotated[
    str, StringConstraints(pattern=r"^https?://[A-Za-z0-9._~:/?#@!$&'*+,;=%-]+$", max_length=500)
]
_Number = Annotated[int, Field(ge=1, lt=2**53)]
_Seconds = Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False)]
Phase = Literal["install", "build", "deploy"]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class RepositoryIn(_Message):
    """The repository that the run belongs to."""

    id: _Number
    full_name: _Line


class RunIn(_Message):
    """The run that is speaking."""

    id: _Number
    number: _Number
    attempt: _Number
    url: _Url


class ErrorIn(_Message):
    """Which phase failed, and the last lines it printed."""

    phase: Phase
    message: _Text


class StartMessage(_Message):
    """A run has built and wants to deploy."""

    repository: RepositoryIn
    event: Literal["push", "pull_request", "workflow_dispatch"]
    ref: _Line
    branch: _Line
    commit: _Commit
    message: _Text | None = None
    pull_request: _Number | None = None
    run: RunIn
    phases: dict[Phase, _Seconds] = {}

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Return what a body says.

        Raises:
            Malformed: it is not of this form.
        """
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in problem["loc"])
            raise Malformed(f"reading a deployment message: {where}: {problem['msg']}") from None

    @model_validator(mode="after")
    def _check_origin(self) -> Self:
        """Refuse a tag that bears a branch's name, and a pull request's number without a pull request."""
        if self.event == "pull_request":
            if self.pull_request is None:
                raise ValueError("pullRequest is missing")
        elif self.pull_request is not None or self.ref != f"refs/heads/{self.branch}":
            raise ValueError("ref is not that of the branch")
        return self

    def report(self) -> RunReport:
        """Return which run is speaking."""
        return RunReport(
            repository_id=self.repository.id,
            event=self.event,
            ref=self.ref,
            branch=self.branch,
            commit=self.commit,
            message=self.message,
            pull_request=self.pull_request,
            run_id=self.run.id,
            run_number=self.run.number,
            run_attempt=self.run.attempt,
            run_url=self.run.url,
            phases={str(phase): seconds for phase, seconds in self.phases.items()},
        )


class FinishMessage(StartMessage):
    """A run has ended."""

    deployment: _Line | None = None
    conclusion: Literal["success", "failure", "cancelled"] | None = None
    error: ErrorIn | None = None

    def outcome(self) -> RunOutcome:
        """Return how it ended; a run that does not say how has failed."""
        return RunOutcome(
            deployment_id=self.deployment,
            conclusion=self.conclusion or "failure",
            error_phase=self.error.phase if self.error else None,
            error_message=self.error.message if self.error else None,
        )
