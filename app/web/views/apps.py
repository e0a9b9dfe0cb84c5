"""Apps as JSON, with what is live of them."""

from datetime import datetime
from typing import Any, Self

from app.domain.aliases import Alias
from app.domain.apps import App, AppStatus, Repository
from app.domain.deployments import Status
from app.domain.environments import Environment
from app.domain.names import script_name
from app.domain.platform import Platform
from app.domain.pulls import PullRequest
from app.pipeline.overview import EnvironmentState, Overview, PreviewState, days_until
from app.web.views.base import View


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


class PinView(View):
    """What an environment is pinned to, since when and by whom."""

    deployment_id: str | None
    since: datetime
    by: str | None

    @classmethod
    def of(cls, alias: Alias | None) -> "PinView | None":
        """Return the view of a pin, when there is one."""
        if alias is None or not alias.is_pinned:
            return None
        return cls(deployment_id=alias.deployment_id, since=alias.updated_at, by=alias.actor)


class EnvironmentView(View):
    """What answers at an environment's address; without any, how its newest deployment stands.

    `live` says that something does answer. `newestDeploymentId` is the last that set out for it, which a pin
    keeps from going live. `settled` is false while what was decided last is still on its way up.
    """

    url: str
    alternate_url: str
    deployment_id: str | None
    commit: str | None
    status: Status | None
    live: bool
    newest_deployment_id: str | None
    newest_status: Status | None
    pinned: PinView | None
    settled: bool

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
            live=state.live is not None,
            newest_deployment_id=state.newest.id if state.newest else None,
            newest_status=state.newest.status if state.newest else None,
            pinned=PinView.of(state.alias),
            settled=state.alias is None or state.alias.is_in_line,
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
    """A preview that is live or on its way, by its newest deployment.

    It ends at `expiresAt` when nobody pushes, and did at `expiredAt`; a null `expiresAt` says that it ends
    with its branch.
    """

    pull_request: PullRequestView | None
    branch: str
    url: str
    alternate_url: str
    deployment_id: str
    commit: str
    status: Status
    immutable_url: str | None
    pinned: PinView | None
    expires_at: datetime | None
    expires_in_days: int | None
    expired_at: datetime | None

    @classmethod
    def of(cls, state: PreviewState, platform: Platform, now: datetime) -> "PreviewView":
        """Return the view of a preview."""
        deployment, alias = state.deployment, state.alias
        address = platform.addresses.of(deployment.script)
        own = deployment.own_script if deployment.has_own_address else None
        expires_at = alias.expires_at if alias else None
        return cls(
            pull_request=PullRequestView.of(state.pull) if state.pull else None,
            branch=deployment.branch,
            url=address.url,
            alternate_url=address.alternate_url,
            deployment_id=deployment.id,
            commit=deployment.commit,
            status=deployment.status,
            immutable_url=platform.addresses.of(own).url if own else None,
            pinned=PinView.of(alias),
            expires_at=expires_at,
            expires_in_days=days_until(expires_at, now),
            expired_at=alias.expired_at if alias else None,
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
    def whole(cls, app: App, overview: Overview, platform: Platform, now: datetime, **more: Any) -> Self:
        """Return the view of an app with its environments and previews."""
        states, previews = overview.environments, overview.previews
        return cls(
            **_app_fields(app),
            branches=dict(app.branches),
            environments={s.environment: EnvironmentView.of(app, s, platform) for s in states},
            previews=[PreviewView.of(preview, platform, now) for preview in previews],
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


class AcceptedView(AppView):
    """An app about which a job was begun: ask `pollUrl` how it goes."""

    job_id: str
    poll_url: str


class AppsView(View):
    """A page of apps."""

    items: list[AppSummaryView]
    next_cursor: str | None
