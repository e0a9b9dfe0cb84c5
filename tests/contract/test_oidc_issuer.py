"""Our verifier on the tokens of the sandbox's issuer: two readings of what GitHub documents, over HTTP."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from werkzeug.serving import make_server

from app.errors import Unauthenticated
from app.github.claims import unsorted
from app.github.keys import COOLDOWN_SECONDS, SigningKeys
from app.github.oidc import OidcVerifier
from sandbox.actions.oidc import routes
from sandbox.actions.oidc.claims import SUPPORTED, of_job
from sandbox.actions.oidc.issuer import REQUEST_TOKEN, REQUEST_URL, Issuer
from sandbox.actions.workflows import Job

AUDIENCE = "https://branchline.test"
WORKFLOW = "acme/shop/.github/workflows/deploy.yml"
JOB = Job("deploy", "Deploy", (), ("ubuntu-latest",), (), has_matrix=False)
PUSH = {
    "ref": "refs/heads/main",
    "sha": "a" * 40,
    "repository": "acme/shop",
    "repository_id": "7",
    "repository_owner": "acme",
    "repository_owner_id": "3",
    "run_id": "9",
    "run_number": "4",
    "run_attempt": "2",
    "actor": "ada",
    "actor_id": "5",
    "workflow": "Deploy",
    "head_ref": "",
    "base_ref": "",
    "event_name": "push",
    "ref_type": "branch",
    "workflow_sha": "a" * 40,
    "workflow_ref": f"{WORKFLOW}@refs/heads/main",
}
PULL = PUSH | {
    "event_name": "pull_request",
    "ref": "refs/pull/12/merge",
    "head_ref": "blue",
    "base_ref": "main",
    "workflow_ref": f"{WORKFLOW}@refs/pull/12/merge",
}


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[Issuer]:
    site = flask.Flask("site")
    server = make_server("127.0.0.1", 0, site, threaded=True)
    issuer = Issuer(tmp_path, f"http://127.0.0.1:{server.server_port}")
    site.register_blueprint(routes.blueprint(issuer, check_administrator=lambda: None))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield issuer
    server.shutdown()
    thread.join()
    server.server_close()


def token(issuer: Issuer, run: dict[str, str], environment: str | None, audience: str = AUDIENCE) -> str:
    admitted = issuer.admit(9, "deploy", of_job(run, {"private": False}, JOB, environment))
    place = admitted[REQUEST_URL].partition("/hubs/Actions/")[2].partition("/idtoken")[0]
    return issuer.issue(admitted[REQUEST_TOKEN], place, audience)


def verifier(issuer: Issuer, **given: Any) -> OidcVerifier:
    return OidcVerifier(issuer.url, AUDIENCE, given.get("keys") or SigningKeys.of_issuer(issuer.url))


def test_a_push_is_read_as_it_was_said(issuer: Issuer) -> None:
    claims = verifier(issuer).verify(token(issuer, PUSH, "production"))
    assert (claims.repository_id, claims.owner_id) == (7, 3)
    assert (claims.event, claims.branch, claims.pull_request) == ("push", "main", None)
    assert (claims.commit, claims.environment) == ("a" * 40, "production")
    assert (claims.run_id, claims.run_number, claims.run_attempt) == (9, 4, 2)


def test_a_pull_request_is_read_as_it_was_said(issuer: Issuer) -> None:
    claims = verifier(issuer).verify(token(issuer, PULL, "preview"))
    assert (claims.event, claims.branch, claims.pull_request) == ("pull_request", "blue", 12)
    assert claims.environment == "preview"


def test_each_token_has_an_id_of_its_own(issuer: Issuer) -> None:
    believing = verifier(issuer)
    ids = {believing.verify(token(issuer, PUSH, "production")).token_id for _ in range(3)}
    assert len(ids) == 3


def test_a_token_for_somebody_else_is_refused(issuer: Issuer) -> None:
    for audience in ("", "sts.amazonaws.com", f"{AUDIENCE}/"):
        with pytest.raises(Unauthenticated) as refused:
            verifier(issuer).verify(token(issuer, PUSH, "production", audience))
        assert refused.value.error_code == "oidc:wrong-audience"


def test_a_rotated_key_is_followed(issuer: Issuer) -> None:
    now = [0.0]
    keys = SigningKeys.of_issuer(issuer.url, clock=lambda: now[0])
    believing = verifier(issuer, keys=keys)
    believing.verify(token(issuer, PUSH, "production"))
    issuer.keys.rotate()
    now[0] += COOLDOWN_SECONDS
    assert believing.verify(token(issuer, PUSH, "production")).run_id == 9


def test_the_sandbox_says_nothing_that_is_not_sorted() -> None:
    assert unsorted(SUPPORTED) == set()
