"""`/deployments/<deployment>/functions`: functions of an app, as one of its deployments has them, to call."""

from collections.abc import Sequence
from urllib.parse import quote

from flask import Blueprint, Response, request

from app.domain.rights import Act
from app.errors import BranchlineError, RemoteUnavailable
from app.pipeline.invoke_deployment import DeployedCallee, deployed_callee, functions_of
from app.web.context import context
from app.web.errors import refusal, status_of
from app.web.guard import needs
from app.web.pages.calls import Answer, called_once, quoted, typed
from app.web.pages.shell import render, style_nonce

pages = Blueprint("pages_functions", __name__)


@pages.get("/deployments/<deployment>/functions")
@needs(Act.INVOKE)
def show_functions(deployment: str) -> Response:
    """Show what can be called of a deployment."""
    return _page(deployment)


@pages.post("/deployments/<deployment>/functions")
@needs(Act.INVOKE)
def invoke_function(deployment: str) -> Response:
    """Call a function, wait for its answer, and show it with its lines."""
    function, payload = request.form.get("function", ""), request.form.get("payload", "").strip()
    called = _callee(deployment)
    try:
        return _page(deployment, answer=called_once(called.deployment.id, called, function, payload))
    except BranchlineError as error:
        return _page(deployment, error=refusal(error), answer=Answer(function, payload, 0, {}))


def _callee(key: str) -> DeployedCallee:
    given = context()
    with given.records.read() as tx:
        return deployed_callee(tx, key, given.vault)


def _page(key: str, *, error: BranchlineError | None = None, answer: Answer | None = None) -> Response:
    given, called = context(), _callee(key)
    with given.records.read() as tx:
        app = tx.apps.get(called.deployment.app_id)
    functions, silence = _functions(called)
    function = answer.function if answer else next(iter(functions), "hello")
    url = given.platform.addresses.of(called.script).url.rstrip("/")
    api = f"{given.platform.url}/api/deployments/{called.deployment.id}"
    return render(
        "functions.html",
        status=200 if error is None else status_of(error),
        app=app,
        deployment=called.deployment,
        functions=functions,
        silence=silence,
        url=url,
        api=api,
        has_key=called.key is not None,
        commands=_commands(url, api, function, called),
        error=error,
        answer=answer,
        nonce=style_nonce(),
    )


def _functions(called: DeployedCallee) -> tuple[Sequence[str], str | None]:
    """Return what can be called, or why nobody knows."""
    given = context()
    try:
        with given.invoking.gate.entered("listing functions"):
            return functions_of(called, given.workshop.endpoints), None
    except RemoteUnavailable as error:
        return (), error.message


def _commands(url: str, api: str, function: str, called: DeployedCallee) -> dict[str, str]:
    name, key = quote(function, safe=""), called.key is not None
    return {
        "public": quoted(f"{url}/api/invoke/{name}", "{}", "INVOKE_KEY" if key else None),
        "api": quoted(f"{api}/invoke/{name}", "{}", "BRANCHLINE_API_TOKEN", streams=True),
        "cli": typed(f"branchline deployments invoke {called.deployment.id}", function, "{}"),
    }
