"""A worker's page as people meet it: two clicks to a stream of lines, and nothing typed is ever lost."""

from __future__ import annotations

import itertools
import re
import time
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from sandbox.developer import Developer
    from tests.browser.conftest import Begin
    from tests.browser.visits import Visit

# Cuts the first answer of a call behind its fourth event, as a connection that breaks does.
CUT = """
const real = window.fetch;
window.cuts = [];
window.fetch = async (url, options) => {
  const answer = await real(url, options);
  window.cuts.push([options?.method ?? "GET", new Headers(options?.headers).get("Last-Event-ID")]);
  if (!String(url).includes("/invoke/")) return answer;
  const reader = answer.body.getReader();
  let events = 0;
  const body = new ReadableStream({
    async pull(controller) {
      const { value } = await reader.read();
      controller.enqueue(value);
      events += new TextDecoder().decode(value).split("\\nid: ").length - 1;
      if (events < 4) return;
      await reader.cancel();
      controller.error(new TypeError("network error"));
    },
  });
  return new Response(body, answer);
};
"""
HELLO = """
export async function hello({ name = "world", lines = 10 } = {}) {
  for (let line = 1; line <= lines; line++) {
    console.log(`${line} of ${lines}: hello, ${name}!`);
    await new Promise((done) => setTimeout(done, 50));
  }
  return { greeted: name, lines };
}
"""
NASTY = """
const text =
  "<img src=x onerror='window.hurt=1'><script>window.hurt=1</script> javascript:alert(1) " +
  "\\u202eabc\\u2066 🎉";
export function größe$(payload: unknown) {
  console.log(text);
  console.warn("\\u001b[31mred\\u001b[0m and plain\\u0007");
  console.error("x".repeat(10_000));
  if (payload === "throw") throw new TypeError(text);
  return { [text]: text };
}
"""
MANY = """
export async function many(count: number) {
  for (let n = 1; n <= count; n++) {
    console[n % 100 === 0 ? "warn" : "log"](`line ${n}`);
    if (n % 50 === 0) await new Promise((done) => setTimeout(done, 1));
  }
  return count;
}
"""
TYPED = """
interface Order { readonly size: number }
// at most a dozen
export function brew(cups: Order): string {
  return cups.size > 12 ? "none" : String(Math.round(cups.size));
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


# -------------------- from nothing to a stream


def test_a_stranger_reaches_a_stream_within_a_minute(visits: Begin) -> None:
    visit, began = visits(None), time.monotonic()
    page = visit.page
    page.goto("/")
    visit.go_through_sign_in("ada")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Workers").click()
    page.get_by_role("link", name="New worker").click()
    page.get_by_role("button", name="Deploy").click()
    page.get_by_role("button", name="Invoke").click()
    expect(lines(page)).not_to_have_count(0)
    assert time.monotonic() - began < 60
    expect(mark(page)).to_have_text("streaming")
    seen = lines(page).count()
    assert seen < 5
    expect(lines(page).nth(seen + 1)).to_be_attached()
    expect(mark(page)).to_have_text("streaming")
    expect(page.locator(".result-state")).to_have_text("succeeded")
    expect(mark(page)).to_have_text("ended")
    assert lines(page).all_inner_texts() == [f"{n} of 10: hello, Ada!" for n in range(1, 11)]
    expect(page.locator(".result-text")).to_contain_text('"greeted": "Ada"')
    expect(page.locator(".result-facts")).to_have_text(re.compile(r"3\.\d\d s"))


def test_the_list_and_the_pages_look_well_and_are_reachable(ada: Visit) -> None:
    page = ada.page
    open_worker(ada)
    page.get_by_role("button", name="Invoke").click()
    expect(mark(page)).to_have_text("ended")
    ada.look("worker")
    page.goto("/workers")
    expect(page.locator(".worker-name").first).to_be_visible()
    ada.look("workers")
    page.goto("/workers/new")
    expect(page.locator(".editor .cm-content")).to_be_visible()
    ada.look("worker-new")


# -------------------- code


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


# -------------------- calls and lines


def test_a_payload_that_is_no_json_is_told_at_its_line_and_not_sent(ada: Visit) -> None:
    page = ada.page
    open_worker(ada)
    sent = list[str]()
    page.on("request", lambda request: sent.append(request.url) if "/invoke/" in request.url else None)
    set_payload(page, '{\n  "name": "Ada",\n  lines: 2\n}')
    page.get_by_role("button", name="Invoke").click()
    wrong = page.locator("#payload-wrong")
    expect(wrong).to_have_text(re.compile(r"^Line 3, column \d+: "))
    ada.check_accessible()
    assert sent == []
    set_payload(page, '{ "lines": 1 }')
    expect(wrong).to_be_hidden()
    page.keyboard.press("Control+Enter")
    expect(mark(page)).to_have_text("ended")
    assert len(sent) == 1


def test_a_stream_that_is_cut_has_every_line_once(ada: Visit) -> None:
    page = ada.page
    page.add_init_script(CUT)
    open_worker(ada)
    invoke(page, '{ "lines": 8 }')
    assert lines(page).all_inner_texts() == [f"{n} of 8: hello, world!" for n in range(1, 9)]
    calls = [call for call in page.evaluate("window.cuts") if call[0] == "POST" or call[1]]
    assert [method for method, _ in calls] == ["POST", "GET"]
    assert re.fullmatch(r".+:[34]", calls[1][1])


def test_a_button_that_copies_is_called_as_before_soon_after(ada: Visit) -> None:
    page = ada.page
    open_worker(ada)
    invoke(page, '{ "lines": 1 }')
    copy = page.locator("#result-copy")
    for _ in range(2):
        copy.click()
        expect(copy).not_to_have_text("Copy")
    expect(copy).to_have_text("Copy")


def test_lines_are_found_followed_bounded_and_downloaded(ada: Visit, tmp_path: Path) -> None:
    page = ada.page
    open_worker(ada, MANY)
    invoke(page, "300")
    box = page.locator("#log-lines")
    at_end = "box => box.scrollHeight - box.scrollTop - box.clientHeight < 2"
    assert box.evaluate(at_end)
    page.locator("#log-level").select_option("Warnings and errors")
    assert lines(page).all_inner_texts() == ["line 100", "line 200", "line 300"]
    page.locator("#log-level").select_option("All levels")
    page.locator("#log-find").fill("LINE 29")
    expect(lines(page)).to_have_count(11)
    expect(page.locator("#log-lines mark").first).to_have_text("line 29")
    expect(page.locator("#log-note")).to_have_text("11 of 300 lines are shown.")
    page.locator("#log-find").fill("")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "log")
    assert len((tmp_path / "log").read_text().splitlines()) == 300
    invoke(page, "5200")
    expect(page.locator("#log-note")).to_have_text("The newest 5,000 of 5,200 lines are kept here.")
    expect(lines(page)).to_have_count(5000)
    expect(lines(page).first).to_have_text("line 201")
    assert box.evaluate(at_end)


def test_who_reads_further_up_is_not_carried_along(ada: Visit) -> None:
    page = ada.page
    open_worker(ada)
    set_payload(page, '{ "lines": 60, "pause": 0 }')
    type_code(page, MANY.replace("n % 50 === 0", "true").replace("done, 1)", "done, 30)"))
    page.keyboard.press("Control+Enter")
    expect(page.locator("#function")).to_have_value("many")
    set_payload(page, "150")
    page.get_by_role("button", name="Invoke").click()
    expect(lines(page).nth(30)).to_be_attached()
    box = page.locator("#log-lines")
    box.evaluate("box => (box.scrollTop = 0)")
    follow = page.locator("#log-follow")
    expect(follow).to_have_attribute("aria-pressed", "false")
    expect(follow).to_have_text(re.compile(r"Follow \(\d+ new\)"))
    assert box.evaluate("box => box.scrollTop") == 0
    follow.click()
    expect(follow).to_have_attribute("aria-pressed", "true")
    expect(mark(page)).to_have_text("ended")
    assert box.evaluate("box => box.scrollHeight - box.scrollTop - box.clientHeight < 2")


def test_text_of_others_is_text_everywhere(ada: Visit) -> None:
    page = ada.page
    open_worker(ada, NASTY)
    expect(page.locator("#function")).to_have_value("größe$")
    for payload, state in (("null", "succeeded"), ('"throw"', "failed")):
        invoke(page, payload)
        expect(page.locator(".result-state")).to_have_text(state)
        expect(page.locator(".result-text")).to_contain_text(
            "<script>window.hurt=1</script> javascript:alert(1)"
        )
        expect(lines(page).first).to_contain_text("<img src=x onerror='window.hurt=1'>")
        expect(lines(page).nth(1)).to_have_text("red and plain")
        expect(page.locator(".ansi-red")).to_have_text("red")
        expect(lines(page).nth(2)).to_have_text("x" * 10_000)
    assert page.evaluate("window.hurt") is None
    assert page.locator("#log-lines img, #result img").count() == 0
    ada.look("worker-nasty")


# -------------------- without scripts


def test_everything_that_matters_works_without_scripts(visits: Begin) -> None:
    visit = visits("ada", java_script_enabled=False)
    page = visit.page
    page.goto("/workers/new")
    page.get_by_role("button", name="Deploy").click()
    expect(page.locator(".deploy-state")).to_have_text("It is live: call one of its functions.")
    page.locator("#payload").fill('{ "lines": 2 }')
    page.get_by_role("button", name="Invoke").click()
    expect(page.locator(".result-state")).to_have_text("succeeded")
    expect(lines(page)).to_have_text(["1 of 2: hello, world!", "2 of 2: hello, world!"])
    page.locator("textarea[name=content]").first.fill("export function next() { return 1; }")
    page.get_by_role("button", name="Deploy").click()
    expect(page.locator("#function")).to_have_text(re.compile("next"))


def test_a_stranger_is_led_to_the_sign_in(visits: Begin) -> None:
    visit = visits(None)
    visit.page.goto("/workers")
    expect(visit.page).to_have_url(re.compile(r"/login\?next=%2Fworkers$"))
