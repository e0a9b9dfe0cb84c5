"""Deployments as JSON, and what is decided about them."""

from collections.abc import Sequence
from datetime import datetime

from app.domain.deployments import Status
from app.domain.environments import Environment
from app.domain.jobs import Job
from app.domain.platform import Platform
from app.pipeline.overview import Standing, days_until
from app.pipeline.point import Released
from app.web.views.base import View


class RunView(View):
    """The workflow run that makes a deployment."""

    id: int
    number: int
    attempt: int
    url: str


class DeploymentView(View):
    """A deployment. `phases` are measured seconds; `pullRequest` is a number.

    It answers at `url` while it `isLive`, and at `immutableUrl`, when there is one, for good or until
    `expiresAt`. `pinned` says that it is live whatever is pushed. A promotion has the run of the deployment
    that it was `promotedFrom`. One whose own address was taken down `canRestore`.
    """

    id: str
    app_id: str
    environment: Environment
    status: Status
    commit: str
    message: str | None
    branch: str
    pull_request: int | None
    namespace: str
    script: str
    url: str
    alternate_url: str
    immutable_url: str | None
    is_live: bool
    pinned: bool
    run: RunView
    phases: dict[str, float]
    error: str | None
    bundle: str | None
    promoted_from: str | None
    actor: str | None
    can_restore: bool
    expires_at: datetime | None
    expires_in_days: int | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, standing: Standing, platform: Platform, now: datetime) -> "DeploymentView":
        """Return the view of a deployment as it stands."""
        deployment = standing.deployment
        address, run = platform.addresses.of(deployment.script), deployment.run
        own = deployment.own_script if deployment.has_own_address else None
        expires_at = deployment.expires_at if own else None
        names = ("id", "app_id", "environment", "status", "commit", "message", "branch", "pull_request")
        more = ("namespace", "script", "error", "bundle", "promoted_from", "actor")
        times = ("created_at", "updated_at", "finished_at")
        return cls(
            **{name: getattr(deployment, name) for name in (*names, *more, *times)},
            url=address.url,
            alternate_url=address.alternate_url,
            immutable_url=platform.addresses.of(own).url if own else None,
            is_live=standing.is_live,
            pinned=standing.is_pinned,
            run=RunView(id=run.id, number=run.number, attempt=run.attempt, url=run.url),
            phases=dict(deployment.phases),
            can_restore=standing.can_be_restored,
            expires_at=expires_at,
            expires_in_days=days_until(expires_at, now),
        )


class DeploymentsView(View):
    """A page of deployments."""

    items: list[DeploymentView]
    next_cursor: str | None

    @classmethod
    def page(
        cls, standings: Sequence[Standing], next_cursor: str | None, platform: Platform, now: datetime
    ) -> "DeploymentsView":
        """Return a page of deployments as they stand."""
        items = [DeploymentView.of(standing, platform, now) for standing in standings]
        return cls(items=items, next_cursor=next_cursor)


class JobOfDeploymentView(View):
    """A job about a deployment: ask `pollUrl` how it goes."""

    deployment: DeploymentView
    job_id: str
    poll_url: str

    @classmethod
    def about(cls, standing: Standing, job: Job, platform: Platform, now: datetime) -> "JobOfDeploymentView":
        """Return the view of a job and its deployment."""
        return cls(
            deployment=DeploymentView.of(standing, platform, now),
            job_id=job.id,
            poll_url=f"{platform.url}/api/jobs/{job.id}",
        )


class ReleaseView(JobOfDeploymentView):
    """What was decided: `deployment` is live in `environment`, at `url`, when the job is over."""

    environment: Environment
    url: str
    alternate_url: str
    pinned: bool

    @classmethod
    def of(cls, released: Released, platform: Platform, now: datetime) -> "ReleaseView":
        """Return the view of a decision."""
        alias, job = released.alias, released.job
        address = platform.addresses.of(alias.script)
        return cls(
            deployment=DeploymentView.of(Standing(released.deployment, alias), platform, now),
            job_id=job.id,
            poll_url=f"{platform.url}/api/jobs/{job.id}",
            environment=alias.environment,
            url=address.url,
            alternate_url=address.alternate_url,
            pinned=alias.is_pinned,
        )
