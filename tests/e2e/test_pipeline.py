"""The pipeline as developers meet it: real git, real Actions runs, real wrangler, real Workers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from sandbox.story import Story, check_place, expect, wait_gone
from sandbox.story_functions import tell_of_functions
from sandbox.waiting import wait_for
from tests.e2e.leftovers import pages

if TYPE_CHECKING:
    from typing import Any

    from sandbox.developer import App, Developer, PullRequest
    from sandbox.steps import Steps

pytestmark = pytest.mark.timeout(600)


def deployment_of(app: App, commit: str, *statuses: str, pull: PullRequest | None = None) -> dict[str, Any]:
    """Wait for a deployment of `commit` (by this pull request) in one of `statuses`."""
    number = pull.number if pull else None

    def look() -> tuple[dict[str, Any] | None, object]:
        found = [d for d in app.deployments() if (d["commit"], d["pullRequest"]) == (commit, number)]
        done = next((d for d in found if d["status"] in statuses), None)
        return done, [(d["environment"], d["status"]) for d in found]

    return wait_for(f"deployment of {commit[:7]} {' or '.join(statuses)}", look, 240)


def test_an_app_goes_from_nothing_to_production_through_a_pull_request(ada: Developer, steps: Steps) -> None:
    Story(ada, steps).tell("hello")


@pytest.fixture(scope="module")
def kiosk(ada: Developer, steps: Steps) -> App:
    """An app that functions grew into, which a last story deletes."""
    tell_of_functions(ada, steps, "kiosk")
    return ada.app("kiosk-app")


def test_functions_have_an_address_at_once_and_grow_into_an_app(kiosk: App) -> None:
    assert kiosk.repository.endswith("/kiosk-app")


@pytest.mark.slow
def test_a_failing_build_shows_its_reason_on_the_pull_request(shop: App) -> None:
    shop.checkout.switch("main")
    shop.checkout.write("src/main.ts", "import { nothing } from './not-there.ts';\nnothing();\n")
    pull = shop.propose("Broken on purpose")
    comment = pull.wait_comment("Failed")
    assert "not-there" in comment["body"]
    failed = deployment_of(shop, pull.commit, "error", pull=pull)
    assert "not-there" in failed["error"]
    assert pull.preview is None or pull.preview["status"] == "error"
    pull.close()
    pull.wait_comment("closed")


@pytest.mark.slow
def test_a_pull_request_from_a_fork_is_built_and_not_deployed(ada: Developer, shop: App) -> None:
    fork = ada.fork(shop)
    pull = fork.propose_upstream(shop, "From outside")
    comment = pull.wait_comment("fork")
    run = pull.wait_run()
    assert run["conclusion"] == "success"
    assert "Not deployed" in comment["body"]
    assert [d for d in shop.deployments() if d["commit"] == pull.commit and d["status"] == "ready"] == []
    assert pull.preview is None
    pull.close()
    pull.wait_comment("closed")


@pytest.mark.slow
def test_a_newer_push_takes_the_place_of_a_preview_being_built(shop: App) -> None:
    pull = shop.open_pull_request("blue button")
    first = pull.commit
    second = pull.push("bluer")
    place = pull.wait_live()
    check_place(shop.developer, place, "preview", second, "bluer")
    overtaken = deployment_of(shop, first, "cancelled", "superseded", "error", pull=pull)
    assert overtaken["status"] in {"cancelled", "superseded"}
    pull.close()
    wait_gone(shop.developer, [place["url"], place["alternateUrl"]])
    pull.wait_comment("closed")


@pytest.mark.slow
def test_an_older_commit_never_replaces_a_newer_one(shop: App) -> None:
    older = shop.push("older")
    shop.wait_live("production", older)
    run = deployment_of(shop, older, "ready")["run"]
    newer = shop.push("newer")
    place = shop.wait_live("production", newer)
    shop.developer.github.post(f"/repos/{shop.repository}/actions/runs/{run['id']}/rerun", {})
    again = shop.wait_run(run["id"], attempt=2)
    assert again["conclusion"] == "success"
    check_place(shop.developer, place, "production", newer, "newer")


def test_a_webhook_with_a_wrong_signature_is_refused_and_not_kept(ada: Developer) -> None:
    headers = {
        "content-type": "application/json",
        "x-github-event": "ping",
        "x-github-delivery": "7d2f0f2e-0000-4000-8000-000000000000",
        "x-hub-signature-256": "sha256=" + "0" * 64,
    }
    url = f"{ada.facts['controlPlane']['url']}/webhooks/github"
    answer = ada.visitor.post(url, content=json.dumps({"zen": "Anything"}), headers=headers)
    assert answer.status_code == httpx.codes.UNAUTHORIZED
    assert headers["x-github-delivery"] not in {d["guid"] for d in pages(ada.branchline, "/api/deliveries")}


def test_a_deleted_app_is_gone_everywhere(ada: Developer, kiosk: App) -> None:
    place = kiosk.wait_live("production", kiosk.checkout.git("rev-parse", "HEAD"))
    repository = kiosk.repository
    kiosk.delete()
    wait_gone(ada, [place["url"], place["alternateUrl"]])
    answer = ada.github.client.get(f"/repos/{repository}")
    expect(str(answer.url), "status", answer.status_code, httpx.codes.NOT_FOUND)
