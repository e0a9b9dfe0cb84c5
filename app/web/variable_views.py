"""What the API answers about variables and secrets. No view of a secret has a place for its value."""

from collections.abc import Sequence
from datetime import datetime

from app.domain.environments import Environment
from app.domain.jobs import Job
from app.domain.platform import Platform
from app.domain.variables import Variable
from app.pipeline.variables import Change
from app.web.views import View


class SecretView(View):
    """That a secret is there, and who set it when."""

    name: str
    environment: Environment
    updated_at: datetime
    actor: str

    @classmethod
    def of(cls, secret: Variable) -> "SecretView":
        """Return the view of a secret."""
        return cls(
            name=secret.name,
            environment=secret.environment,
            updated_at=secret.updated_at,
            actor=secret.actor,
        )


class VariableView(SecretView):
    """A variable with its value."""

    value: str

    @classmethod
    def of(cls, variable: Variable) -> "VariableView":
        """Return the view of a variable."""
        return cls(
            name=variable.name,
            environment=variable.environment,
            updated_at=variable.updated_at,
            actor=variable.actor,
            value=variable.value,
        )


class SecretsView(View):
    """The secrets of an environment, all of them."""

    items: list[SecretView]
    next_cursor: None = None


class VariablesView(View):
    """The variables of an environment, all of them."""

    items: list[VariableView]
    next_cursor: None = None


class AppliedView(View):
    """The jobs that bring what is live in line, one for each script; `jobId` is the first of `jobIds`."""

    job_id: str
    poll_url: str
    job_ids: list[str]

    @classmethod
    def of(cls, jobs: Sequence[Job], platform: Platform) -> "AppliedView | None":
        """Return the view of some jobs; None when there are none."""
        if not jobs:
            return None
        ids = [job.id for job in jobs]
        return cls(job_id=ids[0], poll_url=f"{platform.url}/api/jobs/{ids[0]}", job_ids=ids)


class ChangedView(View):
    """A variable, or a secret, that was changed; `applied` is null when nothing live had to be."""

    name: str
    environment: Environment
    updated_at: datetime
    applied: AppliedView | None

    @classmethod
    def of(cls, change: Change, platform: Platform) -> "ChangedView":
        """Return the view of a change of one."""
        (variable,) = change.variables
        return cls(
            name=variable.name,
            environment=variable.environment,
            updated_at=variable.updated_at,
            applied=AppliedView.of(change.jobs, platform),
        )


class ChangesView(View):
    """Several that were changed together."""

    names: list[str]
    environment: Environment
    applied: AppliedView | None

    @classmethod
    def of(cls, change: Change, environment: Environment, platform: Platform) -> "ChangesView":
        """Return the view of a change of several."""
        names = [variable.name for variable in change.variables]
        return cls(names=names, environment=environment, applied=AppliedView.of(change.jobs, platform))
