"""Recorded answers of GitHub, and what was sent to it."""

import json
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import responses

from tests.accounts import github_settings

NOW: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
SETTINGS: Final = github_settings()
API: Final = SETTINGS.api_url
SHOP: Final = f"{API}/repos/acme/shop"
PARENT, TREE, MADE_TREE, BLOB, MADE = "a" * 40, "b" * 40, "c" * 40, "d" * 40, "e" * 40
REPOSITORY: dict[str, Any] = {
    "id": 7,
    "full_name": "acme/shop",
    "owner": {"id": 42, "login": "acme"},
    "html_url": "https://github.com/acme/shop",
    "clone_url": "https://github.com/acme/shop.git",
    "default_branch": "main",
    "private": False,
    "fork": True,
    "parent": {"id": 1, "full_name": "acme/template"},
    "created_at": "2026-11-22T11:59:00Z",
}


def sent(http: responses.RequestsMock, index: int = -1) -> Any:
    """Return the JSON of a request's body, by default the last one's."""
    body = http.calls[index].request.body
    assert isinstance(body, str | bytes)
    return json.loads(body)


def query(http: responses.RequestsMock, index: int = 0) -> dict[str, str]:
    """Return a request's query, by default the first one's."""
    return dict(parse_qsl(urlsplit(str(http.calls[index].request.url)).query))
