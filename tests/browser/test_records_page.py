"""What is recorded, in a browser: a run followed to its last line, what changed, what is said and done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from sandbox.developer import WORKER
from tests.browser.app_page import BUILD_MS, ONLY_PRODUCTION
from tests.browser.changes import facts_of, set_variable

if TYPE_CHECKING:
    from playwright.sync_api import Response

    from sandbox.developer import App, Developer
    from tests.browser.conftest import Begin
    from tests.browser.visits import Visit

pytestmark = pytest.mark.timeout(600)
SAID = "somebody said <b>hello</b>"


@pytest.fixture(scope="module")
def shop(developer: Developer) -> App:
    """An app whose server says on its console that somebody said hello."""
    source = developer.clone_template().read(WORKER)
    said = source.replace("  const name = new URL", f"  console.warn({SAID!r});\n  const name = new URL", 1)
    assert said != source
    app = developer.create_app("ledger", files=[{"path": WORKER, "content": said}], branches=ONLY_PRODUCTION)
    app.wait_live("production", app.checkout.git("rev-parse", "HEAD"))
    return app


def newest(app: App, message: str) -> str:
    """Return the deployment of a commit by its message."""
    return str(next(it["id"] for it in app.deployments() if (it["message"] or "").startswith(message)))


def test_a_run_is_followed_to_its_last_line(ada: Visit, shop: App) -> None:
    page, commit = ada.page, shop.push("Good evening")
    page.goto(f"/apps/{shop.slug}")
    page.get_by_role("link", name="Say Good evening").first.click(timeout=BUILD_MS)
    expect(page).to_have_url(re.compile("/deployments/dpl_"))
    page.evaluate("window.isSame = true")
    steps = page.locator("#build .step")
    expect(steps.first).to_be_visible(timeout=BUILD_MS)
    expect(page.locator("#summary .status").first).to_have_text("ready", timeout=BUILD_MS)
    expect(page.locator("#summary .tag-good")).to_have_text("live", timeout=BUILD_MS)
    expect(page.locator("#build .step-completed").nth(2)).to_be_visible(timeout=BUILD_MS)
    expect(page.locator("#log .log-line").first).to_be_visible(timeout=BUILD_MS)
    expect(page).to_have_title(f"{commit[:7]} · ledger")
    assert page.evaluate("window.isSame"), "the page was loaded again"
    expect(page.locator("#changes .changes-list")).to_contain_text("Say Good evening")
    expect(page.locator("#changes .since")).to_contain_text("Set up ledger")
    ada.look("deployment")


def test_words_are_found_in_a_log_and_lines_linked_to(ada: Visit, shop: App) -> None:
    page = ada.page
    page.goto(f"/deployments/{newest(shop, 'Say Good evening')}")
    page.get_by_label("Find in the log").fill("npm")
    expect(page.locator("#found")).to_have_text(re.compile("^1 of [0-9]+$"))
    page.get_by_label("Find in the log").press("Enter")
    expect(page.locator("#found")).to_have_text(re.compile("^2 of "))
    page.locator("#log a.log-number").nth(3).click()
    expect(page.locator(".log-line.is-meant")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert "npm" in download.value.path().read_text(encoding="utf-8")


def test_what_a_script_says_comes_while_one_looks(ada: Visit, shop: App, developer: Developer) -> None:
    page = ada.page
    page.goto(f"/deployments/{newest(shop, 'Say Good evening')}")
    expect(page.locator("#log .log-line").first).to_be_visible()  # it moves what is below it
    page.get_by_role("heading", name="What happened").scroll_into_view_if_needed()
    address = shop.detail["environments"]["production"]["url"]
    assert developer.visit(f"{address.rstrip('/')}/api/hello").is_success
    line = page.locator(".runtime-log .log-line", has_text=SAID).first
    expect(line).to_be_visible(timeout=BUILD_MS)
    expect(line).to_have_class(re.compile("log-warning"))


def test_parts_are_asked_for_again_when_somebody_comes_back(ada: Visit, shop: App) -> None:
    page, tags = ada.page, list[str | None]()
    page.on("response", lambda it: tags.append(it.headers.get("etag")) if is_changes(it) else None)
    page.goto(f"/deployments/{newest(shop, 'Say Good evening')}")
    expect(page.locator("#changes .changes-list")).to_be_visible()
    look = """isAway => {
      Object.defineProperty(document, "hidden", { value: isAway, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(f"({look})(true)")
    with page.expect_response(is_changes) as answer:
        page.evaluate(f"({look})(false)")
    assert answer.value.request.headers.get("if-none-match") in tags
    # It says how long ago things were, so that it is another one when a minute is over.
    assert answer.value.status in {200, 304}


def is_changes(answer: Response) -> bool:
    return "part=changes" in answer.url


def test_without_scripts_the_log_is_a_page(visits: Begin, shop: App) -> None:
    page = visits("ada", java_script_enabled=False).page
    page.goto(f"/deployments/{newest(shop, 'Say Good evening')}")
    page.get_by_role("link", name="Show the log").click()
    expect(page.locator("#L1")).to_be_attached()


def test_what_happens_comes_to_the_top_by_itself(ada: Visit, shop: App) -> None:
    page = ada.page
    page.goto("/activity?app=ledger")
    expect(page.locator(".fact").first).to_be_visible()
    page.evaluate("window.isSame = true")
    set_variable(shop, "GREETING")
    expect(facts_of(page, "GREETING")).to_have_count(1)
    expect(page.locator(".fact").first).to_contain_text("GREETING")
    expect(page.locator(".fact").first).to_contain_text("just now")
    assert page.evaluate("window.isSame"), "the page was loaded again"
    ada.look("activity")
    page.goto("/jobs?app=ledger")
    page.get_by_role("link", name="provision").click()
    expect(page.locator(".job-steps .step-completed").first).to_be_visible()
    ada.look("job")
