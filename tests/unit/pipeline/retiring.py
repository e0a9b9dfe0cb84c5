"""What the tests of retiring share: how a closing, a deletion and what is up come to be."""

from app.domain.environments import Environment
from app.domain.jobs import Job
from app.domain.runs import RunReport
from app.pipeline.retire import request_deletion
from tests.unit.pipeline.runs import a_pull_run
from tests.unit.pipeline.world import NAMESPACES, World

BRANCH_SCRIPT = "preview-slug0001"
PREVIEWS = NAMESPACES[Environment.PREVIEW]


def deploy(world: World, report: RunReport | None = None) -> None:
    """Let a run go live, with its script."""
    world.deploy(report or a_pull_run())


def delete(world: World, *, keep_repository: bool = False) -> Job:
    with world.records.begin() as tx:
        return request_deletion(tx, "app-1", keep_repository=keep_repository, at=world.clock(), actor="token")
