"""What the web side is given by `bootstrap`, and how a request finds it."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from flask import current_app

from app.domain.platform import Platform
from app.ports import Clock, DeployAccess, JobEngine, Records
from app.settings import Secret

# Files of 10 MiB together grow by a third in base64.
DEFAULT_MAXIMUM_BODY_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class WebContext:
    """Ports and values of the web side.

    `deploy_secret` returns the key that an app's workflow signs with; `check_ready` raises when the process
    cannot do its work.
    """

    records: Records
    engine: JobEngine
    platform: Platform
    clock: Clock
    entropy: random.Random
    api_token: Secret
    webhook_secret: Secret
    deploy_secret: Callable[[str], str]
    deploy_access: Callable[[], DeployAccess]
    check_ready: Callable[[], None]
    maximum_body_bytes: int = DEFAULT_MAXIMUM_BODY_BYTES


def context() -> WebContext:
    """Return the context of the application that serves this request."""
    return cast("WebContext", current_app.extensions["branchline"])
