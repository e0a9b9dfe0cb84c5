"""Every page as it looks and as it is reached: light, dark, on a phone, by keyboard, without scripts.

How they look is kept in `.sandbox/screenshots`, for a person to see.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from sandbox.plan import OPERATOR
from sandbox.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from sandbox.developer import App, PullRequest
    from tests.browser.conftest import Begin

pytestmark = pytest.mark.timeout(420)
# What each page is, and whether it has something to say without scripts.
PAGES = (
    "apps",
    "apps-new",
    "app",
    "deployment",
    "activity",
    "jobs",
    "job",
    "deliveries",
    "delivery",
    "workers",
    "workers-new",
    "worker",
    "account",
    "login",
    "nowhere",
)
TEXT = (
    '<script>window.hurt=1</script> "><img src=x onerror=window.hurt=1> javascript:alert(1) '
    "\u202egnitnuocca\u202c \u2066 🦊 👩‍👩‍👧 "
)
BRANCH = "javascript-alert-\u202eabc-🦊-<b>"
# Puts a mark on what has the focus; tells what it is, and whether one sees that it has it.
FOCUSED = """() => {
  const it = document.activeElement;
  if (!it || it === document.body) return null;
  it.dataset.visited = "";
  const looks = getComputedStyle(it);
  const ring = looks.outlineStyle !== "none" && parseFloat(looks.outlineWidth) > 0;
  const own = (element) => element && getComputedStyle(element);
  const around = own(it.closest(".editor-panel") || it.closest(".cm-editor, .option, label, .search"));
  const isSeen = ring || looks.boxShadow !== "none" ||
    (around && ((around.outlineStyle !== "none" && parseFloat(around.outlineWidth) > 0) ||
      around.boxShadow !== "none"));
  return isSeen ? "" : it.outerHTML.slice(0, 200);
}"""
UNVISITED = """() => [...document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")]
  .filter((it) => it.checkVisibility({ visibilityProperty: true }) && !it.disabled && it.tabIndex >= 0)
  .filter((it) => it.type !== "radio" && !("visited" in it.dataset) && !it.closest(".cm-editor"))
  .map((it) => it.outerHTML.slice(0, 200))"""


@pytest.fixture(scope="module")
def addresses(shop: App) -> dict[str, str]:
    """Where each page is."""
    branchline = shop.developer.branchline
    worker = branchline.post(
        "/api/workers", {"name": "looks", "code": "export function hello() { return 1; }"}
    )
    deployment = next(it for it in shop.deployments() if it["status"] == "ready")
    job = branchline.get("/api/jobs", app=shop.slug)["items"][-1]
    delivery = branchline.get("/api/deliveries")["items"][0]
    named = {
        "apps": "/",
        "apps-new": "/apps/new",
        "app": "/apps/shop",
        "deployment": f"/deployments/{deployment['id']}",
        "job": f"/jobs/{job['id']}",
        "delivery": f"/deliveries/{delivery['guid']}",
        "workers-new": "/workers/new",
        "worker": f"/workers/{worker['slug']}",
        "nowhere": "/apps/zzzzzzzz",
    }
    return {name: named.get(name, f"/{name}") for name in PAGES}


@pytest.fixture(scope="module")
def nasty(shop: App) -> Iterator[PullRequest]:
    """A pull request whose branch, commit, title and build are what nobody should write."""
    shop.checkout.switch("main")
    shop.checkout.git("switch", "--quiet", "--create", BRANCH)
    package = json.loads(shop.checkout.read("package.json"))
    shop.checkout.write("nasty.mjs", f"console.log({json.dumps(TEXT + 'x' * 10_000)})\n")
    package["scripts"]["prebuild"] = "node nasty.mjs"
    shop.checkout.write("package.json", json.dumps(package, indent=2) + "\n")
    commit = shop.checkout.commit(TEXT + "y" * 10_000)
    shop.checkout.push()
    pull = shop.open(TEXT + "z" * 100, BRANCH, commit)
    yield pull
    pull.close()


def window(visits: Begin, name: str, **options: Any) -> Page:
    """Open a window of who may see most, or of a stranger where that is what the page is for."""
    visit = visits(None if name == "login" else OPERATOR, **options)
    visit.expected |= {404} if name == "nowhere" else set()
    return visit.page


def show(page: Page, address: str) -> None:
    """Go somewhere, and wait until the page has what it fetches by itself."""
    page.goto(address)
    expect(page.locator("h1").first).to_be_visible()
    if address.startswith("/deployments/"):
        expect(page.locator("#build .step").first).to_be_visible()


@pytest.mark.parametrize("name", PAGES)
def test_pages_look_well_in_light_dark_and_on_a_phone(
    name: str, visits: Begin, addresses: dict[str, str]
) -> None:
    visit = visits(None if name == "login" else OPERATOR)
    visit.expected |= {404} if name == "nowhere" else set()
    show(visit.page, addresses[name])
    visit.look(name)


@pytest.mark.parametrize("name", PAGES)
def test_every_control_is_reached_by_keyboard_and_is_seen_to_be(
    name: str, visits: Begin, addresses: dict[str, str]
) -> None:
    page = window(visits, name)
    show(page, addresses[name])
    unseen, rounds = set[str](), 0
    for _ in range(300):
        page.keyboard.press("Tab")
        told = page.evaluate(FOCUSED)
        # Behind the last it begins with the first, which a field that has the focus at once leaves out.
        rounds += told is None
        if rounds == 2:
            break
        unseen |= {told or ""} - {""}
    assert unseen == set()
    assert page.evaluate(UNVISITED) == []


@pytest.mark.parametrize("name", PAGES)
def test_pages_can_be_read_without_scripts(name: str, visits: Begin, addresses: dict[str, str]) -> None:
    page = window(visits, name, java_script_enabled=False)
    page.goto(addresses[name])
    expect(page.locator("h1").first).to_be_visible()
    expect(page.locator("main")).not_to_be_empty()
    expect(page.locator("dialog")).to_have_count(0)


def test_a_log_can_be_read_without_scripts(visits: Begin, addresses: dict[str, str]) -> None:
    page = window(visits, "deployment", java_script_enabled=False)
    page.goto(addresses["deployment"])
    page.get_by_role("link", name="Show the log").click()
    expect(page.locator("#log .log-line").first).to_be_visible()
    expect(page.locator("#build .step").first).to_be_visible()


def test_text_of_others_is_text_on_every_page(visits: Begin, shop: App, nasty: PullRequest) -> None:
    def look() -> tuple[dict[str, Any] | None, object]:
        found = [it for it in shop.deployments() if it["commit"] == nasty.commit]
        done = next((it for it in found if it["status"] == "ready"), None)
        return done, [(it["status"], it["error"]) for it in found]

    deployment = wait_for("the nasty deployment ready", look, 90)
    visit = visits(OPERATOR)
    page = visit.page
    log = f"/deployments/{deployment['id']}/log"
    for number, address in enumerate(("/", "/apps/shop", "/activity?app=shop", "/jobs", "/deliveries", log)):
        show(page, address)
        visit.look(f"nasty-{number}")
        assert page.evaluate("window.hurt") is None
        assert page.locator("main img, main script, a[href^='javascript:']").count() == 0
    expect(page.locator("#log")).to_contain_text("<script>window.hurt=1</script>")
    expect(page.locator("h1")).to_contain_text("<script>window.hurt=1</script>")
