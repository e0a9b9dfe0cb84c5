"""Somebody's sign-in ends while a page is open: it leads there and back, and nothing typed is lost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.worker_page import lines, open_worker, set_payload, type_code

if TYPE_CHECKING:
    from tests.browser.conftest import Begin
    from tests.browser.visits import Visit

pytestmark = pytest.mark.timeout(420)
ENDED = "Your sign-in has ended. What you typed is kept in this tab."
CODE = "export function mine() { return 'mine'; }"


@pytest.fixture
def ada(visits: Begin) -> Visit:
    """A window of Ada whose requests are going to be refused."""
    visit = visits("ada")
    visit.expected.add(401)
    return visit


def end_sign_in(visit: Visit) -> None:
    """Have the browser forget who signed in, here and at GitHub."""
    visit.page.context.clear_cookies()


def test_who_deploys_signs_in_again_and_has_what_was_typed(ada: Visit) -> None:
    page, made = ada.page, open_worker(ada)
    type_code(page, CODE)
    end_sign_in(ada)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".refusal-text")).to_have_text(f"{ENDED} Sign in again")
    ada.check_accessible()
    page.get_by_role("link", name="Sign in again").click()
    ada.go_through_sign_in("ada")
    expect(page).to_have_url(re.compile(rf"/workers/{made['slug']}$"))
    expect(page.locator(".editor .cm-content")).to_contain_text("mine")
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page.locator(".deploy-state")).to_contain_text("Live after")


def test_who_calls_signs_in_again_and_has_the_payload(ada: Visit) -> None:
    page, _ = ada.page, open_worker(ada)
    set_payload(page, '{ "lines": 2 }')
    end_sign_in(ada)
    page.get_by_role("button", name="Invoke").click()
    expect(page.locator(".result-text")).to_have_text(ENDED)
    page.locator(".result-facts").get_by_role("link", name="Sign in again").click()
    ada.go_through_sign_in("ada")
    expect(page.locator(".payload-editor .cm-content")).to_contain_text('"lines": 2')
    page.get_by_role("button", name="Invoke").click()
    expect(lines(page)).to_have_text(["1 of 2: hello, world!", "2 of 2: hello, world!"])


def test_without_scripts_the_page_of_the_error_leads_back(visits: Begin) -> None:
    visit = visits("ada", java_script_enabled=False)
    visit.expected.add(401)
    page = visit.page
    page.goto("/workers/new")
    end_sign_in(visit)
    page.get_by_role("button", name="Deploy").click()
    expect(page.get_by_role("heading")).to_have_text("Your sign-in has ended")
    page.get_by_role("link", name="Sign in again").click()
    visit.go_through_sign_in("ada")
    expect(page).to_have_url(re.compile(r"/workers/new$"))
