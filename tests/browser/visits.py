"""Somebody who looks at pages in a browser, and what a browser complains of meanwhile.

A visit collects every error of the console, every exception and everything that the page's policy refused,
and fails by any of it, but for answers that the story expects.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sandbox.plan import PROJECT, TOOLS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, StorageState

PATIENCE_MS = 30_000
SCREENSHOTS = PROJECT / ".sandbox" / "screenshots"
AXE = TOOLS / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = ("serious", "critical")
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}

# What a policy refuses is told to the page as an event; the console says it in words that change.
_WATCH = """
window.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, target }) =>
  console.error(`refused by the policy: ${violatedDirective} ${blockedURI} ${target.outerHTML}`));
"""
_STATUS = re.compile(r"Failed to load resource: the server responded with a status of ([0-9]{3})")


@dataclass
class Visit:
    """One browser window; `expected` are the statuses that the story leads to.

    One that `is_cut_off` may complain of connections that it does not get.
    """

    page: Page
    url: str
    expected: set[int] = field(default_factory=set)
    is_cut_off: bool = False
    complaints: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, browser: Browser, url: str, state: StorageState | None = None, **options: Any) -> Visit:
        """Open a window, with the cookies of `state`."""
        settings = {"viewport": DESKTOP, "reduced_motion": "reduce", **options}
        context: BrowserContext = browser.new_context(base_url=url, storage_state=state, **settings)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(_WATCH)
        visit = cls(context.new_page(), url)
        visit.page.on("console", visit._heard)
        visit.page.on("pageerror", lambda error: visit.complaints.append(f"exception: {error}"))
        return visit

    def end(self) -> None:
        """Close the window. Raises AssertionError with everything that the browser complained of."""
        self.page.context.close()
        assert self.complaints == [], "\n".join(self.complaints)

    def _heard(self, message: ConsoleMessage) -> None:
        place = message.location.get("url", "")
        if place and not place.startswith(self.url):
            return  # GitHub's own pages are not ours to look after
        status = _STATUS.match(message.text)
        if message.type not in {"error", "warning"} or (status and int(status[1]) in self.expected):
            return
        if self.is_cut_off and "net::ERR_" in message.text:
            return
        self.complaints.append(f"{message.type}: {message.text}")

    # -------------------- signing in

    def sign_in(self, login: str, wanted: str | None = None) -> None:
        """Sign in at the sandbox's GitHub, as anybody does, on the way to the address `wanted`."""
        self.page.goto("/login" + (f"?{urlencode({'next': wanted})}" if wanted else ""))
        self.go_through_sign_in(login)

    def go_through_sign_in(self, login: str) -> None:
        """Press what has to be pressed from the page that one signs in on, until one is back."""
        self.page.get_by_role("button", name=re.compile("GitHub")).or_(
            self.page.get_by_role("link", name=re.compile("with GitHub"))
        ).first.click()
        self.page.get_by_role("button", name=f"Continue as {login}", exact=True).click()
        self.page.get_by_role("button", name=re.compile("^Authorize")).click()
        self.page.wait_for_url(lambda url: url.startswith(self.url) and "/login" not in url)

    # -------------------- what is wrong, and how it looks

    def check_accessible(self) -> None:
        """Have axe look at the page. Raises AssertionError with what is serious."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        serious = [
            (it["id"], it["help"], [node["html"][:200] for node in it["nodes"]])
            for it in found["violations"]
            if it["impact"] in SERIOUS
        ]
        assert serious == [], json.dumps(serious, indent=2)

    def check_fits(self) -> None:
        """Raise AssertionError when the page is wider than the window."""
        wide = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{self.page.url} is {wide} pixels wider than the window"

    def keep(self, name: str, *, is_whole: bool = False) -> None:
        """Keep how the page looks, as far as one sees it or to its end."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=is_whole)

    def look(self, name: str) -> None:
        """Keep how the page looks, light and dark and on a phone, and check all three."""
        for look, scheme, size in (
            ("light", "light", DESKTOP),
            ("dark", "dark", DESKTOP),
            ("phone", "light", PHONE),
        ):
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type] # both are schemes
            self.page.set_viewport_size(size)  # type: ignore[arg-type] # it is one
            self.check_accessible()
            self.check_fits()
            self.keep(f"{name}-{look}", is_whole=True)
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size(DESKTOP)  # type: ignore[arg-type] # it is one
