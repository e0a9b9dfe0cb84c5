"""An app's page, in the words of who works with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

# A push is built by a real runner, with real npm and wrangler.
BUILD_MS = 120_000
# For an app of which nobody looks at more: each branch that is mapped is built.
ONLY_PRODUCTION = {"main": "production"}


@dataclass
class AppPage:
    """The page of the app called `name` in somebody's window."""

    page: Page
    name: str

    @classmethod
    def opened(cls, page: Page, name: str) -> AppPage:
        """Go there."""
        page.goto(f"/apps/{name}")
        return cls(page, name)

    def environment(self, name: str) -> Locator:
        """Return the card of an environment."""
        return self.page.get_by_role("article", name=name, exact=True)

    def deployment(self, text: str) -> Locator:
        """Return the rows of deployments whose message or commit has this text."""
        return self.page.locator("#timeline .entry", has_text=text)

    def preview(self, title: str) -> Locator:
        """Return the row of a pull request."""
        return self.page.locator("#previews .preview", has_text=title)

    def wait_live(self, environment: str, message: str) -> str:
        """Wait until a card shows a commit as live, and return its address."""
        card = self.environment(environment)
        expect(card.locator(".environment-message")).to_have_text(message, timeout=BUILD_MS)
        expect(card.locator("header .status")).to_have_text("live", timeout=BUILD_MS)
        return str(card.locator(".environment-address a").get_attribute("href"))

    def ask(self, place: Locator, label: str) -> Locator:
        """Press what acts, and return the dialog that says what will change."""
        place.locator("summary", has_text=label).first.click()
        dialog = self.page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        return dialog

    def act(self, place: Locator, label: str, button: str | None = None) -> None:
        """Press what acts, and say yes; the page comes again and says what happens now."""
        yes = self.ask(place, label).get_by_role("button", name=button or label, exact=True)
        with self.page.expect_navigation():  # the page before may have such a notice, too
            yes.click()
        expect(self.page.locator(".notice-good")).to_be_visible()
