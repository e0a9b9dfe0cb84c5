"""Code in the browser: typed, kept, deployed by whoever comes first, and nothing of it is ever lost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Route, expect

from tests.browser.worker_page import invoke, open_worker, type_code

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from sandbox.developer import Developer
    from tests.browser.visits import Visit

pytestmark = pytest.mark.timeout(420)
TYPED = """
interface Order { readonly size: number }
// at most a dozen
export function brew(cups: Order): string {
  return cups.size > 12 ? "none" : String(Math.round(cups.size));
}
"""


def test_what_does_not_compile_is_shown_at_its_line_and_survives_a_reload(
    ada: Visit, developer: Developer
) -> None:
    page, code = ada.page, "export const fine = 1;\nexport function broken( {\n"
    made = open_worker(ada)
    ada.expected.add(422)
    type_code(page, code)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".refusal-text")).to_have_text("Nothing was deployed: it does not compile.")
    expect(page.locator(".problems .link").first).to_have_text(re.compile(r"^functions\.ts:\d+:\d+$"))
    expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    expect(page.locator(".tab-problems")).to_have_text("1")
    ada.look("worker-problems")
    page.reload()
    expect(page.locator(".editor .cm-content")).to_contain_text("broken")
    expect(page.locator(".deploy-state")).to_contain_text("What you typed is back.")
    page.get_by_role("button", name="Discard it").click()
    expect(page.locator(".editor .cm-content")).to_contain_text("hello")
    page.reload()
    expect(page.locator(".deploy-state")).to_have_text("")
    assert developer.branchline.get(f"/api/workers/{made['id']}")["version"] == made["version"]


def test_who_was_faster_is_told_of_and_nothing_typed_is_lost(ada: Visit, developer: Developer) -> None:
    page = ada.page
    made = open_worker(ada)
    ada.expected.add(409)
    type_code(page, "export function mine() { return 'mine'; }")
    body = {"code": "export function theirs() { return 'theirs'; }"}
    developer.branchline.call("PUT", f"/api/workers/{made['id']}", body)
    expect(page.locator("#newer")).to_contain_text("What you typed is untouched.")
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page.locator("#newer")).to_contain_text("Version 2 by operator went live meanwhile.")
    page.get_by_text("Look at theirs").click()
    expect(page.locator("#newer pre")).to_contain_text("theirs")
    page.reload()
    expect(page.locator(".editor .cm-content")).to_contain_text("mine")
    expect(page.locator("#newer")).to_contain_text("A newer version went live meanwhile.")
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page.locator("#newer")).to_contain_text("Version 2 by operator went live meanwhile.")
    page.get_by_role("button", name="Deploy mine as the next version").click()
    expect(page.locator(".deploy-state")).to_contain_text("Live after")
    expect(page.locator("#function")).to_have_value("mine")
    expect(page.locator(".version")).to_have_count(3)
    invoke(page, "")
    expect(page.locator(".result-text")).to_have_text('"mine"')


def test_mine_is_deployed_although_theirs_has_not_come_yet(ada: Visit, developer: Developer) -> None:
    page = ada.page
    made = open_worker(ada)
    ada.expected.add(409)
    on_their_way: list[Route] = []

    def hold(route: Route) -> None:
        on_their_way.append(route)

    page.route(f"**/api/workers/{made['id']}/versions/**", hold)
    type_code(page, "export function mine() { return 'mine'; }")
    body = {"code": "export function theirs() { return 'theirs'; }"}
    developer.branchline.call("PUT", f"/api/workers/{made['id']}", body)
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page.locator("#newer")).to_contain_text("Version 2 by operator went live meanwhile.")
    page.get_by_role("button", name="Deploy mine as the next version").click()
    expect(page.locator(".deploy-state")).to_contain_text("Live after")
    assert on_their_way
    for route in on_their_way:
        route.fulfill(json={"files": []})


def test_several_files_are_tabs_and_an_earlier_version_goes_live_again(ada: Visit) -> None:
    page = ada.page
    open_worker(ada, "export function greet() { return 'one'; }")
    page.get_by_role("button", name="New file").click()
    page.keyboard.type("lib.ts")
    page.keyboard.press("Enter")
    page.keyboard.insert_text("export const word = 'two';")
    page.get_by_role("tab", name="functions.ts").click()
    page.get_by_role("button", name="Rename").click()
    page.keyboard.press("Control+a")
    page.keyboard.type("index.ts")
    page.keyboard.press("Enter")
    type_code(page, "import { word } from './lib';\nexport function greet() { return word; }")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".deploy-state")).to_contain_text("Live after")
    invoke(page, "")
    expect(page.locator(".result-text")).to_have_text('"two"')
    page.reload()
    expect(page.get_by_role("tab")).to_have_text(["index.ts", "lib.ts"])
    page.locator(".version").nth(1).locator("summary").click()
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(page.locator(".version")).to_have_count(3)
    expect(page.get_by_role("tab")).to_have_text(["functions.ts"])
    invoke(page, "")
    expect(page.locator(".result-text")).to_have_text('"one"')


def test_what_is_typed_instead_of_a_draft_replaces_what_is_live(ada: Visit, developer: Developer) -> None:
    page = ada.page
    made = open_worker(ada)
    type_code(page, "export function mine() { return 'mine'; }")
    body = {"code": "export function theirs() { return 'theirs'; }"}
    developer.branchline.call("PUT", f"/api/workers/{made['id']}", body)
    page.reload()
    page.get_by_role("button", name="Discard it").click()
    expect(page.locator(".editor .cm-content")).to_contain_text("theirs")
    type_code(page, "export function both() { return 'both'; }")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".deploy-state")).to_contain_text("Live after")


def test_who_closes_a_question_is_where_it_was_asked_though_its_part_was_fetched_again(
    ada: Visit, developer: Developer
) -> None:
    page = ada.page
    made = open_worker(ada)
    button = page.locator(f"#restore-{made['version']}-ask")

    def deploy(number: int) -> None:
        body = {"code": f"export function hello() {{ return {number}; }}"}
        developer.branchline.call("PUT", f"/api/workers/{made['id']}", body)
        expect(page.locator(".version")).to_have_count(number)

    deploy(2)
    button.click()
    deploy(3)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()
    deploy(4)
    expect(button).to_be_focused()


def test_code_is_coloured_as_typescript_in_light_and_dark(ada: Visit) -> None:
    page = ada.page
    open_worker(ada, TYPED)
    editor = page.locator(".editor .cm-content")

    def colour(text: str) -> str:
        token = editor.locator("span", has_text=re.compile(f"^{re.escape(text)}$")).first
        return str(token.evaluate("it => getComputedStyle(it).color"))

    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        plain = str(editor.evaluate("it => getComputedStyle(it).color"))
        # A keyword, a name that is given, a type, a text, a number and a comment; then a name that is used.
        told = [colour(it) for it in ("export", "cups", "Order", '"none"', "12", "// at most a dozen")]
        assert len({*told, plain}) == len(told) + 1, (scheme, plain, told)
        assert colour("Math") == plain


def test_what_is_copied_is_what_is_shown(ada: Visit) -> None:
    page = ada.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=ada.url)
    open_worker(ada)
    invoke(page, '{ "lines": 1 }')
    command = page.locator('[data-command="api"]')
    for button, shown in (
        (page.locator("#result-copy"), page.locator(".result-text")),
        (command.get_by_role("button"), command.locator("code")),
    ):
        expect(button).to_have_text("Copy")
        button.click()
        expect(button).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == shown.inner_text()
