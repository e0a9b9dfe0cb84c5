"""The web process."""

import random
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from flask import Flask

from app.bootstrap.invoking import Calls
from app.bootstrap.shared import Shared, utc_now
from app.bootstrap.workers import workshop
from app.cloudflare.gateway.sessions import AssetSessions
from app.cloudflare.telemetry import CloudflareRuntimeLogs
from app.database.event_order import continue_order
from app.database.intake import SqlIntake, intake_engine
from app.database.listening import feed_of
from app.database.records import SqlRecords
from app.database.schema import check_schema
from app.domain.deployments import Deployment
from app.domain.platform import Platform
from app.github.keys import SigningKeys
from app.github.oidc import OidcVerifier
from app.github.sign_in import GitHubSignIn
from app.pipeline.install import deploy_secret
from app.pipeline.upload import go_live
from app.ports import CodeHost, DeployAccess, Pace
from app.settings import GitHubSettings, Settings
from app.web import create_app
from app.web.context import WebContext
from app.web.exposition import Watched
from app.web.following import Follower
from app.web.gateway.context import GatewayContext
from app.web.grants import LIFETIME, Grants
from app.web.lanes import Lanes
from app.web.live import Live
from app.web.patience import READING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class _Web(Shared):
    """What a web process shares, whose requests do not wait for a database that is known to be away."""

    @cached_property
    def records(self) -> SqlRecords:
        return SqlRecords(self.database, self.engine.enqueue, utc_now, outage=self.outage)


def web_app(environ: Mapping[str, str]) -> Flask:
    """Return the WSGI application. Raises Misconfigured."""
    shared = _Web(Settings.from_environ(environ))
    return _application(shared, Calls(shared), Follower(feed_of(shared.database)))


class ServedApp:
    """The WSGI application as a server with many threads runs it, and what is done when that ends."""

    def __init__(self, environ: Mapping[str, str], places: int) -> None:
        shared = _Web(Settings.from_environ(environ))
        self._calls, self._follower = Calls(shared), Follower(feed_of(shared.database))
        self._lanes = Lanes(_application(shared, self._calls, self._follower), places)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request."""
        READING.end(environ.get("gunicorn.socket"))
        return self._lanes(environ, start_response)

    def cut_streams(self) -> None:
        """End every open stream, so that the server need not wait for them."""
        self._calls.cut_streams()
        self._follower.close()

    def finish(self) -> None:
        """Write down what is only in memory."""
        self._calls.finish()


def _application(shared: Shared, calls: Calls, follower: Follower) -> Flask:
    settings = shared.settings
    return create_app(
        WebContext(
            records=shared.records,
            intake=SqlIntake(intake_engine(shared.settings.database_url), shared.outage),
            engine=shared.engine,
            platform=shared.platform,
            clock=utc_now,
            entropy=random.SystemRandom(),
            api_token=settings.api_token,
            webhook_secret=settings.github.webhook_secret,
            secret_key=settings.secret_key,
            vault=shared.vault,
            verify_token=_verifier(settings).verify,
            deploy_secret=lambda app_id: deploy_secret(settings.secret_key.reveal(), app_id),
            grant=_granting(settings, shared.platform),
            check_ready=lambda: _check_ready(shared),
            runtime_logs=CloudflareRuntimeLogs(shared.cloudflare),
            code_host=_LazyCodeHost(settings.github, shared.github_pace),
            invoking=calls.invoking,
            live=Live.of(follower, settings.live_streams),
            bundles=shared.bundles,
            workshop=workshop(shared),
            import_origins=settings.import_origins,
            sign_in=GitHubSignIn(settings.sign_in, utc_now) if settings.sign_in else None,
            operators=settings.operators,
            proxies=settings.proxies,
            watched=Watched(shared.metrics, settings.metrics),
            gateway=_gateway(shared) if shared.platform.has_gateway else None,
        )
    )


def _check_ready(shared: Shared) -> None:
    check_schema(shared.database)
    continue_order(shared.database)


def _gateway(shared: Shared) -> GatewayContext:
    secret_key = shared.settings.secret_key.reveal()
    return GatewayContext(
        records=shared.records,
        bundles=shared.bundles,
        grants=Grants(secret_key, utc_now),
        sessions=AssetSessions(secret_key),
        account_id=shared.settings.cloudflare.account_id,
        go_live=lambda deployment_id, bundle: go_live(deployment_id, bundle, shared.putter),
        clock=utc_now,
    )


def _verifier(settings: Settings) -> OidcVerifier:
    issuer = settings.github.oidc_issuer
    return OidcVerifier(issuer, settings.url, SigningKeys.of_issuer(issuer))


def _granting(settings: Settings, platform: Platform) -> Callable[[Deployment], DeployAccess]:
    """Return what gives a run its way in: a grant for our gateway, or where to use a token of its own."""
    account_id = settings.cloudflare.account_id
    if not platform.has_gateway:
        return lambda _: DeployAccess(settings.cloudflare.api_url, account_id, "")
    grants = Grants(settings.secret_key.reveal(), utc_now)

    def grant(deployment: Deployment) -> DeployAccess:
        url = f"{settings.url}/cloudflare/client/v4"
        return DeployAccess(url, account_id, grants.issue(deployment), utc_now() + LIFETIME)

    return grant


class _LazyCodeHost:
    """Makes the code host's ports once, when they are first asked for."""

    def __init__(self, settings: GitHubSettings, pace: Pace) -> None:
        self._settings = settings
        self._pace = pace
        self._lock = threading.Lock()
        self._made: CodeHost | None = None

    def __call__(self) -> CodeHost:
        with self._lock:
            if self._made is None:
                from app.bootstrap.code_host import code_host  # noqa: PLC0415 - see there

                self._made = code_host(self._settings, self._pace)
            return self._made
