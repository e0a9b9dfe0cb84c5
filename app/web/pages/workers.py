"""`/workers`: the workers that the caller has, and the page on which one begins."""

from collections.abc import Sequence
from typing import Final

from flask import Blueprint, Response, redirect, request, url_for

from app.domain.environments import Environment
from app.domain.names import new_slug
from app.domain.rights import Act
from app.domain.sources import Source
from app.domain.workers import Options
from app.errors import BranchlineError, InvalidInput
from app.pipeline.workers_deploy import Deployed, create_worker
from app.pipeline.workers_sources import SINGLE
from app.web.context import context
from app.web.errors import refusal, status_of
from app.web.guard import actor, caller, needs
from app.web.pages.shell import render, style_nonce
from app.web.worker_views import WorkerView, states

pages = Blueprint("pages_workers", __name__)

PER_PAGE: Final = 50
_SUFFIX: Final = 4
EXAMPLE: Final = """\
// Every function that you export can be called.
// Deploy this, then press Invoke.

type Greeting = { name?: string; lines?: number };

export async function hello({ name, lines = 10 }: Greeting = {}) {
  for (let line = 1; line <= lines; line++) {
    console.log(`${line} of ${lines}: hello, ${name ?? "world"}!`);
    await new Promise((done) => setTimeout(done, 300));
  }
  return { greeted: name ?? "world", lines };
}
"""
EXAMPLE_PAYLOAD: Final = '{ "name": "Ada", "lines": 10 }'


@pages.get("/workers")
@needs(Act.SEE)
def list_workers() -> Response:
    """Show the workers, newest first."""
    given, cursor = context(), request.args.get("cursor")
    with given.records.read() as tx:
        page = tx.workers.list(cursor=cursor, limit=PER_PAGE, reach=caller().reach)
        found = states(tx, page.items)
    now = given.clock()
    workers = [WorkerView.of(state, given.platform, now) for state in found]
    return render("workers.html", workers=workers, next_cursor=page.next_cursor, is_first=cursor is None)


@pages.get("/workers/new")
@needs(Act.CREATE)
def ask_for_worker() -> Response:
    """Show an editor with an example that can be deployed as it is."""
    return _editor(f"hello-{new_slug(context().entropy)[:_SUFFIX]}", [Source(SINGLE, EXAMPLE)])


@pages.post("/workers/new")
@needs(Act.CREATE)
def begin_worker() -> Response:
    """Put a new worker up, and show its page."""
    name, files = request.form.get("name", "").strip(), posted_sources()
    try:
        deployed = _created(name, request.form.get("environment", ""), files)
    except BranchlineError as error:
        return _editor(name, files, refusal(error))
    return seen(deployed)


def posted_sources() -> list[Source]:
    """Return the files of a form; one without a name is none, and lines end as they did before."""
    paths, contents = request.form.getlist("path"), request.form.getlist("content")
    return [
        Source(path.strip(), content.replace("\r\n", "\n"))
        for path, content in zip(paths, contents, strict=False)
        if path.strip()
    ]


def seen(deployed: Deployed) -> Response:
    """Lead whoever deployed to the worker."""
    url = url_for("pages_workers.show_worker", worker=deployed.worker.slug, done="deployed")
    return redirect(url, 303)  # type: ignore[return-value] # Flask's own is one


def problems_of(error: BranchlineError | None) -> Sequence[dict[str, object]]:
    """Return what a compiler has against files: each with file, line, column and message."""
    found = error.details.get("errors", ()) if error is not None else ()
    return [problem for problem in found if isinstance(problem, dict)]


def _created(name: str, environment: str, files: Sequence[Source]) -> Deployed:
    given = context()
    with given.deploys.entered(f"deploying worker {name[:60]}"):
        return create_worker(
            name,
            files,
            _environment(environment),
            Options(),
            actor=actor(),
            to=given.workshop,
            owner_id=owner.id if (owner := caller().person) else None,
        )


def _environment(named: str) -> Environment:
    try:
        return Environment(named or Environment.PRODUCTION)
    except ValueError:
        raise InvalidInput(f"choosing where the worker lives: {named[:60]!r} is no environment") from None


def _editor(name: str, files: Sequence[Source], error: BranchlineError | None = None) -> Response:
    return render(
        "new_worker.html",
        status=200 if error is None else status_of(error),
        name=name,
        files=files,
        environment=request.form.get("environment", Environment.PRODUCTION.value),
        environments=[it.value for it in (Environment.PRODUCTION, Environment.STAGING, Environment.PREVIEW)],
        error=error,
        problems=problems_of(error),
        payload=EXAMPLE_PAYLOAD,
        nonce=style_nonce(),
    )
