"""A worker's page, in the words of who works with it."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.browser.visits import Visit

HELLO = """
export async function hello({ name = "world", lines = 10 } = {}) {
  for (let line = 1; line <= lines; line++) {
    console.log(`${line} of ${lines}: hello, ${name}!`);
    await new Promise((done) => setTimeout(done, 50));
  }
  return { greeted: name, lines };
}
"""
_names = itertools.count(1)


def open_worker(visit: Visit, code: str = HELLO) -> dict[str, Any]:
    """Deploy a worker of the person's through the API that the page uses, and open it."""
    page = visit.page
    page.goto("/workers/new")
    made: dict[str, Any] = page.evaluate(
        """async ([name, code]) => {
          const headers = { "Content-Type": "application/json", "X-Form-Key": document.body.dataset.formKey };
          const body = JSON.stringify({ name, code });
          const answer = await fetch("/api/workers", { method: "POST", headers, body });
          return await answer.json();
        }""",
        [f"story-{next(_names)}", code],
    )
    assert "slug" in made, made
    page.goto(f"/workers/{made['slug']}")
    expect(page.locator(".editor .cm-content")).to_be_visible()
    return made


def lines(page: Page) -> Locator:
    return page.locator("#log-lines .log-line bdi")


def mark(page: Page) -> Locator:
    return page.locator(".log-mark")


def type_code(page: Page, code: str) -> None:
    """Put code in place of what the editor has."""
    page.locator(".editor .cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(code)


def set_payload(page: Page, payload: str) -> None:
    page.locator(".payload-editor .cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(payload)


def invoke(page: Page, payload: str) -> None:
    set_payload(page, payload)
    page.get_by_role("button", name="Invoke").click()
    expect(mark(page)).to_have_attribute("data-state", re.compile("ended|failed"))
