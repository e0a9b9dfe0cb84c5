"""What the gateway is given by `bootstrap`, and how a request finds it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from flask import current_app

from app.cloudflare.gateway.sessions import AssetSessions
from app.domain.bundles import Bundle
from app.domain.deployments import Deployment
from app.ports import Bundles, Clock, Records
from app.web.gateway.turns import Turns
from app.web.grants import Grants


@dataclass(frozen=True, slots=True)
class GatewayContext:
    """Ports and values of the gateway; `go_live` puts a bundle up for the deployment of that id."""

    records: Records
    bundles: Bundles
    grants: Grants
    sessions: AssetSessions
    account_id: str
    go_live: Callable[[str, Bundle], Deployment]
    clock: Clock
    turns: Turns = field(default_factory=Turns)


def context() -> GatewayContext:
    """Return the context of the gateway that serves this request."""
    return cast("GatewayContext", current_app.extensions["branchline"])
