"""The files that every app gets from us, beside its template's and its caller's."""

from app.domain.addresses import Addresses
from app.domain.apps import App
from app.domain.environments import Environment
from app.domain.names import script_name
from app.ports import File
from app.render import TEMPLATES


def render_worker_files(app: App, addresses: Addresses) -> list[File]:
    """Return the Worker's configuration and the app's card, both UTF-8 JSON."""
    urls = {e.value: addresses.of(script_name(app.slug, e)).url for e in Environment}
    context = {"app": app, "urls": urls}
    return [
        File("wrangler.jsonc", TEMPLATES.get_template("wrangler.jsonc.j2").render(context).encode()),
        File("branchline.json", TEMPLATES.get_template("branchline.json.j2").render(context).encode()),
    ]
