"""Drift, passes and their estimates as JSON."""

from datetime import datetime
from typing import Any

from app.domain.apps import App, Heal
from app.domain.drift import Drift, Kind, healed_by
from app.domain.jobs import Job
from app.domain.passes import Estimate
from app.domain.platform import Platform
from app.web.views.base import View


class DriftView(View):
    """One difference between what is recorded and what is there.

    `appId` is an app's, a worker's, or `platform`. `healedBy` is the least policy that heals it by itself;
    `off` says that a person has to.
    """

    app_id: str
    kind: Kind
    subject: str
    facts: dict[str, Any]
    healed_by: Heal
    found_at: datetime | None
    seen_at: datetime | None

    @classmethod
    def of(cls, drift: Drift) -> "DriftView":
        """Return the view of a drift."""
        return cls(
            app_id=drift.app_id,
            kind=drift.kind,
            subject=drift.subject,
            facts=dict(drift.facts),
            healed_by=healed_by(drift.kind),
            found_at=drift.found_at,
            seen_at=drift.seen_at,
        )


class DriftsView(View):
    """A page of open drift, found last first."""

    items: list[DriftView]
    next_cursor: str | None


class AppDriftView(View):
    """The open drift of one app, the oldest first; `heal` is the policy that holds for it."""

    app_id: str
    heal: Heal
    items: list[DriftView]


class PolicyView(View):
    """What may be healed of an app by itself; `isOwn` says that it is the app's own word."""

    app_id: str
    heal: Heal
    is_own: bool

    @classmethod
    def of(cls, app: App, platform: Platform) -> "PolicyView":
        """Return the view of an app's policy."""
        return cls(app_id=app.id, heal=app.heal or platform.heal, is_own=app.heal is not None)


class LookView(View):
    """A look that was asked for: ask `pollUrl` how it goes."""

    app_id: str
    job_id: str
    poll_url: str

    @classmethod
    def of(cls, job: Job, platform: Platform) -> "LookView":
        """Return the view of a job that looks."""
        return cls(app_id=job.app_id, job_id=job.id, poll_url=f"{platform.url}/api/jobs/{job.id}")


class EstimateView(View):
    """What a pass takes at most, without healing: calls, and seconds at half of what the remotes allow."""

    apps: int
    scripts: int
    github_calls: int
    cloudflare_calls: int
    seconds: int

    @classmethod
    def of(cls, estimate: Estimate) -> "EstimateView":
        """Return the view of an estimate."""
        return cls(
            apps=estimate.apps,
            scripts=estimate.scripts,
            github_calls=estimate.github_calls,
            cloudflare_calls=estimate.cloudflare_calls,
            seconds=estimate.seconds,
        )


class PassView(LookView):
    """A pass over everything, with what it takes."""

    estimate: EstimateView
