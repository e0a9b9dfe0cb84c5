"""Plain pages for a person: the scripts of every namespace, and what each one logged."""

from itertools import islice

from flask import Blueprint, render_template

from sandbox.cloudflare.routes.telemetry import events_of
from sandbox.cloudflare.routes.world import world

routes = Blueprint("pages", __name__)
_MOST_LINES = 500


@routes.get("/")
def index() -> str:
    """List namespaces and their scripts."""
    store = world().store
    namespaces = [(namespace, list(store.scripts(namespace.name))) for namespace in store.namespaces()]
    return render_template(
        "scripts.html", namespaces=namespaces, dispatch_url=world().dispatch_url, runtime=world().runtime
    )


@routes.get("/logs/<namespace>/<script>")
def logs(namespace: str, script: str) -> str:
    """Show what a script logged and threw, newest first; of a removed script too."""
    events = list(islice(events_of(namespace, script), _MOST_LINES))
    return render_template("logs.html", namespace=namespace, script=script, events=events)
