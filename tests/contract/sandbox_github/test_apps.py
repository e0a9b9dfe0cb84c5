"""GitHub Apps: JWTs, installation tokens and the App's own webhook."""

import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from github import Auth, Github, GithubIntegration

from tests.contract.sandbox_github.driver import SECRET, Caller, Receiver, World, eventually


@pytest.fixture(scope="module")
def kept(world: World) -> dict[str, Any]:
    """Return what an operator is given: id, installation and private key."""
    found: dict[str, Any] = json.loads((world.server.site.settings.directory / "app.json").read_text())
    return found


def signed(kept: dict[str, Any], key: Any = None, **claims: Any) -> str:
    present = int(time.time())
    whole = {"iat": present - 30, "exp": present + 500, "iss": str(kept["id"]), **claims}
    return jwt.encode(whole, key or kept["privateKey"], algorithm="RS256")


@pytest.fixture
def app(world: World, kept: dict[str, Any]) -> Caller:
    return world.caller(signed(kept))


def test_an_app_shows_itself_and_its_installations(app: Caller, kept: dict[str, Any]) -> None:
    assert app("GET", "/app", 200)["slug"] == "branchline"
    # The description of this list asks each account to be a user and an enterprise at once.
    listed = app.client.get("/app/installations").json()
    assert [one["id"] for one in listed] == [kept["installationId"]]
    for path in ("/orgs/acme/installation", "/repos/acme/template/installation"):
        assert app("GET", path, 200)["id"] == kept["installationId"]


@pytest.mark.parametrize(
    "claims", [{"exp": 1}, {"exp": int(time.time()) + 3600}, {"iss": "999"}, {"iat": None}]
)
def test_a_jwt_with_wrong_claims_is_refused(
    world: World, kept: dict[str, Any], claims: dict[str, Any]
) -> None:
    assert world.caller(signed(kept, **claims)).client.get("/app").status_code == 401


def test_a_jwt_of_another_key_is_refused(world: World, kept: dict[str, Any]) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert world.caller(signed(kept, other)).client.get("/app").status_code == 401
    assert world.bot.client.get("/app").status_code == 401


def test_an_installations_token_administers_its_repositories(
    world: World, app: Caller, kept: dict[str, Any], repository: str, receiver: Receiver
) -> None:
    world.hook(repository, receiver)
    path = f"/app/installations/{kept['installationId']}/access_tokens"
    token = app("POST", path, 201)["token"]
    installed = world.caller(token)
    installed("PUT", f"/repos/{repository}/environments/preview", 200)
    number = world.pull(repository)["number"]
    made = installed("POST", f"/repos/{repository}/issues/{number}/comments", 201, {"body": "Hello"})
    assert (made["user"]["login"], made["user"]["type"]) == ("branchline[bot]", "Bot")
    (told,) = receiver.wait("issue_comment:created")
    told.check()
    assert installed("GET", "/installation/repositories", 200)["total_count"] > 0
    installed("GET", "/user", 403)


def test_a_token_may_be_for_one_repository(
    world: World, app: Caller, kept: dict[str, Any], repository: str
) -> None:
    path, other = f"/app/installations/{kept['installationId']}/access_tokens", world.repository(private=True)
    name = repository.partition("/")[2]
    made = app("POST", path, 201, {"repositories": [name]})
    assert [one["full_name"] for one in made["repositories"]] == [repository]
    chosen = world.caller(made["token"])
    chosen("GET", f"/repos/{repository}/hooks", 200)
    chosen("GET", f"/repos/{other}", 404)
    app("POST", path, 422, {"repositories": ["none-such"]})


def test_an_apps_webhook_hears_every_repository(
    world: World, app: Caller, kept: dict[str, Any], repository: str, receiver: Receiver
) -> None:
    config = {"url": receiver.url, "content_type": "json", "secret": SECRET}
    assert app("PATCH", "/app/hook/config", 200, config)["secret"] == "********"
    world.commit(repository, "main", {"a": "b"})
    (push,) = receiver.wait("push")
    push.check()
    assert push.is_signed()
    assert push.body["installation"]["id"] == kept["installationId"]
    assert push.headers["X-GitHub-Hook-Installation-Target-Type"] == "integration"
    deliveries = eventually(lambda: app("GET", "/app/hook/deliveries", 200))
    app("GET", f"/app/hook/deliveries/{deliveries[0]['id']}", 200)
    app("POST", f"/app/hook/deliveries/{deliveries[0]['id']}/attempts", 202)
    eventually(lambda: len(app("GET", "/app/hook/deliveries", 200)) == 2)
    guids = {delivery["guid"] for delivery in app("GET", "/app/hook/deliveries", 200)}
    assert guids == {push.headers["X-GitHub-Delivery"]}
    world.server.site.database.execute("UPDATE hooks SET active = 0 WHERE app_id IS NOT NULL")


def test_pygithub_signs_in_as_the_app(world: World, kept: dict[str, Any], repository: str) -> None:
    base_url = f"{world.url}/api/v3"
    auth = Auth.AppAuth(kept["id"], kept["privateKey"])
    with GithubIntegration(auth=auth, base_url=base_url) as integration:
        installation = integration.get_repo_installation(*repository.split("/"))
        token = integration.get_access_token(installation.id).token
    with Github(auth=Auth.Token(token), base_url=base_url) as client:
        assert client.get_repo(repository).permissions.admin
