import base64
import logging
from typing import Any

import pytest
import responses
from nacl.public import PrivateKey, SealedBox

from app.errors import RemoteConflict
from app.github.client import GitHub
from app.github.repository_settings import GitHubRepositorySettings
from tests.integration.github.recorded import SHOP, sent


def test_a_secret_is_sealed_so_that_only_the_repository_opens_it(
    http: responses.RequestsMock, github: GitHub, writes: list[tuple[str, str]]
) -> None:
    private = PrivateKey.generate()
    public = base64.b64encode(bytes(private.public_key)).decode()
    http.get(f"{SHOP}/actions/secrets/public-key", json={"key_id": "k1", "key": public})
    http.put(f"{SHOP}/actions/secrets/BRANCHLINE_SECRET", status=201, json={})
    GitHubRepositorySettings(github).set_secret("acme/shop", "BRANCHLINE_SECRET", "whsec_é")
    assert sent(http)["key_id"] == "k1"
    sealed = base64.b64decode(sent(http)["encrypted_value"])
    assert SealedBox(private).decrypt(sealed).decode() == "whsec_é"
    assert len(writes) == 1


@pytest.mark.parametrize(
    ("known", "expected"), [(None, ["POST"]), ("other", ["PATCH"]), ("http://control.test", [])]
)
def test_a_variable_is_written_only_when_it_differs(
    http: responses.RequestsMock,
    github: GitHub,
    writes: list[tuple[str, str]],
    known: str | None,
    expected: list[str],
) -> None:
    variables = f"{SHOP}/actions/variables"
    if known is None:
        http.get(f"{variables}/URL", status=404, json={"message": "Not Found"})
        http.post(variables, status=201, json={})
    else:
        http.get(f"{variables}/URL", json={"name": "URL", "value": known})
        if expected:
            http.patch(f"{variables}/URL", status=204)
    GitHubRepositorySettings(github).set_variable("acme/shop", "URL", "http://control.test")
    assert [verb for verb, _ in writes] == expected


def hook(url: str, events: list[str], *, is_active: bool = True) -> dict[str, Any]:
    config = {"url": url, "content_type": "json", "insecure_ssl": "0", "secret": "********"}
    return {"id": len(url), "active": is_active, "events": events, "config": config}


HOOK_URL = "https://control.test/webhooks/github"


def ensure_webhook(github: GitHub) -> None:
    settings = GitHubRepositorySettings(github)
    settings.ensure_webhook("acme/shop", HOOK_URL, "the-secret", ["push", "pull_request"])


def test_a_webhook_is_created_when_only_others_are_there(
    http: responses.RequestsMock, github: GitHub
) -> None:
    http.get(f"{SHOP}/hooks", json=[hook("https://other.test", ["push"])])
    http.post(f"{SHOP}/hooks", status=201, json={"id": 1})
    ensure_webhook(github)
    config = {"url": HOOK_URL, "content_type": "json", "secret": "the-secret", "insecure_ssl": "0"}
    assert sent(http) == {
        "name": "web",
        "active": True,
        "events": ["push", "pull_request"],
        "config": config,
    }


def test_a_webhooks_secret_is_in_no_log(
    http: responses.RequestsMock, github: GitHub, caplog: pytest.LogCaptureFixture
) -> None:
    http.get(f"{SHOP}/hooks", json=[])
    http.post(f"{SHOP}/hooks", status=422, json={"message": "Validation Failed"})
    with caplog.at_level(logging.DEBUG), pytest.raises(RemoteConflict) as caught:
        ensure_webhook(github)
    assert "the-secret" not in caplog.text + str(caught.value) + str(caught.value.details)


def test_a_right_webhook_is_left_alone(
    http: responses.RequestsMock, github: GitHub, writes: list[tuple[str, str]]
) -> None:
    http.get(f"{SHOP}/hooks", json=[hook(HOOK_URL, ["pull_request", "push"])])
    ensure_webhook(github)
    assert writes == []


@pytest.mark.parametrize(
    "known", [hook(HOOK_URL, ["push"]), hook(HOOK_URL, ["push", "pull_request"], is_active=False)]
)
def test_a_wrong_webhook_is_mended_and_keeps_its_secret(
    http: responses.RequestsMock, github: GitHub, known: dict[str, Any]
) -> None:
    http.get(f"{SHOP}/hooks", json=[known])
    http.patch(f"{SHOP}/hooks/{known['id']}", json=known)
    ensure_webhook(github)
    assert sent(http)["active"] is True
    assert sent(http)["events"] == ["push", "pull_request"]
    assert sent(http)["config"]["secret"] == "the-secret"


@pytest.mark.parametrize(("is_there", "expected"), [(True, 0), (False, 1)])
def test_an_environment_that_is_there_keeps_its_rules(
    http: responses.RequestsMock,
    github: GitHub,
    writes: list[tuple[str, str]],
    *,
    is_there: bool,
    expected: int,
) -> None:
    environment = f"{SHOP}/environments/preview"
    http.get(environment, status=200 if is_there else 404, json={"message": "Not Found"})
    if not is_there:
        http.put(environment, json={})
    GitHubRepositorySettings(github).ensure_environment("acme/shop", "preview")
    assert len(writes) == expected
