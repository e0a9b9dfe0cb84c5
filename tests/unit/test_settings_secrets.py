"""Secrets among the settings: none ever shows, whether it is printed, logged, pickled or malformed."""

import copy
import dataclasses
import json
import logging
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from app.settings import Secret, Settings
from tests.unit.environ import ENVIRON, FERNET_KEY, refusal


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BRANCHLINE_SECRET_KEY", "canary"),
        ("BRANCHLINE_API_TOKEN", "canary"),
        ("GITHUB_PRIVATE_KEY", "canary"),
        # httpx and requests would quote a token that is no header's value in full.
        ("BRANCHLINE_API_TOKEN", "canary-with-another\nline"),
        ("BRANCHLINE_ENCRYPTION_KEYS", f"canary,{FERNET_KEY}"),
        ("GITHUB_TOKEN", "canary\nline"),
        ("CLOUDFLARE_API_TOKEN", "canary\nline"),
        ("AWS_SECRET_ACCESS_KEY", "canary\nline"),
    ],
)
def test_a_malformed_secret_is_not_repeated(name: str, value: str) -> None:
    refused = refusal({**ENVIRON, name: value})
    assert "canary" not in str(refused)
    assert refused.__cause__ is None


def test_a_malformed_database_address_does_not_tell_a_piece_of_its_password() -> None:
    refused = refusal({**ENVIRON, "DATABASE_URL": "postgresql://u:canary#x@db/x"})
    assert "canary" not in str(refused)


@pytest.mark.parametrize("show", [repr, str, format, lambda value: f"{value}", lambda value: f"{value!r:>5}"])
def test_settings_show_no_secret(show: Callable[[Any], str]) -> None:
    settings = Settings.from_environ(ENVIRON)
    for value in (settings, settings.github, settings.cloudflare, settings.secret_key):
        assert not any(it in show(value) for it in ("canary", FERNET_KEY))


def test_settings_log_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings.from_environ(ENVIRON)
    logging.getLogger("test").warning("%s %r %s", settings, settings.github, [settings.api_token])
    assert "canary" not in caplog.text
    assert "Secret(" in caplog.text


@pytest.mark.parametrize("leave", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, vars])
def test_a_secret_leaves_only_by_being_asked_for(leave: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError) as refused:
        leave(Secret("canary"))
    assert "canary" not in str(refused.value)
    assert Secret("canary").reveal() == "canary"


def test_settings_are_not_pickled() -> None:
    settings = Settings.from_environ(ENVIRON)
    for dump in (pickle.dumps, dataclasses.asdict):
        with pytest.raises(TypeError):
            dump(settings)


def test_secrets_are_compared_by_value_and_are_true_when_there_is_one() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
    assert Secret("a")
    assert not Secret("")
