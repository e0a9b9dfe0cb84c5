"""`/workers/<worker>`: one worker: its code, its functions and what they answer, its versions.

What scripts do there goes through the API; the forms here do the same for who has none.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from flask import Response, redirect, request, url_for

from app.domain.rights import Act
from app.domain.sources import Source
from app.domain.workers import Version, Worker
from app.errors import BranchlineError
from app.pipeline.invoke import callee
from app.pipeline.workers_change import delete_worker, keep_worker, restore_worker
from app.pipeline.workers_deploy import update_worker
from app.pipeline.workers_versions import restore_version, version_of, written_sources
from app.web.context import context
from app.web.errors import refusal, status_of
from app.web.guard import actor, needs
from app.web.pages.calls import Answer, called_once, quoted, typed
from app.web.pages.shell import render, style_nonce, wanted_part
from app.web.pages.workers import pages, posted_sources, problems_of, seen
from app.web.worker_views import WholeWorkerView, states

_SHOWN_VERSIONS: Final = 30
_DONE: Final = {
    "deployed": "It is live: call one of its functions.",
    "restored": "It answers again.",
    "kept": "It stays until somebody deletes it.",
    "let-go": "It expires like others, counted from now.",
}


@pages.get("/workers/<worker>")
@needs(Act.SEE)
def show_worker(worker: str) -> Response:
    """Show a worker with the code of what is live, or of the `version` that is asked for."""
    return _page(worker)


@pages.post("/workers/<worker>")
@needs(Act.DEPLOY)
def deploy_worker(worker: str) -> Response:
    """Put a new version up, unless another one went live that its author has not seen."""
    given, files = context(), posted_sources()
    try:
        with given.deploys.entered(f"deploying worker {worker[:60]}"):
            deployed = update_worker(
                worker,
                files,
                lambda known: known,
                actor=actor(),
                to=given.workshop,
                replaces=request.form.get("replaces") or None,
            )
    except BranchlineError as error:
        return _page(worker, files=files, error=refusal(error))
    return seen(deployed)


@pages.post("/workers/<worker>/versions/<version>/restore")
@needs(Act.DEPLOY)
def restore_worker_version(worker: str, version: str) -> Response:
    """Put an earlier version's code up as the newest version."""
    given = context()
    try:
        with given.deploys.entered(f"restoring a version of worker {worker[:60]}"):
            deployed = restore_version(worker, version, actor=actor(), to=given.workshop)
    except BranchlineError as error:
        return _page(worker, error=refusal(error))
    return seen(deployed)


@pages.post("/workers/<worker>/invoke")
@needs(Act.INVOKE)
def invoke_worker(worker: str) -> Response:
    """Call a function, wait for its answer, and show it with its lines."""
    function, payload = request.form.get("function", ""), request.form.get("payload", "").strip()
    try:
        return _page(worker, answer=_called(worker, function, payload))
    except BranchlineError as error:
        return _page(worker, error=refusal(error), answer=Answer(function, payload, 0, {}))


@pages.post("/workers/<worker>/keep")
@needs(Act.DEPLOY)
def keep(worker: str) -> Response:
    """Keep a worker for good, or let it expire like others."""
    given, is_kept = context(), request.form.get("keep") == "yes"
    with given.records.begin() as tx:
        found = keep_worker(tx, worker, is_kept=is_kept, actor=actor(), at=given.clock(), to=given.workshop)
    return _back(found, "kept" if is_kept else "let-go")


@pages.post("/workers/<worker>/restore")
@needs(Act.DEPLOY)
def restore(worker: str) -> Response:
    """Have an expired worker answer again."""
    given = context()
    with given.deploys.entered(f"restoring worker {worker[:60]}"):
        found = restore_worker(worker, actor=actor(), to=given.workshop)
    return _back(found, "restored")


@pages.post("/workers/<worker>/delete")
@needs(Act.DELETE)
def delete(worker: str) -> Response:
    """Delete a worker with all its versions and addresses."""
    delete_worker(worker, actor=actor(), to=context().workshop)
    return redirect(url_for("pages_workers.list_workers"), 303)  # type: ignore[return-value] # Flask's own is one


def _page(
    key: str,
    *,
    files: Sequence[Source] | None = None,
    error: BranchlineError | None = None,
    answer: Answer | None = None,
) -> Response:
    given, is_whole = context(), wanted_part() is None or error is not None
    with given.records.read() as tx:
        worker = tx.workers.get(key)
        (state,) = states(tx, [worker])
        versions = [it for it in tx.versions.of(worker.id, limit=_SHOWN_VERSIONS) if it.uploaded_at]
        asked = request.args.get("version")
        looked = version_of(tx, key, asked) if asked else state.live
    view = WholeWorkerView.whole(state, versions, given.platform, given.clock())
    return render(
        "worker.html",
        status=200 if error is None else status_of(error),
        worker=view,
        live=state.live,
        looked=looked,
        # Parts do not show the code: they are fetched at each event, and what they show is in the database.
        files=_sources(looked) if files is None and is_whole else files or (),
        done=_DONE.get(request.args.get("done", "")),
        error=error,
        problems=problems_of(error),
        answer=answer,
        commands=commands(view, answer.function if answer else _first(view.functions), "{}"),
        nonce=style_nonce(),
    )


def commands(worker: WholeWorkerView, function: str, payload: str) -> dict[str, str]:
    """Return what to type to call a function: at its own address, over our API, with our command."""
    name, key = quote(function, safe=""), "INVOKE_KEY" if worker.options.invoke_key else None
    api = f"{context().platform.url}/api/workers/{worker.slug}/invoke/{name}"
    return {
        "public": quoted(f"{worker.url}/api/invoke/{name}", payload, key),
        "api": quoted(api, payload, "BRANCHLINE_API_TOKEN", streams=True),
        "cli": typed(f"branchline workers invoke {worker.slug}", function, payload),
    }


def _first(functions: Sequence[str]) -> str:
    return functions[0] if functions else "hello"


def _sources(version: Version | None) -> Sequence[Source]:
    return written_sources(version, context().bundles) if version is not None else ()


def _called(key: str, function: str, payload: str) -> Answer:
    given = context()
    with given.records.read() as tx:
        called = callee(tx, key, given.vault)
    return called_once(called.worker.id, called, function, payload)


def _back(worker: Worker, done: str) -> Response:
    url = url_for("pages_workers.show_worker", worker=worker.slug, done=done)
    return redirect(url, 303)  # type: ignore[return-value] # Flask's own is one
