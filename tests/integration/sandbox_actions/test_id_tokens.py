"""Jobs that fetch an identity token: real runs by act, verified as somebody outside would."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from tests.integration.sandbox_actions.hub import WORKFLOW

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.sandbox_actions.hub import Hub

_AUDIENCE = "https://branchline.example/a b"
_TEXT = """
name: Deploy
on: {push: {branches: [main]}, pull_request: }
permissions: {contents: read}
jobs:
  deploy:
    runs-on: ubuntu-latest
    permissions: {contents: read, id-token: write}
    environment:
      name: ${{ github.event_name == 'pull_request' && 'preview' ||
        fromJSON(vars.BRANCHLINE_ENVIRONMENTS || '{"main":"production","staging":"staging"}')[github.ref_name]
        || 'preview' }}
      deployment: false
    steps:
      - env: {AUDIENCE: "https://branchline.example/a b", NOTES: "${{ vars.NOTES }}"}
        run: |
          node --input-type=module -e '
            import { appendFileSync } from "node:fs";
            const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } = process.env;
            if (!url && !token) { console.log("no identity"); process.exit(); }
            const headers = { authorization: `bearer ${token}` };
            const asked = `${url}&audience=${encodeURIComponent(process.env.AUDIENCE)}`;
            const { count, value } = await (await fetch(asked, { headers })).json();
            console.log(`identity ${value} of ${count}, asked with ${token}`);
            if (process.env.NOTES) appendFileSync(process.env.NOTES, JSON.stringify({ url, token }));
          '
  test:
    runs-on: ubuntu-latest
    steps: [{run: 'echo "identity [$ACTIONS_ID_TOKEN_REQUEST_URL$ACTIONS_ID_TOKEN_REQUEST_TOKEN]"'}]
"""


@pytest.fixture(scope="module")
def shop(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Path]:
    """Return a repository whose workflow fetches a token, the pushed commit, and where that is noted."""
    name, notes = hub.repository(), tmp_path_factory.mktemp("notes") / "notes"
    wanted = {"name": "NOTES", "value": str(notes)}
    hub.bot("POST", f"/repos/{name}/actions/variables", 201, wanted)
    return name, hub.commit(name, "main", {WORKFLOW: _TEXT}), notes


def _verified(hub: Hub, token: str, audience: str = _AUDIENCE) -> dict[str, Any]:
    """Return a token's claims, verified from nothing but the issuer's address."""
    found = hub.web.get("/_services/token/.well-known/openid-configuration").json()
    keys = jwt.PyJWKSet.from_dict(hub.web.get(found["jwks_uri"]).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    required = ["iss", "aud", "exp", "iat", "nbf", "sub", "jti"]
    claims: dict[str, Any] = jwt.decode(
        token, key, ["RS256"], audience=audience, issuer=found["issuer"], options={"require": required}
    )
    assert set(claims) <= set(found["claims_supported"])
    return claims


def _identity(hub: Hub, name: str, run: dict[str, Any]) -> dict[str, Any]:
    log = hub.log(name, run)
    found = re.search(r"identity (\S+) of (\d+), asked with \*\*\*", log)
    assert found, log
    assert len(found[1]) == int(found[2])
    return _verified(hub, found[1])


def test_a_push_is_told_by_githubs_claims(hub: Hub, shop: tuple[str, str, Path]) -> None:
    name, sha, _ = shop
    repository, bot = hub.bot("GET", f"/repos/{name}", 200), hub.bot("GET", "/user", 200)
    run = hub.run(name, sha)
    claims = _identity(hub, name, run)

    assert claims.pop("exp") - claims.pop("iat") == 300
    assert claims.pop("nbf")
    assert claims.pop("jti")
    workflow = f"{name}/{WORKFLOW}@refs/heads/main"
    assert claims == {
        "sub": f"repo:acme@{repository['owner']['id']}/{repository['name']}@{repository['id']}"
        ":environment:production",
        "aud": _AUDIENCE,
        "iss": f"{hub.url}/_services/token",
        "ref": "refs/heads/main",
        "ref_type": "branch",
        "ref_protected": "false",
        "sha": sha,
        "repository": name,
        "repository_id": str(repository["id"]),
        "repository_owner": "acme",
        "repository_owner_id": str(repository["owner"]["id"]),
        "repository_visibility": "public",
        "run_id": str(run["id"]),
        "run_number": str(run["run_number"]),
        "run_attempt": "1",
        "actor": bot["login"],
        "actor_id": str(bot["id"]),
        "workflow": "Deploy",
        "workflow_ref": workflow,
        "workflow_sha": sha,
        "job_workflow_ref": workflow,
        "job_workflow_sha": sha,
        "head_ref": "",
        "base_ref": "",
        "event_name": "push",
        "environment": "production",
        "runner_environment": "github-hosted",
    }


def test_a_job_that_did_not_ask_gets_nothing_and_no_environment_makes_a_deployment(
    hub: Hub, shop: tuple[str, str, Path]
) -> None:
    name, sha, _ = shop

    assert "identity []" in hub.log(name, hub.run(name, sha))
    assert hub.bot("GET", f"/repos/{name}/deployments", 200) == []


def test_what_a_job_asks_with_ends_with_its_run(hub: Hub, shop: tuple[str, str, Path]) -> None:
    name, sha, notes = shop
    hub.run(name, sha)
    asked = json.loads(notes.read_text())

    for token in (asked["token"], "wrong"):
        answer = hub.web.get(asked["url"], headers={"Authorization": f"bearer {token}"})
        assert answer.status_code == 401
    assert hub.web.get(asked["url"]).status_code == 401


def test_a_rerun_is_told_as_the_next_attempt(hub: Hub) -> None:
    name = hub.repository()
    sha = hub.commit(name, "main", {WORKFLOW: _TEXT})
    first = hub.run(name, sha)
    with hub.pygithub() as client:
        assert client.get_repo(name).get_workflow_run(first["id"]).rerun()

    second = hub.run(name, sha, attempt=2)

    assert (second["id"], second["run_number"]) == (first["id"], first["run_number"])
    claims = _identity(hub, name, second)
    assert (claims["run_id"], claims["run_attempt"]) == (str(first["id"]), "2")


def test_a_pull_request_is_told_by_its_merge(hub: Hub, shop: tuple[str, str, Path]) -> None:
    name, _, _ = shop
    pull = hub.pull(name)

    claims = _identity(hub, name, hub.run(name, pull["head"]["sha"]))

    ref = f"refs/pull/{pull['number']}/merge"
    assert (claims["ref"], claims["ref_type"], claims["sha"]) == (ref, "branch", pull["merge_commit_sha"])
    assert (claims["head_ref"], claims["base_ref"]) == ("feature", "main")
    assert claims["job_workflow_ref"] == f"{name}/{WORKFLOW}@{ref}"
    assert (claims["event_name"], claims["environment"]) == ("pull_request", "preview")
    assert claims["sub"].endswith(":environment:preview")
    assert claims["actor"] == "ada"


def test_a_pull_request_from_a_fork_gets_nothing(hub: Hub, shop: tuple[str, str, Path]) -> None:
    name, sha, _ = shop
    hub.run(name, sha)
    pull = hub.fork_pull(name, {"gift.txt": "for you"})

    run = hub.run(name, pull["head"]["sha"])

    assert (run["event"], run["conclusion"]) == ("pull_request", "success")
    assert run["head_repository"]["full_name"].startswith("mallory/")
    assert "no identity" in hub.log(name, run)


def test_keys_are_rotated_by_the_organisations_owners_only(hub: Hub) -> None:
    keys = f"{hub.url}/_services/token/keys"
    assert [caller.client.post(keys).status_code for caller in (hub.anybody, hub.ada)] == [401, 403]

    made = hub.bot.client.post(keys)

    assert made.status_code == 201
    published = hub.web.get("/_services/token/.well-known/jwks").json()["keys"]
    assert published[0]["kid"] == made.json()["kid"]
    assert len(published) == 3
    assert hub.bot.client.delete(f"{keys}/{published[-1]['kid']}").status_code == 204
    assert hub.bot.client.delete(f"{keys}/nothing").status_code == 404
    assert hub.web.get("/_services/token/.well-known/jwks").json()["keys"] == published[:-1]
