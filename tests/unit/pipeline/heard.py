"""Reports that GitHub's deliveries bring, and a way to accept them: a test names only what it is about."""

from dataclasses import replace
from typing import Any

from app.domain.deliveries import DeliveryStatus
from app.domain.jobs import JobType
from app.domain.reports import Pushed, Report, RepositoryName, RepositoryRenamed, RepositoryTransferred
from app.pipeline.accept import work_off
from tests.builders import NOON, a_delivery
from tests.unit.pipeline.world import OURS, REPOSITORY_ID, World

OTHER = RepositoryName(999, "acme/other")
AWAY = RepositoryTransferred(repository=replace(OURS, full_name="eve/app-1"), owner_id=666)


def pushed(**changes: Any) -> Pushed:
    report = Pushed(
        repository=OURS,
        ref="refs/heads/main",
        branch="main",
        before="a" * 40,
        after="b" * 40,
        is_created=False,
        is_deleted=False,
        is_forced=False,
        message="Change",
        author="octocat",
        committed_at=NOON,
        sender="octocat",
    )
    return replace(report, **changes)


def renamed(**changes: Any) -> RepositoryRenamed:
    name = RepositoryName(REPOSITORY_ID, "acme/shop")
    return replace(RepositoryRenamed(repository=name, old_full_name="acme/app-1"), **changes)


def accept(world: World, report: Report | None, **changes: Any) -> DeliveryStatus:
    with world.records.begin() as tx:
        delivery = a_delivery(**{"guid": f"guid-{len(world.records.events)}", **changes})
        return work_off(tx, delivery, parse=lambda _: report, platform=world.platform, at=world.clock())


def jobs(world: World) -> list[tuple[JobType, dict[str, Any]]]:
    return [(job.type, dict(job.arguments)) for job in world.records.queue]
