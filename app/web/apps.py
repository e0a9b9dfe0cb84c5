"""`/api/apps`: ask for apps, look at them, delete them."""

from dataclasses import replace

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from app.domain.apps import App
from app.domain.events import Event, Tag
from app.domain.jobs import Job
from app.domain.rights import Act, Level
from app.pipeline.known import standing_app
from app.pipeline.left import leave
from app.pipeline.overview import overview, standings
from app.pipeline.provision import request_app
from app.pipeline.retire import request_deletion
from app.ports import Transaction
from app.web.context import context
from app.web.errors import API_ERRORS, ErrorOut
from app.web.forms import AppIn, AppPath, AppsQuery, DeleteQuery, DeploymentsQuery, PolicyIn, require_object
from app.web.guard import actor, caller, needs, reach
from app.web.views import AcceptedView, AppSummaryView, AppsView, AppView, DeploymentsView
from app.web.views.drift import PolicyView

api = APIBlueprint(
    "apps",
    __name__,
    url_prefix="/api/apps",
    abp_security=[{"token": []}],
    abp_responses=API_ERRORS,
)
api.before_request(require_object)


@api.post("", responses={"202": AcceptedView, "409": ErrorOut, "413": ErrorOut})
@needs(Act.CREATE)
def create_app(body: AppIn) -> tuple[Response, int]:
    """Ask for an app; a job makes its repository, of the template or an import, and installs the workflow."""
    given = context()
    order = body.order(given.import_origins)
    with given.records.begin() as tx:
        app, job = request_app(
            tx,
            order,
            at=given.clock(),
            entropy=given.entropy,
            actor=actor(),
            creator=caller().person,
        )
        return accepted(tx, app, job)


@api.get("", responses={"200": AppsView})
@needs(Act.SEE)
def list_apps(query: AppsQuery) -> Response:
    """List the apps that the caller may see, newest first."""
    within = reach()
    with context().records.read() as tx:
        page = tx.apps.list(
            cursor=query.cursor, limit=query.limit, reach=within, search=query.q, status=query.status
        )
    items = [AppSummaryView.of(app) for app in page.items]
    return jsonify(AppsView(items=items, next_cursor=page.next_cursor).body())


@api.get("/<app>", responses={"200": AppView})
@needs(Act.SEE)
def show_app(path: AppPath) -> Response:
    """Show an app with what is live of it."""
    with context().records.read() as tx:
        app = tx.apps.get(path.app)
        view = AppView.whole(app, overview(tx, app), context().platform, context().clock())
    return jsonify(view.body())


@api.patch("/<app>", responses={"200": PolicyView, "409": ErrorOut})
@needs(Act.SET_POLICY)
def change_policy(path: AppPath, body: PolicyIn) -> Response:
    """Decide what may be healed of an app by itself; null leaves it to the platform."""
    given = context()
    with given.records.begin() as tx:
        app = standing_app(tx, path.app, "changing")
        changed = replace(app, heal=body.heal, updated_at=given.clock())
        tx.apps.save(changed)
        payload = {"heal": body.heal.value if body.heal else None}
        tx.events.append(Event(Tag.APP_POLICY_SET, app.id, actor(body.by), given.clock(), payload))
    return jsonify(PolicyView.of(changed, given.platform).body())


@api.delete("/<app>", responses={"202": AcceptedView, "409": ErrorOut})
@needs(Act.DELETE)
def delete_app(path: AppPath, query: DeleteQuery) -> tuple[Response, int]:
    """Delete an app: its scripts and, unless `keepRepository`, its repository."""
    with context().records.begin() as tx:
        job = delete_known(tx, path.app, keep_repository=query.keep_repository)
        return accepted(tx, tx.apps.get(job.app_id), job)


@api.get("/<app>/deployments", responses={"200": DeploymentsView})
@needs(Act.SEE)
def list_deployments(path: AppPath, query: DeploymentsQuery) -> Response:
    """List an app's deployments, newest first."""
    given = context()
    with given.records.read() as tx:
        app = tx.apps.get(path.app)
        page = tx.deployments.list(
            app.id,
            environment=query.environment,
            status=query.status,
            cursor=query.cursor,
            limit=query.limit,
        )
        found = standings(tx, app.id, page.items)
    return jsonify(DeploymentsView.page(found, page.next_cursor, given.platform, given.clock()).body())


def delete_known(tx: Transaction, key: str, *, keep_repository: bool) -> Job:
    """Ask for an app to be deleted for who asks; they see how that goes when nobody can say whose it was."""
    at, asking = context().clock(), caller()
    job = request_deletion(tx, key, keep_repository=keep_repository, at=at, actor=asking.actor)
    if asking.person is not None:
        leave(tx, asking.person.id, job.id, Level.READ, at)
    return job


def accepted(tx: Transaction, app: App, job: Job) -> tuple[Response, int]:
    """Answer with an app about which a job was begun."""
    platform, now = context().platform, context().clock()
    poll_url = f"{platform.url}/api/jobs/{job.id}"
    view = AcceptedView.whole(app, overview(tx, app), platform, now, job_id=job.id, poll_url=poll_url)
    return jsonify(view.body()), 202
