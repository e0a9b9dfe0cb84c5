"""Functions of an app, called from its page as a worker's are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.app_page import ONLY_PRODUCTION

if TYPE_CHECKING:
    from sandbox.developer import Developer
    from tests.browser.visits import Visit

pytestmark = pytest.mark.timeout(600)
CODE = """
let isServed = false;
export async function brew({ cups = 3 } = {}) {
  for (let cup = 1; cup <= cups; cup++) console.info(`cup ${cup}`);
  while (!isServed) await new Promise((done) => setTimeout(done, 50));
  return { cups };
}
export const serve = () => (isServed = true);
"""


def test_functions_of_what_is_live_are_called_from_the_page_of_their_app(
    ada: Visit, developer: Developer
) -> None:
    app = developer.create_app(
        "cafe", files=[{"path": "functions/brew.ts", "content": CODE}], branches=ONLY_PRODUCTION
    )
    app.wait_live("production", app.checkout.git("rev-parse", "HEAD"))
    page = ada.page
    page.goto(f"/apps/{app.slug}")
    page.get_by_role("link", name="Functions").first.click()
    expect(page.locator("#function")).to_have_value("brew")
    deployment = page.url.split("/")[-2]
    expect(page.locator("[data-command=cli] code")).to_have_text(
        f"branchline deployments invoke {deployment} brew --stream --data '{{}}'"
    )
    ada.look("functions")
    page.get_by_role("button", name="Invoke").click()
    expect(page.locator(".log-mark")).to_have_text("streaming")
    expect(page.locator("#log-lines bdi")).to_have_text(["cup 1", "cup 2", "cup 3"])
    expect(page.locator(".log-mark")).to_have_text("streaming")
    developer.branchline.post(f"/api/deployments/{deployment}/functions/serve", {})
    expect(page.locator(".result-text")).to_contain_text('"cups": 3')
    expect(page.locator(".log-mark")).to_have_text("ended")
