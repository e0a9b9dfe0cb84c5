"""Deployments: one run of the workflow, followed until it is live or has failed.

Reports arrive late, twice and in the wrong order. Two rules keep them harmless: a status never moves to a
lower rank, and a run never replaces a run of a higher number. Nothing here is sent or stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from app.domain.environments import Environment


class Status(StrEnum):
    """How far a deployment has come."""

    QUEUED = "queued"
    BUILDING = "building"
    DEPLOYING = "deploying"
    READY = "ready"
    ERROR = "error"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"  # overtaken before it went live
    REMOVED = "removed"  # was live, its script is gone


_RANK: Final[Mapping[Status, int]] = {
    Status.QUEUED: 0,
    Status.BUILDING: 1,
    Status.DEPLOYING: 2,
    Status.READY: 3,
    Status.ERROR: 3,
    Status.CANCELLED: 3,
    Status.SUPERSEDED: 3,
    Status.REMOVED: 4,
}
FINAL: Final = frozenset({Status.READY, Status.ERROR, Status.CANCELLED, Status.SUPERSEDED, Status.REMOVED})
UNFINISHED: Final = frozenset(Status) - FINAL


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the workflow. `number` counts the runs of one repository in the order of their pushes."""

    id: int
    number: int
    attempt: int
    url: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """One commit on its way to one script.

    `script` is the alias it is meant for, `own_script` the one that shows this deployment for good, until it
    was taken down at `retired_at`. `bundle` is the digest of what was put up at `uploaded_at`.
    `promoted_from` is the deployment whose bundle it took over without a run, and `actor` who wanted that.
    `phases` maps install, build and deploy to measured seconds. `published` is the status that GitHub was
    last told, `github_deployment_id` the record there.
    """

    id: str
    app_id: str
    environment: Environment
    namespace: str
    script: str
    branch: str
    commit: str
    message: str | None
    pull_request: int | None
    run: Run
    status: Status
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None
    phases: Mapping[str, float] = field(default_factory=dict)
    error: str | None = None
    github_deployment_id: int | None = None
    published: Status | None = None
    own_script: str | None = None
    bundle: str | None = None
    uploaded_at: datetime | None = None
    expires_at: datetime | None = None
    retired_at: datetime | None = None
    promoted_from: str | None = None
    actor: str | None = None
    is_from_fork: bool = False

    @property
    def has_own_address(self) -> bool:
        """Its own script is up: nothing else than this commit answers there."""
        return self.own_script is not None and self.uploaded_at is not None and self.retired_at is None

    @property
    def is_finished(self) -> bool:
        """Nothing but removal can still happen to it."""
        return self.status in FINAL

    @property
    def order(self) -> tuple[int, int]:
        """Its place among the runs of its app: a re-run follows the run it repeats."""
        return (self.run.number, self.run.attempt)

    def can_become(self, status: Status) -> bool:
        """Tell whether `status` lies ahead; equal rank means that it is settled already."""
        return _RANK[status] > _RANK[self.status]

    def become(
        self,
        status: Status,
        at: datetime,
        *,
        phases: Mapping[str, float] | None = None,
        error: str | None = None,
    ) -> "Deployment":
        """Return it moved on to `status`, or unchanged when that would be a step back."""
        if not self.can_become(status):
            return self
        return replace(
            self,
            status=status,
            updated_at=at,
            finished_at=self.finished_at or (at if status in FINAL else None),
            phases=dict(phases) if phases else self.phases,
            error=error or self.error,
        )


def tags(deployment: Deployment, slug: str) -> list[str]:
    """Return the tags its script bears, by which it is found and proven ours.

    At most eight, without `,` or `&`.
    """
    # https://developers.cloudflare.com/cloudflare-for-platforms/workers-for-platforms/configuration/tags/
    found = [
        app_tag(slug),
        f"env-{deployment.environment}",
        f"commit-{deployment.commit}",
        f"deployment-{deployment.id}",
    ]
    if deployment.pull_request is not None:
        found.append(pull_tag(slug, deployment.pull_request))
    return found


def app_tag(slug: str) -> str:
    """Return the tag of all scripts of an app."""
    return f"app-{slug}"


def pull_tag(slug: str, number: int) -> str:
    """Return the tag of all scripts of a pull request; no other app's can bear it."""
    return f"pull-{slug}-{number}"
