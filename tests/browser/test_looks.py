"""Every page as it looks and as it is reached: light, dark, on a phone, by keyboard, without scripts.

How they look is kept in `.sandbox/screenshots`, for a person to see.
"""

from __future__ import annotations

import json
import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from sandbox.plan import OPERATOR
from sandbox.waiting import wait_for
from tests.integration.web.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from sandbox.developer import App, Developer, PullRequest
    from tests.browser.conftest import Begin

pytestmark = pytest.mark.timeout(600)
# The route of each page, and an address where there is none; what routes lack is made up by `addresses`.
PAGES = {
    "apps": "/",
    "apps-new": "/apps/new",
    "app": "/apps/<app>",
    "deployment": "/deployments/<deployment>",
    "deployment-log": "/deployments/<deployment>/log",
    "deployment-functions": "/deployments/<deployment>/functions",
    "activity": "/activity",
    "jobs": "/jobs",
    "job": "/jobs/<job>",
    "deliveries": "/deliveries",
    "delivery": "/deliveries/<guid>",
    "workers": "/workers",
    "workers-new": "/workers/new",
    "worker": "/workers/<worker>",
    "account": "/account",
    "login": "/login",
    "nowhere": "/apps/zzzzzzzz",
}
# Nobody stays there: every sign-in passes it, and one that is refused is shown the page of the sign-in.
PASSED = {"/login/callback"}
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
        "app": "shop",
        "deployment": deployment["id"],
        "job": job["id"],
        "guid": delivery["guid"],
        "worker": worker["slug"],
    }
    return {name: re.sub("<(.+?)>", lambda it: named[it[1]], rule) for name, rule in PAGES.items()}


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
    if address.startswith("/deployments/") and not address.endswith("/functions"):
        expect(page.locator("#build .step").first).to_be_visible()


def test_every_page_is_looked_at_here(migrated_sqlite_url: str) -> None:
    with closing(World(migrated_sqlite_url)) as world:
        rules = [it for it in world.web.url_map.iter_rules() if it.endpoint.startswith("pages_")]
    shown = {it.rule for it in rules if "GET" in (it.methods or ())}
    assert set(PAGES.values()) - {PAGES["nowhere"]} == shown - PASSED


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


def failed_job(developer: Developer) -> str:
    """Return the job of a call that failed for a reason that nobody should give."""
    code = f"export function hurt() {{ throw new TypeError({json.dumps(TEXT)}); }}"
    worker = developer.branchline.post("/api/workers", {"name": "hurt", "code": code})
    asked = f"/api/workers/{worker['slug']}/functions/hurt/jobs"
    job: str = developer.branchline.post(asked, {"retries": 0})["jobId"]

    def look() -> tuple[bool | None, object]:
        status = developer.branchline.get(f"/api/jobs/{job}")["status"]
        return (True if status == "failed" else None), status

    wait_for("the job failed", look, 60)
    return job


def push_of(shop: App, commit: str) -> str:
    """Return the delivery that told of a commit with its message."""
    branchline = shop.developer.branchline
    told = branchline.get("/api/deliveries")["items"]
    pushes: list[str] = [it["guid"] for it in told if it["event"] == "push"]
    return next(it for it in pushes if commit in branchline.get(f"/api/deliveries/{it}")["content"])


def deployed(shop: App, commit: str) -> str:
    """Return the deployment of a commit when it is ready."""

    def look() -> tuple[dict[str, Any] | None, object]:
        found = [it for it in shop.deployments() if it["commit"] == commit]
        done = next((it for it in found if it["status"] == "ready"), None)
        return done, [(it["status"], it["error"]) for it in found]

    return str(wait_for("the nasty deployment ready", look, 180)["id"])


def test_text_of_others_is_text_on_every_page(visits: Begin, shop: App, nasty: PullRequest) -> None:
    job, deployment = failed_job(shop.developer), f"/deployments/{deployed(shop, nasty.commit)}"
    visit = visits(OPERATOR)
    page = visit.page
    # Where the text is, if the page has it of itself and does not only list it among others.
    places = {
        "/": None,
        "/apps/shop": "#previews",
        "/activity?app=shop": None,
        "/jobs": None,
        "/deliveries": None,
        f"/deliveries/{push_of(shop, nasty.commit)}": "pre.body",
        f"/jobs/{job}": ".notice-bad",
        f"{deployment}/functions": ".standing-facts",
        deployment: "h1",
        f"{deployment}/log": "#log",
    }
    for number, (address, place) in enumerate(places.items()):
        show(page, address)
        if place is not None:
            expect(page.locator(place)).to_contain_text("<script>window.hurt=1</script>")
        visit.look(f"nasty-{number}")
        assert page.evaluate("window.hurt") is None
        assert page.locator("main img, main script, a[href^='javascript:']").count() == 0
