"""Signing in with the sandbox's GitHub: the web flow with PKCE, the device flow, and what they refuse."""

import base64
import hashlib
import json
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest

from sandbox.github.oauth import codes
from tests.contract.sandbox_github.driver import World

CALLBACK = "http://127.0.0.1:4711/login/callback"
VERIFIER = "a-verifier-that-is-at-least-forty-three-characters-long"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


@pytest.fixture
def client(world: World) -> dict[str, str]:
    found: dict[str, str] = json.loads((world.server.site.settings.directory / "oauth.json").read_text())
    return found


@pytest.fixture
def browser(world: World) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=world.url, timeout=60) as opened:
        yield opened


def sit_down(browser: httpx.Client, login: str = "ada") -> None:
    assert browser.post("/session", data={"login": login}).status_code == 302


def question(client: dict[str, str], **more: str) -> dict[str, str]:
    asked = {"client_id": client["clientId"], "redirect_uri": CALLBACK, "state": "s t&te"}
    return asked | {"code_challenge": CHALLENGE, "code_challenge_method": "S256"} | more


def decide(browser: httpx.Client, asked: dict[str, str], decision: str = "allow") -> dict[str, list[str]]:
    page = browser.get("/login/oauth/authorize", params=asked)
    assert page.status_code == 200
    key = re.findall(r'name="key" value="(\w+)"', page.text)[0]
    answer = browser.post("/login/oauth/authorize", params=asked, data={"key": key, "decision": decision})
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(CALLBACK)
    return parse_qs(urlsplit(answer.headers["Location"]).query)


def exchange(world: World, client: dict[str, str], **more: str) -> dict[str, Any]:
    given = {"client_id": client["clientId"], "client_secret": client["clientSecret"], **more}
    answer = httpx.post(
        f"{world.url}/login/oauth/access_token", data=given, headers={"Accept": "application/json"}
    )
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def login_of(world: World, token: str) -> str:
    answer = httpx.get(f"{world.url}/api/v3/user", headers={"Authorization": f"Bearer {token}"})
    return str(answer.json()["login"])


def test_a_person_lets_an_application_know_who_they_are(
    world: World, client: dict[str, str], browser: httpx.Client
) -> None:
    asked = question(client)
    first = browser.get("/login/oauth/authorize", params=asked)
    assert first.status_code == 302
    assert first.headers["Location"].startswith("/login?return_to=")
    sit_down(browser)
    told = decide(browser, asked)
    assert told["state"] == ["s t&te"]
    answer = exchange(world, client, code=told["code"][0], code_verifier=VERIFIER)
    assert answer["token_type"] == "bearer"
    assert login_of(world, answer["access_token"]) == "ada"
    assert exchange(world, client, code=told["code"][0], code_verifier=VERIFIER)["error"] == (
        "bad_verification_code"
    )


def test_an_answer_is_a_form_unless_json_is_asked_for(world: World, client: dict[str, str]) -> None:
    given = {"client_id": client["clientId"], "client_secret": "wrong", "code": "x"}
    answer = httpx.post(f"{world.url}/login/oauth/access_token", data=given)
    assert dict(parse_qsl(answer.text))["error"] == "incorrect_client_credentials"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_verifier": "another-verifier-than-that-of-the-question"}, "bad_verification_code"),
        ({"code_verifier": ""}, "bad_verification_code"),
        ({"code": "0" * 20}, "bad_verification_code"),
        ({"client_secret": "wrong"}, "incorrect_client_credentials"),
        ({"client_id": "Iv1.unknown"}, "incorrect_client_credentials"),
        ({"redirect_uri": "http://127.0.0.1:1/other"}, "redirect_uri_mismatch"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_wrong_exchange_gives_no_token(
    world: World, client: dict[str, str], browser: httpx.Client, changed: dict[str, str], error: str
) -> None:
    sit_down(browser)
    code = decide(browser, question(client))["code"][0]
    answer = exchange(world, client, **({"code": code, "code_verifier": VERIFIER} | changed))
    assert answer["error"] == error
    assert "access_token" not in answer


def test_who_refuses_is_sent_back_without_a_code(client: dict[str, str], browser: httpx.Client) -> None:
    sit_down(browser)
    told = decide(browser, question(client), "deny")
    assert told["error"] == ["access_denied"]
    assert "code" not in told


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "http://evil.example/login/callback",
        "http://127.0.0.1@evil.example/",
        "javascript:alert(1)",
        "http://127.0.0.1/a/../b",
    ],
)
def test_nobody_is_sent_elsewhere(client: dict[str, str], browser: httpx.Client, address: str) -> None:
    sit_down(browser)
    answer = browser.get("/login/oauth/authorize", params=question(client, redirect_uri=address))
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("http://127.0.0.1/?error=redirect_uri_mismatch")
    sent = browser.post(
        "/login/oauth/authorize", params=question(client, redirect_uri=address), data={"decision": "allow"}
    )
    assert sent.status_code == 403


@pytest.mark.parametrize("address", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_sitting_down_leads_nowhere_else(browser: httpx.Client, address: str) -> None:
    answer = browser.post("/session", data={"login": "ada", "return_to": address})
    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize("login", ["acme", "branchline-bot", "github-actions[bot]", "nobody"])
def test_only_people_sit_down(browser: httpx.Client, login: str) -> None:
    assert browser.post("/session", data={"login": login}).status_code == 404


def begin_device(world: World, client: dict[str, str]) -> dict[str, Any]:
    answer = httpx.post(
        f"{world.url}/login/device/code",
        json={"client_id": client["clientId"], "scope": "read:user"},
        headers={"Accept": "application/json"},
    )
    body: dict[str, Any] = answer.json()
    return body


def poll(world: World, client: dict[str, str], device_code: str) -> dict[str, Any]:
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    return exchange(world, client, grant_type=grant, device_code=device_code, client_secret="")


def answer_device(browser: httpx.Client, user_code: str, decision: str) -> httpx.Response:
    sit_down(browser)
    page = browser.get("/login/device")
    key = re.findall(r'name="key" value="(\w+)"', page.text)[0]
    return browser.post("/login/device", data={"key": key, "user_code": user_code, "decision": decision})


def test_a_device_is_connected(
    world: World, client: dict[str, str], browser: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "INTERVAL_SECONDS", 0)
    begun = begin_device(world, client)
    assert begun["verification_uri"] == f"{world.url}/login/device"
    assert poll(world, client, begun["device_code"])["error"] == "authorization_pending"
    assert answer_device(browser, begun["user_code"].lower(), "allow").status_code == 200
    token = poll(world, client, begun["device_code"])
    assert (login_of(world, token["access_token"]), token["scope"]) == ("ada", "read:user")
    assert poll(world, client, begun["device_code"])["error"] == "expired_token"


def test_who_asks_too_often_is_slowed_down(world: World, client: dict[str, str]) -> None:
    begun = begin_device(world, client)
    assert poll(world, client, begun["device_code"])["error"] == "authorization_pending"
    slowed = poll(world, client, begun["device_code"])
    assert (slowed["error"], slowed["interval"]) == ("slow_down", begun["interval"] + 5)


def test_a_device_is_refused(world: World, client: dict[str, str], browser: httpx.Client) -> None:
    begun = begin_device(world, client)
    answer_device(browser, begun["user_code"], "deny")
    assert poll(world, client, begun["device_code"])["error"] == "access_denied"


def test_a_device_s_time_ends(
    world: World, client: dict[str, str], browser: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = begin_device(world, client)
    later = time.time() + codes.DEVICE_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert answer_device(browser, begun["user_code"], "allow").status_code == 404
    assert poll(world, client, begun["device_code"])["error"] == "expired_token"


def test_no_other_site_can_send_a_person_s_form(client: dict[str, str], browser: httpx.Client) -> None:
    sit_down(browser)
    answer = browser.post(
        "/login/oauth/authorize", params=question(client), data={"key": "guess", "decision": "allow"}
    )
    assert answer.status_code == 403


def test_a_token_is_taken_back(world: World, client: dict[str, str], browser: httpx.Client) -> None:
    sit_down(browser)
    code = decide(browser, question(client))["code"][0]
    token = exchange(world, client, code=code, code_verifier=VERIFIER)["access_token"]
    place = f"{world.url}/api/v3/applications/{client['clientId']}/token"
    wrong = httpx.request("DELETE", place, json={"access_token": token}, auth=(client["clientId"], "wrong"))
    assert wrong.status_code == 404
    auth = (client["clientId"], client["clientSecret"])
    assert httpx.request("DELETE", place, json={"access_token": token}, auth=auth).status_code == 204
    answer = httpx.get(f"{world.url}/api/v3/user", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
