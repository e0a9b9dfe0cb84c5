"""The web process."""

import random
from collections.abc import Mapping

from flask import Flask

from app.bootstrap.shared import Shared, utc_now
from app.database.schema import check_schema
from app.pipeline.install import deploy_secret
from app.ports import DeployAccess
from app.settings import Settings
from app.web import create_app
from app.web.context import WebContext


def web_app(environ: Mapping[str, str]) -> Flask:
    """Return the WSGI application. Raises Misconfigured."""
    settings = Settings.from_environ(environ)
    shared, cloudflare = Shared(settings), settings.cloudflare
    access = DeployAccess(cloudflare.api_url, cloudflare.account_id, cloudflare.api_token.reveal())
    return create_app(
        WebContext(
            records=shared.records,
            engine=shared.engine,
            platform=shared.platform,
            clock=utc_now,
            entropy=random.SystemRandom(),
            api_token=settings.api_token,
            webhook_secret=settings.github.webhook_secret,
            deploy_secret=lambda app_id: deploy_secret(settings.secret_key.reveal(), app_id),
            deploy_access=lambda: access,
            check_ready=lambda: check_schema(shared.database),
        )
    )
