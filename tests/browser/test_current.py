"""Pages are current from the moment at which they were read, also those that answer a form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Route, expect

from tests.browser.changes import facts_of, mark, set_variable

if TYPE_CHECKING:
    from sandbox.developer import App
    from tests.browser.visits import Visit

pytestmark = pytest.mark.timeout(300)
STREAM = re.compile(r"/api/events/stream\?")


def test_what_changes_before_a_page_hears_of_changes_is_shown(ada: Visit, shop: App) -> None:
    page, held = ada.page, list[Route]()

    def hold(route: Route) -> None:
        held.append(route)

    page.route(STREAM, hold, times=1)
    with page.expect_request(STREAM):
        page.goto("/activity?app=shop")
    page.evaluate("window.isSame = true")
    set_variable(shop, "MEANWHILE")
    (route,) = held
    route.continue_()
    expect(facts_of(page, "MEANWHILE")).to_have_count(1)
    expect(mark(page)).to_have_text("Live")
    assert page.evaluate("window.isSame")


def test_a_page_that_refuses_a_form_is_current(ada: Visit, shop: App) -> None:
    page, ada.expected = ada.page, {400}
    page.goto(f"/apps/{shop.slug}")
    page.locator("#variable-name").fill("no name")
    page.locator(".variable-form button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(mark(page)).to_have_text("Live")
    page.evaluate("window.isSame = true")
    set_variable(shop, "AFTER_THE_REFUSAL")
    expect(page.locator("#variables li", has_text="AFTER_THE_REFUSAL")).to_be_visible()
    expect(page.locator("#variable-name")).to_have_value("no name")
    assert page.evaluate("window.isSame")
    page.context.clear_cookies()
    set_variable(shop, "AFTER_THE_SIGN_IN")
    expect(page).to_have_url(re.compile(r"/login\?next="))
