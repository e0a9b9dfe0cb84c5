"""How an app is asked for over HTTP."""

from typing import Any

from tests.integration.web.world import World


def create(world: World, **body: Any) -> Any:
    return world.call("POST", "/api/apps", json={"name": "hello", **body})
