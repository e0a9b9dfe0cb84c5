"""What vendors publish and we test against: GitHub's webhook examples and its OpenAPI description.

Both come from npm and are read once per test process.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

OCTOKIT: Final = Path(__file__).parents[1] / ".sandbox/tools/node_modules/@octokit"


@cache
def _all_examples() -> dict[str, list[dict[str, Any]]]:
    index = json.loads((OCTOKIT / "webhooks-examples/api.github.com/index.json").read_bytes())
    return {event["name"]: event["examples"] for event in index}


def events() -> list[str]:
    """Return the names of all events that GitHub sends."""
    return sorted(_all_examples())


def examples(event: str, action: str | None = None) -> list[dict[str, Any]]:
    """Return the examples of an event, or of one action; they are the test's own to change."""
    found = [it for it in _all_examples()[event] if action in {None, it.get("action")}]
    copies: list[dict[str, Any]] = json.loads(json.dumps(found))
    return copies


@cache
def openapi() -> dict[str, Any]:
    """Return GitHub's OpenAPI description, with its references unresolved."""
    description: dict[str, Any] = json.loads((OCTOKIT / "openapi/generated/api.github.com.json").read_bytes())
    return description
