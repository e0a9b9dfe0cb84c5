"""The files that every app gets: JSON, whatever an app is called."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.addresses import Addresses
from app.domain.environments import Environment
from app.render.worker import render_worker_files
from tests.builders import an_app

ADDRESSES = Addresses("https://apps.test", "https://dispatch.test")
HOSTILE = [
    '"',
    "\\",
    '", "main": "evil.js',
    "a\nb",
    'a\r"main": "evil.js"',
    "a\u2028b",
    "*/ /* //",
    "{{7*7}}",
    "{% raw %}",
    "{{cycler.__init__.__globals__}}",
    "!!python/object",
    ": &a *a",
    "</script>",
    "\ud800",
    "\0",
    "yes",
    "1e3",
]


def read(**changes: Any) -> dict[str, Any]:
    """Return both files as JSON values, by path; only whole lines are comments in ours."""
    files = {file.path: file.content.decode() for file in render_worker_files(an_app(**changes), ADDRESSES)}
    assert set(files) == {"wrangler.jsonc", "branchline.json"}
    without_comments = re.sub(r"^\s*//[^\n]*\n", "", files["wrangler.jsonc"], flags=re.MULTILINE)
    return {
        "wrangler.jsonc": json.loads(without_comments),
        "branchline.json": json.loads(files["branchline.json"]),
    }


def test_wrangler_is_told_little() -> None:
    assert read()["wrangler.jsonc"] == {
        "$schema": "node_modules/wrangler/config-schema.json",
        "name": "slug0001",
        "main": "worker/index.ts",
        "compatibility_date": "2026-11-01",
        "compatibility_flags": ["enable_request_signal"],
        "assets": {"not_found_handling": "single-page-application", "run_worker_first": ["/api/*"]},
    }


def test_an_app_has_a_card() -> None:
    assert read()["branchline.json"] == {
        "app": "app-1",
        "id": "app_0001",
        "slug": "slug0001",
        "branches": {"main": "production", "staging": "staging"},
        "addresses": {
            "production": "https://slug0001.apps.test",
            "staging": "https://staging-slug0001.apps.test",
            "preview": "https://preview-slug0001.apps.test",
        },
    }


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_hostile_name_stays_a_name(text: str) -> None:
    files = read(name=text, slug=text, branches={text: Environment.STAGING})
    assert files["wrangler.jsonc"] == {**read()["wrangler.jsonc"], "name": text}
    card = files["branchline.json"]
    assert (card["app"], card["slug"], card["branches"]) == (text, text, {text: "staging"})


@given(st.text())
def test_no_name_leaves_its_place(text: str) -> None:
    assert read(name=text)["wrangler.jsonc"] == read()["wrangler.jsonc"]
    assert read(name=text)["branchline.json"]["app"] == text


def test_the_same_app_gets_the_same_bytes() -> None:
    assert render_worker_files(an_app(), ADDRESSES) == render_worker_files(an_app(), ADDRESSES)
