"""What the gateway is given by `bootstrap`, and how a request finds it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, cast

from flask import current_app

from app.cloudflare.gateway.sessions import AssetSessions
from app.domain.bundles import Bundle
from app.domain.deployments import Deployment
from app.ports import Bundles, Clock, Records
from app.web.gateway.turns import Turns
from app.web.grants import Grants

# 100 MiB in this time are 7 Mbit/s; a runner has a hundred times that.
BODY_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class GatewayContext:
    """Ports and values of the gateway.

    `go_live` puts a bundle up for the deployment of that id. A body has to be there within `body_seconds`.
    """

    records: Records
    bundles: Bundles
    grants: Grants
    sessions: AssetSessions
    account_id: str
    go_live: Callable[[str, Bundle], Deployment]
    clock: Clock
    body_seconds: float = BODY_SECONDS
    turns: Turns = field(default_factory=Turns)


def context() -> GatewayContext:
    """Return the context of the gateway that serves this request."""
    return cast("GatewayContext", current_app.extensions["branchline"])
