"""Values of the domain as tests need them: complete, plausible, and different in what a test names."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.apps import App, AppStatus, Repository
from app.domain.deliveries import Delivery, DeliverySource
from app.domain.deployments import Deployment, Run, Status
from app.domain.environments import Environment
from app.domain.pulls import PullRequest
from app.domain.workers import Version, Worker

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Return a time that many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def an_app(number: int = 1, **changes: Any) -> App:
    app = App(
        id=f"app_{number:04}",
        slug=f"slug{number:04}",
        name=f"app-{number}",
        status=AppStatus.READY,
        created_at=at(number),
        updated_at=at(number),
    )
    return replace(app, **changes)


def a_repository(repository_id: int = 1, **changes: Any) -> Repository:
    url = f"https://github.example/acme/app-{repository_id}"
    repository = Repository(
        id=repository_id,
        full_name=f"acme/app-{repository_id}",
        html_url=url,
        clone_url=f"{url}.git",
        default_branch="main",
        is_private=False,
        is_fork=True,
        parent_full_name="acme/template",
        created_at=NOON,
        owner_id=42,
    )
    return replace(repository, **changes)


def a_deployment(number: int = 1, *, attempt: int = 1, **changes: Any) -> Deployment:
    """Return what run `number` makes: run id 1000 + number, made `number` seconds after noon."""
    run = Run(id=1000 + number, number=number, attempt=attempt, url=f"https://github.example/runs/{number}")
    deployment = Deployment(
        id=f"dpl_{number:04}_{attempt}",
        app_id="app_0001",
        environment=Environment.PRODUCTION,
        namespace="branchline-test-production",
        script="slug0001",
        branch="main",
        commit=f"{number:040x}",
        message="Say hello",
        pull_request=None,
        run=run,
        status=Status.QUEUED,
        created_at=at(number),
        updated_at=at(number),
    )
    return replace(deployment, **changes)


def a_pull(number: int = 1, **changes: Any) -> PullRequest:
    pull = PullRequest(
        app_id="app_0001",
        number=number,
        is_open=True,
        title="Say hello",
        html_url=f"https://github.example/acme/app-1/pull/{number}",
        head_branch="hello",
        head_commit="a" * 40,
        is_from_fork=False,
        author="octocat",
        updated_at=NOON,
    )
    return replace(pull, **changes)


def a_delivery(number: int = 1, **changes: Any) -> Delivery:
    delivery = Delivery(
        guid=f"guid-{number}",
        source=DeliverySource.GITHUB,
        event="push",
        headers={"X-GitHub-Event": "push"},
        body=b'{"ref": "refs/heads/main"}',
        received_at=at(number),
    )
    return replace(delivery, **changes)


def a_worker(number: int = 1, **changes: Any) -> Worker:
    worker = Worker(
        id=f"wrk_{number:04}",
        slug=f"wslug{number:03}",
        name=f"worker-{number}",
        environment=Environment.PRODUCTION,
        namespace="branchline-test-production",
        actor="ada",
        created_at=at(number),
        updated_at=at(number),
    )
    return replace(worker, **changes)


def a_version(number: int = 1, **changes: Any) -> Version:
    """Return version `number` of the first worker, put up when it was made."""
    version = Version(
        id=f"ver_{number:04}",
        worker_id="wrk_0001",
        number=number,
        bundle="b" * 64,
        source="5" * 64,
        own_script=f"production-{number}-wslug001",
        created_at=at(number),
        actor="ada",
        functions=("hello",),
        uploaded_at=at(number),
    )
    return replace(version, **changes)
