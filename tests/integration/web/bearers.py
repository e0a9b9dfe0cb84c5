"""Whoever bears a token, in a test: how they ask, and who the API says they are."""

from collections.abc import Mapping
from typing import Any

from werkzeug.test import TestResponse

from tests.integration.web.world import World

Headers = Mapping[str, str]


def call(world: World, method: str, path: str, headers: Headers, **given: Any) -> TestResponse:
    return world.client.open(path, method=method, headers=dict(headers), **given)


def borne(made: Mapping[str, Any]) -> Headers:
    return {"Authorization": f"Bearer {made['token']}"}


def me(world: World, headers: Headers) -> dict[str, Any]:
    answer = call(world, "GET", "/api/me", headers)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.get_json()
    return told
