"""Variables, secrets and the policy of an app, as others change them while somebody looks, and types."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Route, expect

from sandbox.plan import OPERATOR
from sandbox.waiting import wait_for
from tests.browser.app_page import AppPage
from tests.browser.changes import put, set_variable

if TYPE_CHECKING:
    from sandbox.developer import App
    from tests.browser.conftest import Begin
    from tests.browser.visits import Visit

pytestmark = pytest.mark.timeout(420)


def test_what_others_set_appears_without_a_reload_and_what_is_typed_stays(ada: Visit, shop: App) -> None:
    page, panel = AppPage.opened(ada.page, "shop").page, ada.page.locator("#variables")
    expect(page.locator("#live")).to_have_text("Live")
    page.evaluate("window.isSame = true")
    name, value = panel.get_by_label("Name"), panel.get_by_label("Value")
    name.fill("MINE")
    value.fill("half of what I wan")
    put(shop, "variables", "THEIRS", "https://theirs.example")
    row = panel.locator("li", has_text="THEIRS")
    expect(row).to_contain_text("https://theirs.example")
    expect(value).to_be_focused()
    page.locator("h1").click()
    put(shop, "secrets", "HIDDEN", "nobody-sees")
    expect(panel.locator("li", has_text="HIDDEN").locator(".tag")).to_have_text("secret")
    shop.developer.branchline.call("DELETE", f"/api/apps/{shop.slug}/environments/preview/variables/THEIRS")
    expect(row).to_have_count(0)
    expect(name).to_have_value("MINE")
    expect(value).to_have_value("half of what I wan")
    assert page.evaluate("window.isSame")


def test_a_policy_that_somebody_else_sets_is_shown(visits: Begin, shop: App) -> None:
    page = AppPage.opened(visits(OPERATOR).page, "shop").page
    expect(page.locator("#live")).to_have_text("Live")
    for policy in ("all", "off"):
        shop.developer.branchline.call("PATCH", f"/api/apps/{shop.slug}", {"heal": policy})
        expect(page.get_by_label("May be healed by itself")).to_have_value(policy)
    shop.developer.branchline.call("PATCH", f"/api/apps/{shop.slug}", {"heal": None})
    expect(page.get_by_label("May be healed by itself")).to_have_value("")


def test_what_was_chosen_and_not_sent_yet_stays(visits: Begin, shop: App) -> None:
    page = AppPage.opened(visits(OPERATOR).page, "shop").page
    expect(page.locator("#live")).to_have_text("Live")
    chosen = page.get_by_label("May be healed by itself")
    chosen.select_option("all")
    page.locator("h1").click()
    with page.expect_response(lambda answer: "part=activity" in answer.url):
        shop.developer.branchline.call("PATCH", f"/api/apps/{shop.slug}", {"heal": "off"})
    expect(page.locator("#activity")).to_contain_text("policy")
    expect(chosen).to_have_value("all")
    chosen.select_option("")  # as it came, so it is current again
    expect(chosen).to_have_value("off")
    shop.developer.branchline.call("PATCH", f"/api/apps/{shop.slug}", {"heal": None})
    expect(chosen).to_have_value("")


def test_what_is_pressed_while_its_part_comes_again_acts(ada: Visit, shop: App) -> None:
    set_variable(shop, "PRESSED")
    page, held = AppPage.opened(ada.page, "shop").page, list[Route]()
    expect(page.locator("#live")).to_have_text("Live")
    remove = page.locator("#variables li", has_text="PRESSED").locator("summary")

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**part=variables**", hold, times=1)
    set_variable(shop, "YONDER")
    wait_for("the part on its way", lambda: (held or None, page.evaluate("0")), 60)
    remove.hover()
    page.mouse.down()
    held[0].continue_()
    held[0].request.response().finished()  # type: ignore[union-attr] # it was let go
    page.evaluate("new Promise((done) => setTimeout(done, 100))")
    page.mouse.up()
    expect(page.get_by_role("dialog")).to_contain_text("PRESSED")
    page.keyboard.press("Escape")
    expect(page.locator("#variables li", has_text="YONDER")).to_be_visible()
