"""A browser, and people who sit before it; a complaint of the browser fails the test.

The city is the one that stories have too (`tests.cities`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.visits import PATIENCE_MS, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright, StorageState

    from sandbox.city import City
    from tests.e2e.leftovers import Inspector

# Nothing but this machine is asked: neither by pages, nor by the browser for itself.
ARGUMENTS = (
    "--disable-gpu",  # or a processor does its work, at a multiple of the cost
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE *.localhost",
)
Begin = Callable[..., Visit]
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def url(city: City) -> str:
    return city.plan.url("controlPlane")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's Chromium, or Playwright's own where there is none."""
    with sync_playwright() as playwright:
        # Its sandbox does not start for root.
        flags = [*ARGUMENTS, *(["--no-sandbox"] if os.getuid() == 0 else [])]
        browser = playwright.chromium.launch(executable_path=_chromium(playwright), args=flags)
        yield browser
        browser.close()


def _chromium(playwright: Playwright) -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), playwright.chromium.executable_path)
    if not Path(found).exists():
        pytest.skip("no Chromium: `apt install chromium`, or `.venv/bin/playwright install chromium`")
    return found


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_behind(city: City, inspector: Inspector) -> Iterator[None]:
    yield
    inspector.wait_until_nothing_is_left()
    for daemon in city.daemons.values():
        daemon.check()


@pytest.fixture(scope="session")
def sign_ins(browser: Browser, url: str) -> Callable[[str], StorageState]:
    """Return the cookies of somebody who signed in; everybody does so once."""
    known: dict[str, StorageState] = {}

    def of(login: str) -> StorageState:
        if login not in known:
            visit = Visit.begin(browser, url)
            visit.sign_in(login)
            known[login] = visit.page.context.storage_state()
            visit.end()
        return known[login]

    return of


@pytest.fixture
def visits(browser: Browser, url: str, sign_ins: Callable[[str], StorageState]) -> Iterator[Begin]:
    """Open windows for somebody by login, or for a stranger; all are closed and without complaints."""
    opened: list[Visit] = []

    def begin(login: str | None = "ada", **options: Any) -> Visit:
        visit = Visit.begin(browser, url, sign_ins(login) if login else None, **options)
        opened.append(visit)
        return visit

    yield begin
    for visit in opened:
        visit.end()


@pytest.fixture
def ada(visits: Begin) -> Visit:
    """A window of Ada, who is in the organisation."""
    return visits("ada")
