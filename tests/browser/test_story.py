"""The product's story as a developer sees it in a browser, from nothing to production and away again."""

from __future__ import annotations

import os
import re
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from sandbox.story import wait_gone
from sandbox.waiting import wait_for
from tests.browser.app_page import BUILD_MS, AppPage
from tests.browser.visits import Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Locator, Page, StorageState

    from sandbox.city import City
    from sandbox.daemon import Daemon
    from sandbox.developer import App, Developer
    from tests.browser.conftest import Begin
    from tests.e2e.leftovers import Inspector

pytestmark = pytest.mark.timeout(600)
FIRST = "Set up kiosk"


@pytest.fixture(scope="module")
def kiosk(browser: Browser, city: City, sign_ins: Callable[[str], StorageState], developer: Developer) -> App:
    """An app that Ada asks for on a page, which the last story deletes."""
    visit = Visit.begin(browser, city.plan.url("controlPlane"), sign_ins("ada"))
    begin_kiosk(visit.page, developer, city.daemons["cloudflare"])
    visit.end()
    return developer.app("kiosk")


@contextmanager
def held(daemon: Daemon) -> Iterator[None]:
    """Have a process of the city answer nobody until the block ends."""
    assert daemon.pid
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(daemon.pid, signal.SIGCONT)


def begin_kiosk(page: Page, developer: Developer, cloudflare: Daemon) -> None:
    page.goto("/")
    page.get_by_role("link", name="New app").click()
    page.get_by_label("Name", exact=True).fill("kiosk")
    with held(cloudflare):  # which is asked in the middle: it is not made before somebody looks
        page.get_by_role("button", name="Create app").click()
        expect(page).to_have_url(re.compile(r"/apps/kiosk\?done=requested"))
        expect(page).to_have_title("● provisioning · kiosk")
        expect(page.locator(".step-completed").first).to_be_visible()
    address = AppPage(page, "kiosk").wait_live("production", FIRST)
    assert developer.visit(address).is_success
    expect(page).to_have_title("kiosk")


@pytest.fixture
def page_of_kiosk(ada: Visit, kiosk: App) -> AppPage:
    del kiosk
    return AppPage.opened(ada.page, "kiosk")


def answers(app: App, address: str) -> str:
    """Return which commit answers at an address."""
    return str(app.version(address).get("commit"))


def _other_than(commit: str, found: str) -> tuple[bool | None, object]:
    return (True if found != commit else None), found


def wait_commit(app: App, address: str, commit: str) -> None:
    """Wait until a commit answers at an address."""

    def look() -> tuple[bool | None, object]:
        found = answers(app, address)
        return (True if found == commit else None), found

    wait_for(f"{address} with {commit[:7]}", look, 60)


def test_an_app_begins_on_a_page_and_goes_live_without_a_reload(kiosk: App) -> None:
    assert kiosk.detail["status"] == "ready"


def test_a_push_appears_and_becomes_ready_by_itself(
    page_of_kiosk: AppPage, kiosk: App, visits: Begin
) -> None:
    page, icon = page_of_kiosk.page, page_of_kiosk.page.locator("link[rel=icon]")
    calm, listed = str(icon.get_attribute("href")), listed_kiosk(visits("ada").page)
    page.evaluate("window.isSame = true")
    kiosk.push("Good day")
    row = page_of_kiosk.deployment("Say Good day")
    expect(row.locator(".status")).to_have_text(re.compile("queued|building|deploying"), timeout=BUILD_MS)
    expect(page).to_have_title(re.compile("^● (queued|building|deploying) · kiosk$"))
    expect(icon).to_have_attribute("href", re.compile("favicon-busy"))
    page_of_kiosk.wait_live("production", "Say Good day")
    expect(row.locator(".status")).to_have_text("ready")
    expect(row.locator(".tag-good")).to_have_text("live")
    expect(row.locator("svg")).to_have_attribute("aria-label", re.compile("install .+ s, build .+ s"))
    expect(row).to_have_count(1)
    expect(page).to_have_title("kiosk")
    expect(icon).to_have_attribute("href", calm)
    expect(listed).to_contain_text("Say Good day")
    expect(listed.locator(".status")).to_have_text("ready")
    assert all(it.evaluate("window.isSame") for it in (page, listed.page))


def listed_kiosk(page: Page) -> Locator:
    """Open the list of apps, and return the row of the kiosk, which shows what was pushed first."""
    page.goto("/")
    page.evaluate("window.isSame = true")
    row = page.locator(".apps-table tbody tr", has_text="kiosk")
    expect(row).to_contain_text(FIRST)
    return row


def test_a_rollback_says_what_changes_and_holds_until_resumed(page_of_kiosk: AppPage, kiosk: App) -> None:
    card = page_of_kiosk.environment("production")
    second = kiosk.detail["environments"]["production"]
    dialog = page_of_kiosk.ask(card, "Roll back")
    expect(dialog.locator(".change dt")).to_have_text(["Live now", "Live then"])
    expect(dialog.locator(".change dd")).to_have_text([re.compile("Say Good day"), re.compile(FIRST)])
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    page_of_kiosk.act(card, "Roll back")
    address = page_of_kiosk.wait_live("production", FIRST)
    expect(card.locator(".tag-accent")).to_have_text("pinned")
    wait_for("the first commit", lambda: _other_than(second["commit"], answers(kiosk, address)), 60)
    page_of_kiosk.act(card, "Resume")
    page_of_kiosk.wait_live("production", "Say Good day")
    expect(card.locator(".tag-accent")).to_have_count(0)
    wait_commit(kiosk, address, second["commit"])


def test_staging_is_promoted_with_the_same_bytes(page_of_kiosk: AppPage, kiosk: App) -> None:
    commit = kiosk.push("Good evening", "staging")
    page_of_kiosk.wait_live("staging", "Say Good evening")
    page_of_kiosk.act(page_of_kiosk.environment("staging"), "Promote to production", "Promote")
    address = page_of_kiosk.wait_live("production", "Say Good evening")
    wait_commit(kiosk, address, commit)
    expect(page_of_kiosk.deployment("Say Good evening").first).to_contain_text("promoted")


def test_a_pull_requests_preview_appears_with_its_address(
    ada: Visit, page_of_kiosk: AppPage, kiosk: App
) -> None:
    expect(page_of_kiosk.page.locator("#previews")).to_contain_text("No open pull requests")
    pull = kiosk.open_pull_request("Blue button")
    row = page_of_kiosk.preview("Blue button")
    expect(row.locator(".status")).to_have_text("ready", timeout=BUILD_MS)
    wait_commit(kiosk, str(row.locator(".preview-address a").get_attribute("href")), pull.commit)
    expect(row).to_have_count(1)
    expect(row).to_contain_text("days left")
    ada.page.set_viewport_size({"width": 1200, "height": 900})
    ada.keep("readme-app")
    pull.close()
    expect(row).to_have_count(0)


def test_variables_show_and_secrets_never_do(page_of_kiosk: AppPage, kiosk: App) -> None:
    page, panel = page_of_kiosk.page, page_of_kiosk.page.locator("#variables")
    for name, value, is_secret in (("API_URL", "https://api.example", False), ("KEY", "nobody-sees", True)):
        panel.get_by_label("Environment").select_option("production")
        panel.get_by_label("Name").fill(name)
        panel.get_by_label("Value").fill(value)
        panel.get_by_label("Secret").set_checked(is_secret)
        with page.expect_navigation():  # what is set may be shown before
            panel.get_by_role("button", name="Set").click()
        expect(page.locator(".notice-good")).to_contain_text("Saved.")
    expect(panel).to_contain_text("https://api.example")
    expect(panel.locator("li", has_text="KEY").locator(".tag")).to_have_text("secret")
    assert "nobody-sees" not in page.content()
    page_of_kiosk.act(panel.locator("li", has_text="API_URL"), "Remove")
    expect(panel).not_to_contain_text("https://api.example")
    assert [it["name"] for it in kiosk.detail.get("variables", [])] in ([], ["KEY"])


def test_what_drifted_is_shown_and_healed(page_of_kiosk: AppPage, kiosk: App, inspector: Inspector) -> None:
    hook = inspector.github.get(f"/repos/{kiosk.repository}/hooks")[0]
    inspector.github.call("DELETE", f"/repos/{kiosk.repository}/hooks/{hook['id']}")
    inspector.branchline.post(f"/api/apps/{kiosk.slug}/drift", {"heal": "off"})
    panel = page_of_kiosk.page.locator("#drift")
    expect(panel.locator(".tag-warn")).to_have_text(re.compile("webhook"))
    page_of_kiosk.act(panel, "Heal")
    expect(panel.locator(".tag-warn")).to_have_count(0)
    assert len(inspector.github.get(f"/repos/{kiosk.repository}/hooks")) == 1


def test_an_app_is_deleted_when_its_name_is_typed(ada: Visit, page_of_kiosk: AppPage, kiosk: App) -> None:
    place = kiosk.detail["environments"]["production"]
    ada.expected.add(404)
    page = page_of_kiosk.page
    dialog = page_of_kiosk.ask(page.locator("#settings"), "Delete…")
    dialog.get_by_label("Type kiosk").fill("kios")
    dialog.get_by_role("button", name="Delete kiosk").click()
    expect(dialog).to_be_visible()
    dialog.get_by_label("Type kiosk").fill("kiosk")
    dialog.get_by_role("button", name="Delete kiosk").click()
    wait_gone(kiosk.developer, [place["url"], place["alternateUrl"]])
    expect(page.locator(".failure-status")).to_have_text("404")
    page.goto("/")
    expect(page.locator(".app-name", has_text="kiosk")).to_have_count(0)
