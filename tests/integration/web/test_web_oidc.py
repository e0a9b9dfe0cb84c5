"""Who may deploy with a token of GitHub's: the run that it is about, and only where its branch goes."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from app.domain.deliveries import DeliverySource
from app.domain.environments import Environment
from tests import issuer
from tests.builders import a_pull
from tests.integration.web.proofs import assert_refused
from tests.integration.web.world import CLOUDFLARE_TOKEN, World, a_message, an_end, deployments, error_of
from tests.issuer import branch_claims, claims, pull_claims, sign, token

A, B, E = "a" * 40, "b" * 40, "e" * 40


@pytest.fixture
def world(world: World) -> World:
    world.app()
    world.app(2)
    return world


# -------------------- what a token is good for


def test_a_push_is_told_where_to_deploy(world: World) -> None:
    answer = world.ask(a_message(), token())
    assert answer.status_code == 200, answer.text
    (deployment,) = deployments(world)
    plan = answer.get_json()
    assert (plan["deploy"], plan["environment"], plan["script"]) == (True, "production", "slug0001")
    assert (plan["namespace"], plan["goesLive"]) == ("live-production", True)
    assert plan["immutableUrl"] == f"https://{deployment.own_script}.apps.test"
    assert plan["cloudflare"] == {
        "apiBaseUrl": "https://branchline.test/cloudflare/client/v4",
        "accountId": "account",
        "apiToken": f"grant of {deployment.id}",
    }
    assert plan["expiresAt"] == "2026-11-22T12:15:00Z"
    assert "variables" not in plan
    assert CLOUDFLARE_TOKEN not in answer.text


def test_what_github_says_counts_more_than_what_the_run_says(world: World) -> None:
    said = branch_claims("blue", run_id="77", run_number="5", run_attempt="2", sha=B)
    assert world.ask(a_message(), sign(said)).status_code == 200
    (deployment,) = deployments(world)
    assert (deployment.environment, deployment.branch, deployment.commit) == ("preview", "blue", B)
    run = deployment.run
    assert (run.id, run.number, run.attempt) == (77, 5, 2)
    assert run.url == "https://github.example/acme/app-1/actions/runs/77"


def test_a_pull_request_deploys_its_head_and_not_the_trial_merge(world: World) -> None:
    assert world.ask(a_message(), sign(pull_claims(7))).status_code == 200
    (deployment,) = deployments(world)
    assert (deployment.pull_request, deployment.commit, deployment.branch) == (7, A, "hello")
    assert deployment.environment is Environment.PREVIEW


def test_a_run_that_was_started_by_hand_deploys_its_branch(world: World) -> None:
    said = claims(event_name="workflow_dispatch", ref="refs/heads/staging", environment="staging")
    assert world.ask(a_message(), sign(said)).get_json()["environment"] == "staging"


def test_an_apps_own_branches_count(world: World) -> None:
    with world.records.begin() as tx:
        tx.apps.save(replace(tx.apps.get("app_0001"), branches={"trunk": Environment.PRODUCTION}))
    assert world.ask(a_message(), token()).status_code == 401
    said = branch_claims("trunk", environment="production")
    assert world.ask(a_message(), sign(said)).get_json()["environment"] == "production"


def test_an_end_is_reported_with_a_token_of_its_own(world: World) -> None:
    world.ask(a_message(), token())
    failure = {"phase": "deploy", "message": "no such module"}
    answer = world.ask(an_end("failure", error=failure), token())
    assert answer.get_json() == {
        "deployment": deployments(world)[0].id,
        "status": "error",
        "url": "https://slug0001.apps.test",
        "alternateUrl": "https://dispatch.test/app/slug0001",
        "live": False,
    }


def test_a_message_is_kept_and_its_token_is_not(world: World) -> None:
    said = claims()
    world.ask(a_message(), sign(said))
    (delivery,) = world.deliveries()
    assert (delivery.guid, delivery.source, delivery.event) == (said["jti"], DeliverySource.WORKFLOW, "start")
    assert json.loads(delivery.body) == a_message()
    assert sign(said).rsplit(".", 1)[-1] not in world.dump()


# -------------------- once


@pytest.mark.parametrize("path", ["/api/deployments", "/webhooks/deployments"])
def test_a_token_is_good_for_one_message(world: World, path: str) -> None:
    used = token()
    assert world.ask(a_message(), used).status_code == 200
    answer = world.ask(a_message(), used, path=path)
    assert (answer.status_code, error_of(answer)["code"]) == (401, "oidc:used")
    assert len(world.deliveries()) == 1


def test_what_was_not_answered_was_not_used_up(world: World) -> None:
    world.ask(a_message(), token())
    newer = token(run_id="1002", run_number="2", sha=B)
    assert world.ask(a_message(), newer).status_code == 409
    world.ask(an_end("failure"), token())
    assert world.ask(a_message(), newer).status_code == 200


def test_twenty_uses_at_once_are_one(migrated_url: str) -> None:
    world = World(migrated_url, lock_timeout_seconds=30)
    world.app()
    used = token()
    with ThreadPoolExecutor(20) as threads:
        uses = [threads.submit(world.ask, a_message(), used) for _ in range(20)]
        answers = [use.result() for use in uses]
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19
    assert {error_of(answer)["code"] for answer in answers if answer.status_code == 401} == {"oidc:used"}
    assert len(deployments(world)) == 1
    world.close()


# -------------------- what agrees with what we know


def test_a_head_that_we_know_of_is_right(world: World) -> None:
    with world.records.begin() as tx:
        tx.pulls.save(a_pull(7, head_commit=A))
    assert world.ask(a_message(commit=A), sign(pull_claims(7))).status_code == 200


def test_a_head_that_we_do_not_know_of_yet_is_right(world: World) -> None:
    with world.records.begin() as tx:
        tx.pulls.save(a_pull(7, head_commit=B))
    assert world.ask(a_message(commit=A), sign(pull_claims(7))).status_code == 200


def test_a_head_of_former_times_is_not(world: World) -> None:
    world.ask(a_message(commit=A), sign(pull_claims(7)))
    with world.records.begin() as tx:
        tx.pulls.save(a_pull(7, head_commit=B))
    later = pull_claims(7, run_id="1002", run_number="2")
    answer = world.ask(a_message(commit=A), sign(later))
    assert (answer.status_code, error_of(answer)["code"]) == (401, "oidc:wrong-commit")


def test_a_run_does_not_change_its_commit(world: World) -> None:
    world.ask(a_message(commit=A), sign(pull_claims(7)))
    answer = world.ask(a_message(commit=B), sign(pull_claims(7)))
    assert (answer.status_code, error_of(answer)["code"]) == (401, "oidc:wrong-commit")


def test_a_fork_is_given_no_plan_even_when_github_gives_it_a_token(world: World) -> None:
    with world.records.begin() as tx:
        tx.pulls.save(a_pull(7, is_from_fork=True))
    assert_refused(world, world.ask(a_message(), sign(pull_claims(7))), "oidc:fork")


# -------------------- keys


def test_a_new_key_is_found_with_its_first_token(world: World) -> None:
    assert world.ask(a_message(), token()).status_code == 200
    world.key_client.keys = [issuer.public_jwk("GitHub's next", "key-2"), issuer.public_jwk()]
    world.later(60)
    answer = world.ask(a_message(), sign(claims(run_id="1002"), "GitHub's next", "key-2"))
    assert answer.status_code != 401


def test_strangers_do_not_make_us_ask_for_keys(world: World) -> None:
    for number in range(50):
        answer = world.ask(a_message(), sign(claims(), "eve", f"key-of-eve-{number}"))
        assert answer.status_code in {401, 503}
    assert world.key_client.looks == 1
    assert world.ask(a_message(), token()).status_code == 200


def test_who_comes_too_early_is_told_when_to_ask_again(world: World) -> None:
    world.ask(a_message(), token())
    answer = world.ask(a_message(), sign(claims(), "GitHub's next", "key-2"))
    assert (answer.status_code, error_of(answer)["code"]) == (503, "oidc:keys-unavailable")
    assert 50 <= int(answer.headers["Retry-After"]) <= 60


@pytest.fixture
def _log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level("WARNING", "app.github.oidc"):
        yield


@pytest.mark.usefixtures("_log")
def test_a_claim_that_nobody_decided_about_is_reported_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        world.ask(a_message(), token(colour="blue", repo_property_team="shop"))
    (record,) = caplog.records
    assert record.message == "GitHub's tokens have claims that are sorted into no table: colour"
