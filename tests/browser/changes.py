"""What others change while somebody looks at a page, and how the page tells of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from sandbox.developer import App


def put(app: App, kind: str, name: str, value: str) -> None:
    """Set a variable of previews, or a secret, over the API."""
    path = f"/api/apps/{app.slug}/environments/preview/{kind}/{name}"
    app.developer.branchline.call("PUT", path, {"value": value})


def set_variable(app: App, name: str) -> None:
    """Set a variable of previews of which nobody reads the value."""
    put(app, "variables", name, "1")


def mark(page: Page) -> Locator:
    """Return what says whether a page is live."""
    return page.locator("#live")


def facts_of(page: Page, name: str) -> Locator:
    """Return the rows of the activity that tell that this variable was set; each test sets its own."""
    rows = page.locator("#events .fact", has=page.locator("[title='variable:set']"))
    return rows.filter(has=page.locator(".fact-gist", has_text=re.compile(rf"\b{name}\b")))
