"""What an outsider proposes is built with nothing that opens anything, and shown when a member says so."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sandbox.developer import WORKER, Developer, branch_name, push_new_branch
from sandbox.plan import STAGE
from sandbox.story import wait_gone
from sandbox.waiting import wait_for
from sandbox.web import Api, Unexpected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.developer import App, Fork, PullRequest

pytestmark = pytest.mark.timeout(600)

ROUTE = '  "/api/version": version,\n'
TELLING = '  "/api/env": (_: Request, env: Env) => Response.json(Object.keys(env)),\n'


@pytest.fixture(scope="module")
def mallory(ada: Developer) -> Iterator[Developer]:
    """Somebody with an account at GitHub and no rights here."""
    with ada.outsider() as mallory:
        yield mallory


@pytest.fixture
def scripts(ada: Developer) -> Iterator[Any]:
    """Return the names of the scripts in a namespace."""
    cloudflare = ada.facts["cloudflare"]
    dispatch = f"{cloudflare['apiUrl']}/accounts/{cloudflare['accountId']}/workers/dispatch/namespaces"
    with closing(Api(dispatch, cloudflare["apiToken"])) as api:
        yield lambda name: {it["id"] for it in api.get(f"/branchline-{STAGE}-{name}/scripts")["result"]}


def propose(fork: Fork, app: App, title: str) -> PullRequest:
    """Open a pull request from a fork whose worker tells the names that are bound to it."""
    fork.checkout.git("fetch", "--quiet", app.detail["repository"]["cloneUrl"], "main")
    fork.checkout.git("switch", "--quiet", "--detach", "FETCH_HEAD")
    fork.checkout.write(WORKER, fork.checkout.read(WORKER).replace(ROUTE, ROUTE + TELLING))
    return app.open(title, branch_name(title), push_new_branch(fork.checkout, title), fork=fork)


def say(who: Developer, pull: PullRequest, text: str) -> None:
    """Comment on a pull request, and wait until Branchline has heard of that and done as it decided."""
    comments = f"/repos/{pull.app.repository}/issues/{pull.number}/comments"
    comment_id = int(who.github.post(comments, {"body": text})["id"])
    branchline = pull.app.developer.branchline

    def look() -> tuple[bool | None, object]:
        status = delivery_of(branchline, comment_id).get("status")
        # Each is written down before the one that asks for it ends, so they are looked at in this order.
        jobs = [it for kind in ("approve", "fork-preview") for it in jobs_of(pull.app, kind)]
        is_done = status == "processed" and all(it["status"] in {"completed", "failed"} for it in jobs)
        return (True if is_done else None), (status, [(it["type"], it["status"]) for it in jobs])

    wait_for(f"comment {text!r} worked off", look, 120)


def jobs_of(app: App, kind: str) -> list[dict[str, Any]]:
    return list(app.developer.branchline.get("/api/jobs", app=app.slug, type=kind)["items"])


def delivery_of(branchline: Api, comment_id: int) -> dict[str, Any]:
    """Return the delivery that tells of a new comment, {} before it has come."""
    for listed in branchline.get("/api/deliveries", event="issue_comment", limit="100")["items"]:
        delivery: dict[str, Any] = branchline.get(f"/api/deliveries/{listed['guid']}")
        told = json.loads(delivery["content"])
        if (told["action"], told["comment"]["id"]) == ("created", comment_id):
            return delivery
    return {}


def deployments_of(pull: PullRequest) -> list[dict[str, Any]]:
    return [it for it in pull.app.deployments() if it["pullRequest"] == pull.number]


def wait_expired(who: Developer, urls: list[str]) -> None:
    """Wait until all of these say that they have expired; the dispatch worker remembers for 30 seconds."""

    def look() -> tuple[bool | None, object]:
        found = [who.visit(url).status_code for url in urls]
        return (True if set(found) == {httpx.codes.GONE} else None), found

    wait_for(f"410 at {urls}", look, 120)


def test_a_forks_commit_is_shown_when_a_member_says_so_and_no_other(
    ada: Developer, mallory: Developer, shop: App, scripts: Any
) -> None:
    environment = f"/api/apps/{shop.slug}/environments/preview"
    ada.branchline.call("PUT", f"{environment}/variables/COLOUR", {"value": "red"})
    ada.branchline.call("PUT", f"{environment}/secrets/API_KEY", {"value": "hush"})
    before = scripts("preview")

    pull = propose(mallory.fork(shop), shop, "From an outsider")
    first = pull.commit
    assert pull.wait_run()["conclusion"] == "success"
    pull.wait_comment(f"somebody with write access says `/preview {first[:7]}`")
    say(mallory, pull, "/preview")
    assert deployments_of(pull) == []
    assert scripts("untrusted") == set()

    say(ada, pull, "/preview\nlooks harmless")
    place = pull.wait_live()
    pull.wait_comment(f"Shows `{first[:7]}`, approved by ada.")
    (deployment,) = deployments_of(pull)
    assert (deployment["commit"], deployment["actor"]) == (first, "ada")
    assert deployment["namespace"] == f"branchline-{STAGE}-untrusted"
    assert len(scripts("untrusted")) == 2
    assert scripts("preview") == before
    bound = ada.visit(f"{place['url'].rstrip('/')}/api/env").json()
    assert {"COLOUR", "BRANCHLINE_COMMIT"} <= set(bound)
    assert "API_KEY" not in bound

    second = pull.push("hacked")
    assert pull.wait_run()["conclusion"] == "success"
    pull.wait_comment(f"`{second[:7]}` is not approved")
    assert shop.version(place["url"])["commit"] == first
    with pytest.raises(Unexpected, match="deployment:from-fork"):
        ada.branchline.post(f"/api/deployments/{deployment['id']}/promote", {"environment": "production"})

    preview = f"/api/apps/{shop.slug}/pulls/{pull.number}/preview"
    ada.wait_for_job(ada.branchline.post(preview, {"commit": second, "by": "ada"})["jobId"])
    pull.wait_live()
    pull.wait_comment(f"Shows `{second[:7]}`, approved by ada.")

    own = [it["immutableUrl"] for it in deployments_of(pull)]
    pull.close()
    wait_gone(ada, [place["url"]])
    pull.wait_comment("closed")
    wait_expired(ada, own)
    assert scripts("untrusted") == set()
    for kind, name in (("variables", "COLOUR"), ("secrets", "API_KEY")):
        ada.branchline.call("DELETE", f"{environment}/{kind}/{name}")


@pytest.mark.slow
def test_a_push_after_the_word_is_not_shown(ada: Developer, mallory: Developer, shop: App) -> None:
    """The run of the first commit is still going on when a member approves; then comes another push."""
    pull = propose(mallory.fork(shop), shop, "A second thought")
    first = pull.commit
    say(ada, pull, f"/preview {first}")
    pull.wait_comment("approved by ada")
    second = pull.push("swapped")
    assert pull.wait_run()["conclusion"] == "success"
    say(ada, pull, f"/preview {first[:7]}")
    pull.wait_comment(f"ada said /preview {first[:7]}, and the newest commit is {second[:7]}")
    assert [it for it in deployments_of(pull) if it["commit"] == second] == []
    pull.close()
    pull.wait_comment("closed")


def test_an_outsider_has_no_other_way(mallory: Developer, shop: App) -> None:
    preview = f"/api/apps/{shop.slug}/pulls/1/preview"
    answer = mallory.branchline.client.post(preview, json={"commit": "a" * 40})
    assert answer.status_code == httpx.codes.UNAUTHORIZED
