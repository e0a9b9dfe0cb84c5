"""`/api/workers`: functions in, an address out. Put up, look at, keep, bring back and delete workers.

What is put up answers when the caller is answered, so Cloudflare and the compiler are asked while it waits;
`deploys` says for how many at once.
"""

from typing import Any, Final

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from app.domain.rights import Act
from app.domain.workers import Options, Worker
from app.pipeline.workers_change import delete_worker, keep_worker, restore_worker
from app.pipeline.workers_deploy import Deployed, create_worker, update_worker
from app.web.context import context
from app.web.errors import API_ERRORS, ErrorOut, Responses
from app.web.forms import PageQuery, require_object
from app.web.guard import actor, caller, needs
from app.web.worker_forms import KeepIn, NextVersionIn, WorkerIn, WorkerPath
from app.web.worker_views import (
    DeployedView,
    WholeWorkerView,
    WorkerDeletedView,
    WorkersView,
    WorkerView,
    states,
    worker_fields,
)

api = APIBlueprint(
    "workers",
    __name__,
    url_prefix="/api/workers",
    abp_security=[{"token": []}],
    abp_responses=API_ERRORS,
)
api.before_request(require_object)
# Whoever restores has nothing more to say.
restores = APIBlueprint(
    "worker_restores",
    __name__,
    url_prefix="/api/workers",
    abp_security=[{"token": []}],
    abp_responses=API_ERRORS,
)

_REFUSALS: Final[Responses] = {"409": ErrorOut, "413": ErrorOut, "422": ErrorOut}
_SHOWN_VERSIONS: Final = 100


@api.post("", responses={"201": DeployedView, **_REFUSALS})
@needs(Act.CREATE)
def create(body: WorkerIn) -> tuple[Response, int]:
    """Compile functions and put them up; they answer when this does."""
    given = context()
    with given.deploys.entered(f"deploying worker {body.name[:60]}"):
        deployed = create_worker(
            body.name,
            body.sources(),
            body.environment,
            body.options.applied_to(Options()),
            actor=actor(),
            to=given.workshop,
            owner_id=owner.id if (owner := caller().person) else None,
        )
    return jsonify(deployed_body(deployed)), 201


@api.get("", responses={"200": WorkersView})
@needs(Act.SEE)
def list_all(query: PageQuery) -> Response:
    """List the workers that the caller may see, newest first."""
    given = context()
    with given.records.read() as tx:
        page = tx.workers.list(cursor=query.cursor, limit=query.limit, reach=caller().reach)
        found = states(tx, page.items)
    now = given.clock()
    items = [WorkerView.of(state, given.platform, now) for state in found]
    return jsonify(WorkersView(items=items, next_cursor=page.next_cursor).body())


@api.get("/<worker>", responses={"200": WholeWorkerView})
@needs(Act.SEE)
def show(path: WorkerPath) -> Response:
    """Show a worker with its versions."""
    given = context()
    with given.records.read() as tx:
        worker = tx.workers.get(path.worker)
        (state,) = states(tx, [worker])
        versions = [it for it in tx.versions.of(worker.id, limit=_SHOWN_VERSIONS) if it.uploaded_at]
    return jsonify(WholeWorkerView.whole(state, versions, given.platform, given.clock()).body())


@api.put("/<worker>", responses={"200": DeployedView, **_REFUSALS})
@needs(Act.DEPLOY)
def update(path: WorkerPath, body: NextVersionIn) -> Response:
    """Put up a new version; the addresses of those before keep showing what they show."""
    given = context()
    with given.deploys.entered(f"deploying worker {path.worker}"):
        deployed = update_worker(
            path.worker,
            body.sources(),
            body.options.applied_to,
            actor=actor(),
            to=given.workshop,
            replaces=body.replaces,
        )
    return jsonify(deployed_body(deployed))


@api.patch("/<worker>", responses={"200": WorkerView, "410": ErrorOut})
@needs(Act.DEPLOY)
def keep(path: WorkerPath, body: KeepIn) -> Response:
    """Keep a worker for good, or let it expire like others, counted from now."""
    given = context()
    with given.records.begin() as tx:
        worker = keep_worker(
            tx, path.worker, is_kept=body.keep, actor=actor(), at=given.clock(), to=given.workshop
        )
    return _shown(worker)


@restores.post("/<worker>/restore", responses={"200": WorkerView, "409": ErrorOut})
@needs(Act.DEPLOY)
def restore(path: WorkerPath) -> Response:
    """Have an expired worker answer again."""
    given = context()
    with given.deploys.entered(f"restoring worker {path.worker}"):
        worker = restore_worker(path.worker, actor=actor(), to=given.workshop)
    return _shown(worker)


@api.delete("/<worker>", responses={"202": WorkerDeletedView, "409": ErrorOut})
@needs(Act.DELETE)
def delete(path: WorkerPath) -> tuple[Response, int]:
    """Delete a worker; a job takes its scripts down."""
    given = context()
    worker, job = delete_worker(path.worker, actor=actor(), to=given.workshop)
    return jsonify(WorkerDeletedView.of(worker, job, given.platform).body()), 202


def deployed_body(deployed: Deployed) -> dict[str, Any]:
    """Return what is answered of a worker that has just been put up."""
    given = context()
    with given.records.read() as tx:
        (state,) = states(tx, [deployed.worker])
    fields = worker_fields(state, given.platform, given.clock())
    return DeployedView(**fields, invoke_key=deployed.key).body()


def _shown(worker: Worker) -> Response:
    given = context()
    with given.records.read() as tx:
        (state,) = states(tx, [worker])
    return jsonify(WorkerView.of(state, given.platform, given.clock()).body())
