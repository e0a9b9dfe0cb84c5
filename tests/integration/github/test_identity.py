"""Who we are on GitHub: a token's owner, or an App's installation."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import responses
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.errors import Misconfigured, RemoteForbidden, RemoteUnavailable
from app.github.client import GitHub
from app.github.comments import GitHubComments
from app.github.repositories import GitHubRepositories
from app.settings import GitHubSettings, Secret
from tests.accounts import github_settings
from tests.integration.github.recorded import API, SHOP

TOKENS = f"{API}/app/installations/42/access_tokens"
BY_TOKEN = github_settings()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def by_app(key: rsa.RSAPrivateKey) -> GitHubSettings:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return replace(BY_TOKEN, token=None, app_id="99", private_key=Secret(pem))


def now() -> datetime:
    return datetime.now(UTC)


def installed(http: responses.RequestsMock) -> None:
    http.get(f"{API}/orgs/acme/installation", json={"id": 42})
    expires_at = (now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    http.post(TOKENS, status=201, json={"token": "ghs_installation", "expires_at": expires_at})


def authorizations(http: responses.RequestsMock, path: str) -> list[Any]:
    return [it.request.headers["Authorization"] for it in http.calls if str(it.request.url) == path]


def test_a_token_is_sent_with_every_request(http: responses.RequestsMock) -> None:
    http.delete(SHOP, status=204)
    GitHubRepositories(GitHub(BY_TOKEN, now)).delete("acme/shop")
    assert authorizations(http, SHOP) == ["token ghp_token_of_the_test"]


def test_an_app_acts_as_its_installation_and_asks_once_which(
    http: responses.RequestsMock, by_app: GitHubSettings, key: rsa.RSAPrivateKey
) -> None:
    installed(http)
    http.delete(SHOP, status=204)
    writes: list[tuple[str, str]] = []
    repositories = GitHubRepositories(GitHub(by_app, now, on_write=lambda *it: writes.append(it)))
    repositories.delete("acme/shop")
    repositories.delete("acme/shop")
    assert authorizations(http, SHOP) == ["token ghs_installation"] * 2
    (asked,) = authorizations(http, f"{API}/orgs/acme/installation")
    claims = jwt.decode(asked.removeprefix("Bearer "), key.public_key(), algorithms=["RS256"])
    assert claims["iss"] == "99"
    assert len(authorizations(http, TOKENS)) == 1
    assert writes == [("DELETE", "/repos/acme/shop")] * 2  # a token is no content: it is not paced


def test_an_apps_comments_are_found_by_its_bot(http: responses.RequestsMock, by_app: GitHubSettings) -> None:
    installed(http)
    http.get(f"{API}/app", json={"slug": "branchline"})
    comments = [
        {"id": 1, "user": {"login": "branchline"}, "body": "<!-- m -->"},
        {"id": 2, "user": {"login": "branchline[bot]"}, "body": "<!-- m -->"},
    ]
    http.get(f"{SHOP}/issues/7/comments", json=comments)
    ours = GitHubComments(GitHub(by_app, now))
    assert [ours.find("acme/shop", 7, "<!-- m -->") for _ in range(2)] == [2, 2]
    assert len(authorizations(http, f"{API}/app")) == 1


def test_an_app_that_is_not_installed_is_forbidden(
    http: responses.RequestsMock, by_app: GitHubSettings
) -> None:
    http.get(f"{API}/orgs/acme/installation", status=404, json={"message": "Not Found"})
    with pytest.raises(RemoteForbidden, match="not installed there"):
        GitHubRepositories(GitHub(by_app, now)).find("acme/shop")


@pytest.mark.parametrize(
    ("status", "message", "problem"),
    [
        (404, "Not Found", "the installation is gone"),
        (403, "This installation has been suspended", "suspended"),
    ],
)
def test_a_lost_installation_is_not_an_absent_repository(
    http: responses.RequestsMock, by_app: GitHubSettings, status: int, message: str, problem: str
) -> None:
    http.get(f"{API}/orgs/acme/installation", json={"id": 42})
    http.post(TOKENS, status=status, json={"message": message})
    with pytest.raises(RemoteForbidden, match=problem):
        GitHubRepositories(GitHub(by_app, now)).find("acme/shop")


def test_an_outage_while_asking_for_a_token_is_unavailable(
    http: responses.RequestsMock, by_app: GitHubSettings
) -> None:
    http.get(f"{API}/orgs/acme/installation", json={"id": 42})
    http.post(TOKENS, status=503, json={"message": "down"})
    with pytest.raises(RemoteUnavailable, match=r"^finding acme/shop: down$"):
        GitHubRepositories(GitHub(by_app, now)).find("acme/shop")


@pytest.mark.parametrize(
    "pem", ["-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "PRIVATE KEY-----"]
)
def test_an_unreadable_key_is_no_start(by_app: GitHubSettings, pem: str) -> None:
    with pytest.raises(Misconfigured, match="GITHUB_PRIVATE_KEY") as caught:
        GitHub(replace(by_app, private_key=Secret(pem)), now)
    assert "AAAA" not in str(caught.value)


def test_no_credential_is_no_start() -> None:
    with pytest.raises(Misconfigured, match="GITHUB_TOKEN"):
        GitHub(replace(BY_TOKEN, token=None), now)
