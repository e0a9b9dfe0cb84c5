"""Pages stay current: through a restart of the web process, without a reload and without anything twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Route, expect

from sandbox.waiting import wait_for
from tests.browser.changes import facts_of, mark, set_variable
from tests.browser.visits import PHONE

if TYPE_CHECKING:
    from sandbox.city import City
    from sandbox.developer import App
    from tests.browser.visits import Visit

pytestmark = pytest.mark.timeout(300)
BACK_MS = 60_000
SEND_AND_STOP = """button => {
  fetch(button.form.action).then(() => window.stop());
  button.click();
  return button.ariaBusy;
}"""


def test_a_page_is_current_again_after_the_web_process_was_restarted(
    ada: Visit, city: City, shop: App
) -> None:
    page, control_plane = ada.page, city.daemons["control-plane"]
    page.goto("/activity?app=shop")
    expect(mark(page)).to_have_text("Live")
    page.evaluate("window.isSame = true")
    ada.is_cut_off = True
    ada.expected |= {502, 503}
    control_plane.end()
    expect(mark(page)).to_have_text("Reconnecting…")
    expect(page.get_by_role("heading", name="Activity")).to_be_visible()
    control_plane.start()
    control_plane.wait_ready()
    set_variable(shop, "WHILE_AWAY")
    expect(mark(page)).to_have_text("Live", timeout=BACK_MS)
    expect(facts_of(page, "WHILE_AWAY")).to_have_count(1)
    set_variable(shop, "AFTERWARDS")
    expect(facts_of(page, "AFTERWARDS")).to_have_count(1)
    expect(facts_of(page, "WHILE_AWAY")).to_have_count(1)
    assert page.evaluate("window.isSame")


def test_a_part_that_was_not_to_be_had_is_asked_for_again(ada: Visit, shop: App) -> None:
    page, refused = ada.page, list[Route]()
    ada.expected.add(503)

    def refuse_once(route: Route) -> None:
        if refused:
            route.continue_()
        else:
            refused.append(route)
            route.fulfill(status=503)

    page.clock.install()
    page.goto("/activity?app=shop")
    expect(mark(page)).to_have_text("Live")
    page.route("**part=**", refuse_once)
    with page.expect_response(lambda answer: answer.status == 503):
        set_variable(shop, "WHILE_REFUSED")
    page.clock.fast_forward(10_000)
    expect(facts_of(page, "WHILE_REFUSED")).to_have_count(1)


def test_readers_are_told_on_a_phone_too_that_a_page_is_current(ada: Visit) -> None:
    ada.page.set_viewport_size(PHONE)  # type: ignore[arg-type] # it is one
    ada.page.goto("/activity")
    expect(mark(ada.page)).to_match_aria_snapshot("- status: Live")


def test_a_form_that_was_stopped_on_its_way_may_be_sent_again(ada: Visit, shop: App) -> None:
    page, ada.is_cut_off = ada.page, True
    sent, stops = list[Route](), list[Route]()

    def hold(route: Route) -> None:
        (sent if route.request.method == "POST" else stops).append(route)
        if len(sent) == len(stops):
            stops[-1].fulfill(body="")

    page.clock.install()
    page.goto(f"/apps/{shop.slug}")
    page.route("**/variables", hold)
    page.locator("#variable-name").fill("STOPPED")
    button = page.locator(".variable-form button")

    def on_its_way() -> tuple[bool | None, object]:
        page.evaluate("0")  # what the browser told is heard meanwhile
        return (True if len(sent) == number else None), len(sent)

    for number in (1, 2):
        # A page that is being left answers nothing: it stops that itself when it hears that the form came.
        assert button.evaluate(SEND_AND_STOP) == "true"
        wait_for(f"form {number} on its way", on_its_way, 30)
        page.clock.fast_forward(10_000)
        expect(button).not_to_have_attribute("aria-busy", "true")


def test_one_event_is_shown_once_in_each_window(ada: Visit, shop: App) -> None:
    windows = [ada.page, ada.page.context.new_page()]
    for page in windows:
        page.goto("/activity?app=shop")
        expect(mark(page)).to_have_text("Live")
    set_variable(shop, "SEEN")
    for page in windows:
        expect(facts_of(page, "SEEN")).to_have_count(1)
