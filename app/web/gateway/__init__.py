"""The deploy gateway over HTTP: what `wrangler deploy --dispatch-namespace` uses of Cloudflare's API.

An application of its own, below `PREFIX`: so every answer there, also to a path that nothing matches, is in
Cloudflare's envelope. A deploy grant stands where wrangler has a Cloudflare token. What is checked lies in
`app/cloudflare/gateway`, what is done with a complete upload in `app/pipeline/upload.py`.
"""

from typing import Final

from flask import Flask

from app.web.gateway import assets, scripts
from app.web.gateway.answers import register_errors
from app.web.gateway.context import GatewayContext

PREFIX: Final = "/cloudflare/client/v4"
_ACCOUNT: Final = "/accounts/<account_id>/workers"
_SCRIPT: Final = f"{_ACCOUNT}/dispatch/namespaces/<namespace>/scripts/<script>"


def create_gateway(context: GatewayContext) -> Flask:
    """Return the WSGI application that answers below `PREFIX`."""
    web = Flask(__name__, static_folder=None)
    web.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    # A path is what was granted, letter for letter: none is mended.
    web.url_map.merge_slashes = False
    web.extensions["branchline"] = context
    register_errors(web)
    web.get(_SCRIPT)(scripts.describe_script)
    web.put(_SCRIPT)(scripts.upload_script)
    web.post(f"{_SCRIPT}/assets-upload-session")(assets.open_session)
    web.post(f"{_ACCOUNT}/assets/upload")(assets.upload_bucket)
    web.post(f"{_ACCOUNT}/assets/upload/<name>")(assets.upload_file)
    # wrangler asks for these by the path of a Worker that is not in a namespace.
    web.get(f"{_ACCOUNT}/scripts/<script>/secrets")(scripts.no_worker)
    web.get(f"{_ACCOUNT}/scripts/<script>/settings", endpoint="settings")(scripts.no_worker)
    return web
