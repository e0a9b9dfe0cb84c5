"""What is somebody else's, every route about it, and how it is asked for: for tests of who may do what."""

import re
from collections.abc import Mapping
from typing import Final

from werkzeug.routing import Rule

from app.domain.callers import Person
from app.domain.events import Event, Tag
from app.domain.jobs import JobType
from tests.builders import a_deployment, a_repository, a_version, a_worker, an_app, at
from tests.integration.web.world import World

THEIRS: Final = an_app(2, repository=a_repository(2))
DEPLOYMENT: Final = a_deployment(2, app_id=THEIRS.id, script=THEIRS.slug, bundle="b" * 64)
WORKER: Final = a_worker(2)
# Each way to name what is somebody else's.
NAMED: Final[Mapping[str, tuple[str, ...]]] = {
    "app": (THEIRS.id, THEIRS.slug, THEIRS.name),
    "deployment": (DEPLOYMENT.id,),
    "job": ("job_theirs",),
    "worker": (WORKER.id, WORKER.slug, WORKER.name),
}
FILLED: Final[Mapping[str, str]] = {
    "environment": "production",
    "function": "hello",
    "guid": "guid-2",
    "invocation": "inv_2",
    "name": "COLOUR",
    "number": "2",
    "path": "index.html",
    "token": "tok_2",
    "version": "ver_0002",
}
# A body that some route takes; the others refuse it, after they asked who sends it.
BODY: Final = {"environment": "production", "value": "blue", "values": {"COLOUR": "blue"}, "heal": "all"}
UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def place(rule: Rule, key: str) -> str:
    """Return a route's path about the thing of that key."""
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: FILLED.get(found[1], key), rule.rule)


def make_theirs(world: World, owner: Person | None = None) -> str:
    """Keep an app with all that an app has, and a worker, and return the name of a job."""
    with world.records.begin() as tx:
        tx.apps.add(THEIRS)
        tx.deployments.add(DEPLOYMENT)
        tx.workers.add(a_worker(2, owner_id=owner.id if owner else None, version_id="ver_0002"))
        tx.versions.add(a_version(2, worker_id=WORKER.id))
        tx.events.append(Event(Tag.APP_READY, THEIRS.id, "job", at(1), {}))
        return tx.jobs.enqueue(JobType.PROVISION, THEIRS.id, {"files": []}).id


def rename_job(world: World, job_id: str, name: str) -> None:
    with world.database.begin() as connection:
        connection.exec_driver_sql("UPDATE jobs SET id = ? WHERE id = ?", (name, job_id))
