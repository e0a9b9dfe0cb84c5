"""Deployments and pull requests over plain dicts."""

from collections.abc import Sequence

from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.pulls import PullRequest
from app.errors import Conflict, NotFound
from app.ports import Page
from tests.fakes.memory import Memory, page_of


class FakeDeployments:
    """`ports.Deployments`."""

    def __init__(self, memory: Memory) -> None:
        self._deployments = memory.deployments

    def add(self, deployment: Deployment) -> None:
        run = deployment.run
        is_known = self.by_run(deployment.app_id, run.id, run.attempt) and deployment.promoted_from is None
        if is_known or deployment.id in self._deployments:
            raise Conflict(f"adding deployment {deployment.id}: known already", code="deployment:known")
        self._deployments[deployment.id] = deployment

    def get(self, deployment_id: str) -> Deployment:
        if deployment_id not in self._deployments:
            raise NotFound(
                f"looking for deployment {deployment_id}: there is none", code="deployment:not-found"
            )
        return self._deployments[deployment_id]

    def save(self, deployment: Deployment) -> None:
        self.get(deployment.id)
        self._deployments[deployment.id] = deployment

    def by_run(self, app_id: str, run_id: int, attempt: int) -> Deployment | None:
        key = (app_id, run_id, attempt)
        ran = (d for d in self._deployments.values() if d.promoted_from is None)
        return next((d for d in ran if (d.app_id, d.run.id, d.run.attempt) == key), None)

    def find(
        self,
        app_id: str,
        *,
        script: str | None = None,
        pull_request: int | None = None,
        statuses: frozenset[Status] | None = None,
        before: tuple[int, int] | None = None,
        limit: int = 1000,
    ) -> Sequence[Deployment]:
        found = [
            deployment
            for deployment in self._deployments.values()
            if deployment.app_id == app_id
            and script in {None, deployment.script}
            and pull_request in {None, deployment.pull_request}
            and (statuses is None or deployment.status in statuses)
            and (before is None or deployment.order < before)
        ]
        return sorted(found, key=lambda deployment: (deployment.order, deployment.id), reverse=True)[:limit]

    def list(
        self,
        app_id: str,
        *,
        environment: Environment | None = None,
        status: Status | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        found = (
            deployment
            for deployment in self._deployments.values()
            if deployment.app_id == app_id
            and environment in {None, deployment.environment}
            and status in {None, deployment.status}
        )
        return page_of(found, lambda deployment: (deployment.created_at, deployment.id), cursor, limit)


class FakePullRequests:
    """`ports.PullRequests`."""

    def __init__(self, memory: Memory) -> None:
        self._pulls = memory.pulls

    def get(self, app_id: str, number: int) -> PullRequest | None:
        return self._pulls.get((app_id, number))

    def save(self, pull: PullRequest) -> None:
        self._pulls[pull.app_id, pull.number] = pull

    def open(self, app_id: str) -> Sequence[PullRequest]:
        found = (pull for pull in self._pulls.values() if pull.app_id == app_id and pull.is_open)
        return sorted(found, key=lambda pull: pull.number, reverse=True)
