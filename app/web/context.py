"""What the web side is given by `bootstrap`, and how a request finds it."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, cast

from flask import current_app

from app.domain.deployments import Deployment
from app.domain.platform import Platform
from app.domain.runs import RunClaims
from app.pipeline.workers_putting import Workshop
from app.ports import Bundles, Clock, CodeHost, DeployAccess, JobEngine, Records, Vault
from app.ports.intake import Intake
from app.ports.people import SignIn
from app.ports.runtime_logs import RuntimeLogs
from app.settings import Secret
from app.web.exposition import Watched
from app.web.gateway.context import GatewayContext
from app.web.invoking import Invoking
from app.web.live import Live
from app.web.looks import Looks
from app.web.outside import CALLS_AT_ONCE, DEPLOYS_AT_ONCE, DOWNLOADS_AT_ONCE, LOOKS_A_MINUTE, Gate, Ration
from app.web.turns import Turns

# Files of 10 MiB together grow by a third in base64.
DEFAULT_MAXIMUM_BODY_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class WebContext:
    """Ports and values of the web side; `intake` keeps deliveries, apart from all other records.

    `verify_token` returns what GitHub says of a workflow run, `deploy_secret` the key that an app's workflow
    signs with, `grant` what a run uploads a deployment with; `check_ready` raises when the process cannot do
    its work. `gateway` is None where runs upload to Cloudflare by themselves. `code_host` is
    asked for when the first request needs it, by as many requests at once as `calls` and `downloads` let in;
    apps may be imported from `import_origins` although they are not public. `workshop` puts
    up workers, `deploys` at once. `live` tells of events as they come about; `bundles` holds old ones.
    Cookies are signed with `secret_key`. People sign in by `sign_in`, and without it nobody does;
    `operators` are logins in lower case, or numbers of accounts as `id:1`. `listening` says how often the
    code host is asked about those who only listen. As many `proxies` stand before us.
    """

    records: Records
    intake: Intake
    engine: JobEngine
    platform: Platform
    clock: Clock
    entropy: random.Random
    api_token: Secret
    webhook_secret: Secret
    secret_key: Secret
    vault: Vault
    verify_token: Callable[[str], RunClaims]
    deploy_secret: Callable[[str], str]
    grant: Callable[[Deployment], DeployAccess]
    check_ready: Callable[[], None]
    code_host: Callable[[], CodeHost]
    runtime_logs: RuntimeLogs
    invoking: Invoking
    workshop: Workshop
    live: Live
    bundles: Bundles
    watched: Watched | None = None
    gateway: GatewayContext | None = None
    maximum_body_bytes: int = DEFAULT_MAXIMUM_BODY_BYTES
    import_origins: tuple[str, ...] = ()
    sign_in: SignIn | None = None
    operators: frozenset[str] = frozenset()
    proxies: int = 0
    deploys: Gate = field(default_factory=lambda: Gate(DEPLOYS_AT_ONCE, "put workers up"))
    calls: Gate = field(default_factory=lambda: Gate(CALLS_AT_ONCE))
    downloads: Gate = field(default_factory=lambda: Gate(DOWNLOADS_AT_ONCE))
    looks: Looks = field(default_factory=Looks)
    turns: Turns = field(default_factory=Turns)
    listening: Ration = field(default_factory=lambda: Ration(LOOKS_A_MINUTE))


def context() -> WebContext:
    """Return the context of the application that serves this request."""
    return cast("WebContext", current_app.extensions["branchline"])
