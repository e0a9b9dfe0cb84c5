"""What an app's author can reach does not reach another app, nor production from a branch."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.plan import ACCOUNT_ID, STAGE
from sandbox.waiting import wait_for

if TYPE_CHECKING:
    from sandbox.developer import App, Developer

pytestmark = pytest.mark.timeout(600)

ATTACK = Path(__file__).with_name("attack.mjs")
NAMESPACES = {name: f"branchline-{STAGE}-{name}" for name in ("production", "staging", "preview")}
WORKFLOW = """
name: Edited
on: {{push: {{branches: [{branch}]}}}}
permissions: {{}}
jobs:
  edited:
    runs-on: ubuntu-latest
    permissions: {{contents: read, id-token: write}}
    environment: {{name: {environment}, deployment: false}}
    steps:
      - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd
        with: {{persist-credentials: false}}
      - run: node attack.mjs {arguments}
        env:
          BRANCHLINE_URL: ${{{{ vars.BRANCHLINE_URL }}}}
"""
# The only thing that a run of a branch gets: a preview of its own app.
GRANTED = {"plan: the body claims main", "plan: the body claims the victim's repository"}
REFUSALS = {400, 401, 403, 404, 405}


@pytest.fixture(scope="module")
def mallory(ada: Developer) -> App:
    """An app of somebody who may do in its repository what they like."""
    app = ada.create_app("mallory")
    app.wait_live("production", app.checkout.git("rev-parse", "HEAD"))
    return app


def attack(mallory: App, victim: App, branch: str, workflow: str, **edits: str) -> dict[str, dict[str, Any]]:
    """Push an edited workflow to a branch of mallory's and return how each attempt was answered."""
    mallory.checkout.switch("main")
    mallory.checkout.git("switch", "--quiet", "-C", branch)
    mallory.checkout.write("attack.mjs", ATTACK.read_text())
    mallory.checkout.write("attack.json", json.dumps(targets(victim)))
    text = WORKFLOW.format(**{"branch": branch, "environment": "preview", "arguments": "all"} | edits)
    mallory.checkout.write(f".github/workflows/{workflow}", text)
    commit = mallory.checkout.commit("An edited workflow")
    mallory.checkout.push()
    return attempts(log_of(mallory, commit, workflow))


def targets(victim: App) -> dict[str, Any]:
    facts, repository = victim.developer.facts, victim.repository
    return {
        "victim": {
            "slug": victim.slug,
            "repository": repository,
            "repositoryId": victim.developer.github.get(f"/repos/{repository}")["id"],
        },
        "cloudflare": facts["cloudflare"]["apiUrl"],
        "accountId": ACCOUNT_ID,
        "namespaces": NAMESPACES,
    }


def log_of(app: App, commit: str, workflow: str) -> str:
    """Wait for the run of a commit and return what its job printed."""
    runs = f"/repos/{app.repository}/actions/runs"
    github = app.developer.github

    def look() -> tuple[int | None, object]:
        found = [it for it in github.get(runs)["workflow_runs"] if it["head_sha"] == commit]
        mine = [it for it in found if it["path"].endswith(workflow)]
        over = [it["id"] for it in mine if it["status"] == "completed"]
        return (over[0] if over else None), [(it["path"], it["status"]) for it in found]

    run_id = wait_for(f"the run of {commit[:7]}", look, 240)
    (job,) = github.get(f"{runs}/{run_id}/jobs")["jobs"]
    path = f"/repos/{app.repository}/actions/jobs/{job['id']}/logs"
    return str(github.client.get(path, follow_redirects=True).text)


def attempts(log: str) -> dict[str, dict[str, Any]]:
    found = [json.loads(line) for line in re.findall(r"ATTEMPT (\{.*\})", log)]
    assert found, log
    return {it["attempt"]: it for it in found}


def test_an_edited_workflow_reaches_neither_another_app_nor_its_own_production(
    mallory: App, shop: App
) -> None:
    before = [state(app) for app in (shop, mallory)]
    found = attack(mallory, shop, "takeover", "deploy.yml")
    assert len(found) >= 30
    for name, answer in found.items():
        if name in GRANTED:
            check_only_a_preview(mallory, json.loads(answer["body"]))
        else:
            assert answer["status"] in REFUSALS, answer
    assert [state(app) for app in (shop, mallory)] == before


def check_only_a_preview(mallory: App, plan: dict[str, Any]) -> None:
    assert plan["environment"] == "preview"
    assert plan["namespace"] == NAMESPACES["preview"]
    assert plan["script"] == f"preview-{mallory.slug}"


def state(app: App) -> list[Any]:
    """Return what answers at an app's addresses, and what the control plane says of it."""
    production = app.detail["environments"]["production"]
    own = app.developer.branchline.get(f"/api/apps/{app.slug}/environments/production/variables")
    return [production["commit"], production["status"], app.version(production["url"]), own["items"]]


def test_a_branch_that_calls_itself_production_is_told_nothing(mallory: App, shop: App) -> None:
    told = {"environment": "production", "arguments": "plan claimed"}
    found = attack(mallory, shop, "pretender", "deploy.yml", **told)
    assert found["claimed"]["status"] == 401
    assert "oidc:wrong-environment" in found["claimed"]["body"]


def test_a_workflow_of_another_name_is_told_nothing(mallory: App, shop: App) -> None:
    found = attack(mallory, shop, "sideways", "other.yml", arguments="plan other")
    assert found["other"]["status"] == 401
    assert "oidc:wrong-workflow" in found["other"]["body"]


def test_no_repository_holds_a_credential(mallory: App, shop: App) -> None:
    for app in (mallory, shop):
        secrets = app.developer.github.get(f"/repos/{app.repository}/actions/secrets")
        assert secrets == {"total_count": 0, "secrets": []}
