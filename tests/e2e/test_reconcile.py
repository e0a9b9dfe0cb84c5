"""Reconcile against the real city: what nobody told is found, and put right, by one look at both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from sandbox.waiting import wait_for
from tests.e2e.leftovers import script_at

if TYPE_CHECKING:
    from typing import Any

    from sandbox.developer import App, Developer
    from tests.e2e.leftovers import Inspector

# What changed within two minutes is left to a later look, and a look is asked for again every few seconds.
PATIENCE_SECONDS = 240
pytestmark = pytest.mark.timeout(PATIENCE_SECONDS * 2)


def remove_webhook(shop: App, inspector: Inspector) -> None:
    hooks = f"/repos/{shop.repository}/hooks"
    for hook in inspector.github.get(hooks):
        inspector.github.call("DELETE", f"{hooks}/{hook['id']}")


def remove_script(place: dict[str, Any], namespace: str, inspector: Inspector) -> None:
    script = script_at(place["alternateUrl"])
    inspector.cloudflare.call("DELETE", f"/namespaces/branchline-dev-{namespace}/scripts/{script}")


def heal_until_it_is_there(shop: App, url: str, number: int) -> None:
    """Look again and again until the address answers and the pull request is known."""

    def look() -> tuple[bool | None, object]:
        shop.developer.branchline.post(f"/api/apps/{shop.slug}/drift", {"heal": "safe"})
        answer = shop.developer.visit(url).status_code
        pulls = [preview["pullRequest"] for preview in shop.detail["previews"]]
        known = [pull["number"] for pull in pulls if pull]
        open_drift = shop.developer.branchline.get(f"/api/apps/{shop.slug}/drift")["items"]
        is_done = answer == httpx.codes.OK and number in known
        return (is_done or None), (answer, known, [item["kind"] for item in open_drift])

    wait_for("what nobody told of is found and healed", look, PATIENCE_SECONDS, every=5)


def wait_healed(shop: App, kinds: set[str]) -> None:
    """Wait until these kinds of drift were told of as healed: what is healed answers before that."""

    def look() -> tuple[bool | None, object]:
        told = shop.developer.branchline.get("/api/events", app=shop.detail["id"], tag="drift:healed")[
            "items"
        ]
        healed = {event["payload"]["kind"] for event in told}
        return (True if kinds <= healed else None), healed

    wait_for(f"{kinds} healed", look, 60)


def test_a_look_finds_what_nobody_told_of(ada: Developer, shop: App, inspector: Inspector) -> None:
    place = shop.detail["environments"]["production"]
    assert ada.visit(place["url"]).status_code == httpx.codes.OK
    remove_webhook(shop, inspector)
    pull = shop.open_pull_request("never heard of")
    remove_script(place, "production", inspector)
    assert ada.visit(place["url"]).status_code == httpx.codes.NOT_FOUND
    heal_until_it_is_there(shop, place["url"], pull.number)
    wait_healed(shop, {"script:gone", "webhook:missing"})
    pull.wait_live()
    pull.close()  # by the webhook that is there again
    pull.wait_comment("closed")
