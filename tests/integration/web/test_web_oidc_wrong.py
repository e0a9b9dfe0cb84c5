"""Wrong tokens of GitHub's open nothing; a repository that moves or is renamed stays what it is."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from app.domain.apps import AppStatus
from tests import issuer
from tests.builders import a_repository
from tests.integration.web.proofs import assert_refused
from tests.integration.web.world import World, a_message, deployments, error_of
from tests.issuer import branch_claims, claims, pull_claims, sign, token, unsigned, workflow_ref


@pytest.fixture
def world(world: World) -> World:
    world.app()
    world.app(2)
    return world


# -------------------- wrong tokens


def at(**seconds: int) -> dict[str, int]:
    return {name: int(time.time()) + value for name, value in seconds.items()}


BRANCH_WORKFLOW = workflow_ref(ref="refs/heads/dev")
TAG = {"ref": "refs/tags/main", "ref_type": "tag"}
WRONG: dict[str, tuple[Callable[[], str], str]] = {
    # The signature.
    "alg none": (lambda: unsigned({"alg": "none", "kid": "key-1"}, claims()), "oidc:malformed"),
    "HS256 with the public key": (issuer.signed_with_public_key, "oidc:malformed"),
    "another key of the same name": (lambda: sign(claims(), "eve"), "oidc:bad-signature"),
    "unknown key": (lambda: sign(claims(), "eve", "zzz"), "oidc:bad-signature"),
    "no key named": (lambda: sign(claims(), name=None), "oidc:malformed"),
    "key named by a number": (
        lambda: unsigned({"alg": "RS256", "kid": 1}, claims(), "c2ln"),
        "oidc:malformed",
    ),
    "jku of the attacker": (
        lambda: sign(claims(), "eve", jku="http://127.0.0.1:1/keys"),
        "oidc:bad-signature",
    ),
    "x5u of the attacker": (
        lambda: sign(claims(), "eve", x5u="http://127.0.0.1:1/keys"),
        "oidc:bad-signature",
    ),
    "key in the header": (lambda: sign(claims(), "eve", jwk=issuer.public_jwk("eve")), "oidc:bad-signature"),
    "unknown critical header": (lambda: sign(claims(), crit=["mine"], mine=1), "oidc:malformed"),
    "no signature": (lambda: token().rpartition(".")[0] + ".", "oidc:bad-signature"),
    # Who made it, for whom, and when.
    "issuer with a slash": (lambda: token(iss=f"{issuer.ISSUER}/"), "oidc:wrong-issuer"),
    "issuer that looks alike": (lambda: token(iss=f"{issuer.ISSUER}.evil.example"), "oidc:wrong-issuer"),
    "no issuer": (lambda: token(iss=None), "oidc:malformed"),
    "for another service": (lambda: token(aud="sts.amazonaws.com"), "oidc:wrong-audience"),
    "for us among others": (lambda: token(aud=[issuer.AUDIENCE, "other"]), "oidc:wrong-audience"),
    "for us in a list": (lambda: token(aud=[issuer.AUDIENCE]), "oidc:wrong-audience"),
    "for us with a slash": (lambda: token(aud=f"{issuer.AUDIENCE}/"), "oidc:wrong-audience"),
    "for nobody": (lambda: token(aud=None), "oidc:malformed"),
    "for the owner, as by default": (lambda: token(aud="https://github.com/acme"), "oidc:wrong-audience"),
    "expired 31 seconds ago": (lambda: token(**at(iat=-900, nbf=-900, exp=-31)), "oidc:expired"),
    "never expires": (lambda: token(exp=None), "oidc:malformed"),
    "expires at a text": (lambda: token(exp="9999999999x"), "oidc:malformed"),
    "expires at infinity": (lambda: token(exp=float("inf")), "oidc:malformed"),
    "not good before long": (lambda: token(**at(nbf=120)), "oidc:expired"),
    "made in the future": (lambda: token(**at(iat=120, exp=400)), "oidc:expired"),
    "without a time": (lambda: token(iat=None), "oidc:malformed"),
    "without a beginning": (lambda: token(nbf=None), "oidc:malformed"),
    "good for a day": (lambda: token(**at(exp=86400)), "oidc:malformed"),
    "no id": (lambda: token(jti=None), "oidc:malformed"),
    "empty id": (lambda: token(jti=""), "oidc:malformed"),
    "no subject": (lambda: token(sub=None), "oidc:malformed"),
    # Which repository.
    "same name, another repository": (lambda: token(repository_id="778"), "oidc:unknown-repository"),
    "our ids in the subject alone": (
        lambda: token(repository_id="666", repository="evil/app-1"),
        "oidc:unknown-repository",
    ),
    "our name, another app's repository": (
        lambda: token(repository_id="2", repository_owner_id="43"),
        "oidc:wrong-owner",
    ),
    "another owner of the same name": (lambda: token(repository_owner_id="43"), "oidc:wrong-owner"),
    "a number that is none": (lambda: token(repository_id=1), "oidc:malformed"),
    "a number in other digits": (lambda: token(repository_id="\N{ARABIC-INDIC DIGIT ONE}"), "oidc:malformed"),
    "a number with a zero before it": (lambda: token(repository_id="01"), "oidc:malformed"),
    "a number and a line end": (lambda: token(repository_id="1\n"), "oidc:malformed"),
    "no owner": (lambda: token(repository_owner_id=None), "oidc:malformed"),
    # Which workflow.
    "another workflow": (
        lambda: token(job_workflow_ref=workflow_ref(name="evil.yml")),
        "oidc:wrong-workflow",
    ),
    "the workflow of a fork": (
        lambda: token(job_workflow_ref=workflow_ref("evil/app-1")),
        "oidc:wrong-workflow",
    ),
    "the workflow of another branch": (
        lambda: token(job_workflow_ref=BRANCH_WORKFLOW),
        "oidc:wrong-workflow",
    ),
    "a path that ends like ours": (
        lambda: token(job_workflow_ref=f"acme/app-1/.github/workflows/x/{workflow_ref()}"),
        "oidc:wrong-workflow",
    ),
    "no workflow": (lambda: token(job_workflow_ref=None), "oidc:malformed"),
    # Which event, ref and environment.
    "pull request without environment": (
        lambda: sign(pull_claims(environment=None)),
        "oidc:wrong-environment",
    ),
    "pull request for production": (
        lambda: sign(pull_claims(environment="production")),
        "oidc:wrong-environment",
    ),
    "pull request without a branch": (lambda: sign(pull_claims(head_ref=None)), "oidc:wrong-event"),
    "pull request on main": (lambda: token(event_name="pull_request"), "oidc:wrong-event"),
    "push to a pull request": (lambda: sign(pull_claims(event_name="push")), "oidc:wrong-event"),
    "head of a pull request": (lambda: sign(pull_claims(ref="refs/pull/7/head")), "oidc:wrong-event"),
    "pull_request_target on main": (lambda: token(event_name="pull_request_target"), "oidc:wrong-event"),
    "schedule on main": (lambda: token(event_name="schedule"), "oidc:wrong-event"),
    "workflow_run on main": (lambda: token(event_name="workflow_run"), "oidc:wrong-event"),
    "merge queue": (lambda: token(event_name="merge_group"), "oidc:wrong-event"),
    "tag named main": (lambda: token(**TAG), "oidc:wrong-event"),
    "tag named main, by hand": (lambda: token(event_name="workflow_dispatch", **TAG), "oidc:wrong-event"),
    "no ref": (lambda: token(ref=None), "oidc:malformed"),
    "no environment": (lambda: token(environment=None), "oidc:wrong-environment"),
    "environment in other letters": (lambda: token(environment="Production"), "oidc:wrong-environment"),
    "environment with a space": (lambda: token(environment="production "), "oidc:wrong-environment"),
    "environment of another kind": (lambda: token(environment=["production"]), "oidc:wrong-environment"),
    "a branch for production": (
        lambda: sign(branch_claims("x", environment="production")),
        "oidc:wrong-environment",
    ),
    "a branch that looks like main": (
        lambda: sign(branch_claims("Main", environment="production")),
        "oidc:wrong-environment",
    ),
    "staging for production": (
        lambda: sign(branch_claims("staging", environment="production")),
        "oidc:wrong-environment",
    ),
    "main for preview": (lambda: token(environment="preview"), "oidc:wrong-environment"),
    # Which run.
    "no commit": (lambda: token(sha=None), "oidc:malformed"),
    "short commit": (lambda: token(sha="abc1234"), "oidc:malformed"),
    "no run": (lambda: token(run_id=None), "oidc:malformed"),
    "run of words": (lambda: token(run_number="one"), "oidc:malformed"),
    "attempt below one": (lambda: token(run_attempt="0"), "oidc:malformed"),
    "number beyond all": (lambda: token(run_id="9" * 30), "oidc:malformed"),
    # What is no token.
    "20 KB": (lambda: token(pad="x" * 20_000), "oidc:malformed"),
    "garbage": (lambda: "a.b.c", "oidc:malformed"),
    "two dots": (lambda: "..", "oidc:malformed"),
    "nothing": (lambda: "", "oidc:required"),
    "the operator's own token": (lambda: "canary-api-token-7c1f", "oidc:malformed"),
    "deep payload": (
        lambda: unsigned({"alg": "RS256", "kid": "key-1"}, "[" * 3000 + "]" * 3000, "c2ln"),
        "oidc:bad-signature",
    ),
    "deep header": (lambda: unsigned("[" * 3000 + "]" * 3000, claims(), "c2ln"), "oidc:malformed"),
    "header of a list": (lambda: unsigned([], claims(), "c2ln"), "oidc:malformed"),
    "key named by a surrogate": (
        lambda: unsigned('{"alg": "RS256", "kid": "\\ud800"}', claims(), "c2ln"),
        "oidc:bad-signature",
    ),
    "claims in a list": (
        lambda: unsigned({"alg": "RS256", "kid": "key-1"}, [], "c2ln"),
        "oidc:bad-signature",
    ),
}


@pytest.mark.parametrize("path", ["/api/deployments", "/webhooks/deployments"])
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_token_is_refused(world: World, name: str, path: str) -> None:
    make, code = WRONG[name]
    assert_refused(world, world.ask(a_message(), make(), path=path), code)


def test_a_token_is_asked_for(world: World) -> None:
    assert_refused(world, world.client.post("/api/deployments", json=a_message()), "oidc:required")


@pytest.mark.parametrize("path", ["/api/deployments", "/webhooks/deployments"])
def test_a_signature_is_not_taken_for_a_token(world: World, path: str) -> None:
    answer = world.deployment(a_message(), path=path)
    assert_refused(world, answer, "oidc:required")
    assert "BRANCHLINE_SECRET" in error_of(answer)["message"]


def test_the_operators_token_is_not_taken_for_a_runs(world: World) -> None:
    assert_refused(world, world.call("POST", "/api/deployments", json=a_message()), "oidc:malformed")


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("oidc:wrong-audience", "ask GitHub for one with the audience https://branchline.test"),
        ("oidc:expired", "ask GitHub for a new one right before each message"),
        ("oidc:wrong-workflow", "only .github/workflows/deploy.yml of the repository itself may deploy"),
        (
            "oidc:wrong-environment",
            "leave `environment` of deploy.yml and the variable BRANCHLINE_ENVIRONMENTS",
        ),
        ("oidc:wrong-owner", "transfer it back or ask for a new app"),
        ("oidc:required", "the job needs `permissions: id-token: write`"),
    ],
)
def test_a_refusal_says_what_to_do(world: World, code: str, advice: str) -> None:
    make = next(make for make, expected in WRONG.values() if expected == code)
    assert advice in error_of(world.ask(a_message(), make()))["message"]


# -------------------- repositories that move


def test_a_renamed_repository_stays_what_it_is(world: World) -> None:
    renamed = token(repository="acme/shop", sub="repo:acme@42/shop@1:environment:production")
    assert world.ask(a_message(), renamed).status_code == 200
    assert deployments(world)[0].app_id == "app_0001"


def test_a_renamed_owner_stays_who_it_is(world: World) -> None:
    renamed = token(repository="emca/app-1", repository_owner="emca")
    assert world.ask(a_message(), renamed).status_code == 200


def test_a_name_that_was_given_to_another_repository_opens_nothing(world: World) -> None:
    assert_refused(world, world.ask(a_message(), token(repository_id="900")), "oidc:unknown-repository")


def test_a_transferred_repository_is_let_go_of_before_github_told_us(world: World) -> None:
    transferred = token(repository="evil/app-1", repository_owner="evil", repository_owner_id="666")
    assert_refused(world, world.ask(a_message(), transferred), "oidc:wrong-owner")


def test_a_repository_that_came_back_deploys_again(world: World) -> None:
    with world.records.begin() as tx:
        app = tx.apps.get("app_0001")
        tx.apps.save(replace(app, status=AppStatus.DETACHED, error="transferred to evil/app-1"))
    assert error_of(world.ask(a_message(), token()))["code"] == "app:detached"
    with world.records.begin() as tx:
        tx.apps.save(replace(app, status=AppStatus.READY))
    assert world.ask(a_message(), token()).status_code == 200


def test_an_owner_that_nobody_told_us_is_not_learnt_from_a_token(world: World) -> None:
    with world.records.begin() as tx:
        app = tx.apps.get("app_0001")
        tx.apps.save(replace(app, repository=a_repository(1, owner_id=None)))
    assert_refused(world, world.ask(a_message(), token()), "oidc:wrong-owner")
