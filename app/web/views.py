"""What the API answers: records as camelCase JSON, each with its schema."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from app.domain.apps import App, AppStatus, Repository
from app.domain.deliveries import Delivery
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.jobs import Job, JobStatus, JobType, Step
from app.domain.names import script_name
from app.domain.platform import Platform
from app.domain.pulls import PullRequest
from app.pipeline.overview import EnvironmentState, Overview, PreviewState


class View(BaseModel):
    """A JSON object of the API; names are camelCase on the wire."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    def body(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return self.model_dump(mode="json", by_alias=True)


class RepositoryView(View):
    """Where an app's code is."""

    full_name: str
    html_url: str
    clone_url: str

    @classmethod
    def of(cls, repository: Repository) -> "RepositoryView":
        """Return the view of a repository."""
        return cls(
            full_name=repository.full_name, html_url=repository.html_url, clone_url=repository.clone_url
        )


class EnvironmentView(View):
    """What answers at an environment's address; without any, how its newest deployment stands."""

    url: str
    alternate_url: str
    deployment_id: str | None
    commit: str | None
    status: Status | None

    @classmethod
    def of(cls, app: App, state: EnvironmentState, platform: Platform) -> "EnvironmentView":
        """Return the view of production or staging."""
        address = platform.addresses.of(script_name(app.slug, state.environment))
        shown = state.live or state.newest
        return cls(
            url=address.url,
            alternate_url=address.alternate_url,
            deployment_id=shown.id if shown else None,
            commit=shown.commit if shown else None,
            status=shown.status if shown else None,
        )


class PullRequestView(View):
    """A pull request by number and page."""

    number: int
    html_url: str

    @classmethod
    def of(cls, pull: PullRequest) -> "PullRequestView":
        """Return the view of a pull request."""
        return cls(number=pull.number, html_url=pull.html_url)


class PreviewView(View):
    """A preview that is live or on its way; a null `expiresAt` says that it ends with its branch."""

    pull_request: PullRequestView | None
    branch: str
    url: str
    alternate_url: str
    deployment_id: str
    commit: str
    status: Status
    expires_at: datetime | None = None

    @classmethod
    def of(cls, state: PreviewState, platform: Platform) -> "PreviewView":
        """Return the view of a preview."""
        deployment = state.deployment
        address = platform.addresses.of(deployment.script)
        return cls(
            pull_request=PullRequestView.of(state.pull) if state.pull else None,
            branch=deployment.branch,
            url=address.url,
            alternate_url=address.alternate_url,
            deployment_id=deployment.id,
            commit=deployment.commit,
            status=deployment.status,
        )


class AppSummaryView(View):
    """An app in a list."""

    id: str
    slug: str
    name: str
    status: AppStatus
    private: bool
    repository: RepositoryView | None
    waiting_for: str | None
    error: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, app: App) -> "AppSummaryView":
        """Return the view of an app without its deployments."""
        return cls(**_app_fields(app))


class AppView(AppSummaryView):
    """An app with what is live of it."""

    branches: dict[str, Environment]
    environments: dict[Environment, EnvironmentView]
    previews: list[PreviewView]

    @classmethod
    def whole(cls, app: App, overview: Overview, platform: Platform, **more: Any) -> Self:
        """Return the view of an app with its environments and previews."""
        states, previews = overview.environments, overview.previews
        return cls(
            **_app_fields(app),
            branches=dict(app.branches),
            environments={s.environment: EnvironmentView.of(app, s, platform) for s in states},
            previews=[PreviewView.of(preview, platform) for preview in previews],
            **more,
        )


def _app_fields(app: App) -> dict[str, Any]:
    return {
        "id": app.id,
        "slug": app.slug,
        "name": app.name,
        "status": app.status,
        "private": app.is_private,
        "repository": RepositoryView.of(app.repository) if app.repository else None,
        "waiting_for": app.waiting_for,
        "error": app.error,
        "created_at": app.created_at,
        "updated_at": app.updated_at,
    }


class RunView(View):
    """The workflow run that makes a deployment."""

    id: int
    number: int
    attempt: int
    url: str


class DeploymentView(View):
    """A deployment. `phases` are measured seconds; `pullRequest` is a number."""

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
    run: RunView
    phases: dict[str, float]
    error: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, deployment: Deployment, platform: Platform) -> "DeploymentView":
        """Return the view of a deployment."""
        address, run = platform.addresses.of(deployment.script), deployment.run
        return cls(
            id=deployment.id,
            app_id=deployment.app_id,
            environment=deployment.environment,
            status=deployment.status,
            commit=deployment.commit,
            message=deployment.message,
            branch=deployment.branch,
            pull_request=deployment.pull_request,
            namespace=deployment.namespace,
            script=deployment.script,
            url=address.url,
            alternate_url=address.alternate_url,
            run=RunView(id=run.id, number=run.number, attempt=run.attempt, url=run.url),
            phases=dict(deployment.phases),
            error=deployment.error,
            created_at=deployment.created_at,
            updated_at=deployment.updated_at,
            finished_at=deployment.finished_at,
        )


class StepView(View):
    """One step of a job."""

    name: str
    status: JobStatus
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None

    @classmethod
    def of(cls, step: Step) -> "StepView":
        """Return the view of a step."""
        return cls(
            name=step.name,
            status=step.status,
            started_at=step.started_at,
            finished_at=step.finished_at,
            error=step.error,
        )


class JobView(View):
    """A job with its steps. `waitingFor` says what it is waiting for, `error` why it failed."""

    id: str
    type: JobType
    app_id: str
    status: JobStatus
    waiting_for: str | None
    error: dict[str, Any] | None
    result: Any
    steps: list[StepView]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, job: Job, steps: Sequence[Step]) -> "JobView":
        """Return the view of a job."""
        return cls(
            id=job.id,
            type=job.type,
            app_id=job.app_id,
            status=job.status,
            waiting_for=job.waiting_for,
            error=dict(job.error) if job.error else None,
            result=job.result,
            steps=[StepView.of(step) for step in steps],
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
        )


class AcceptedView(AppView):
    """An app about which a job was begun: ask `pollUrl` how it goes."""

    job_id: str
    poll_url: str


class DeliveryView(View):
    """A delivery without its body."""

    guid: str
    source: str
    event: str
    status: str
    attempts: int
    error: str | None
    received_at: datetime
    processed_at: datetime | None

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryView":
        """Return the view of a delivery."""
        return cls(**_delivery_fields(delivery))


class DeliveryDetailView(DeliveryView):
    """A delivery with the headers that were kept and its body as text."""

    headers: dict[str, str]
    content: str

    @classmethod
    def whole(cls, delivery: Delivery) -> "DeliveryDetailView":
        """Return the whole view of a delivery."""
        return cls(
            **_delivery_fields(delivery),
            headers=dict(delivery.headers),
            content=delivery.body.decode("utf-8", "replace"),
        )


def _delivery_fields(delivery: Delivery) -> dict[str, Any]:
    names = ("guid", "source", "event", "status", "attempts", "error", "received_at", "processed_at")
    return {name: getattr(delivery, name) for name in names}


class AppsView(View):
    """A page of apps."""

    items: list[AppSummaryView]
    next_cursor: str | None


class DeploymentsView(View):
    """A page of deployments."""

    items: list[DeploymentView]
    next_cursor: str | None


class DeliveriesView(View):
    """A page of deliveries."""

    items: list[DeliveryView]
    next_cursor: str | None


class HealthView(View):
    """That a process is well."""

    status: Literal["ok", "ready"]


class ReceivedView(View):
    """That a delivery was kept; `known` says that it was kept before."""

    delivery: str
    known: bool
