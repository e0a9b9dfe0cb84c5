"""A worker's page as people meet it: two clicks to a stream of lines, each of them once."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.worker_page import invoke, lines, mark, open_worker, set_payload, type_code

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Begin
    from tests.browser.visits import Visit

pytestmark = pytest.mark.timeout(420)
# Cuts the first answer of a call behind its fourth event, numbered 3, as a connection that breaks does:
# however many come in one piece, these four are read and none of those behind them.
CUT = """
const real = window.fetch;
window.cuts = [];
window.fetch = async (url, options) => {
  const answer = await real(url, options);
  window.cuts.push([options?.method ?? "GET", new Headers(options?.headers).get("Last-Event-ID")]);
  if (!String(url).includes("/invoke/")) return answer;
  const [reader, decoder, encoder] = [answer.body.getReader(), new TextDecoder(), new TextEncoder()];
  let [left, rest] = [4, ""];
  const body = new ReadableStream({
    async pull(controller) {
      if (left === 0) {
        await reader.cancel();
        controller.error(new TypeError("network error"));
        return;
      }
      const { value } = await reader.read();
      const pieces = (rest + decoder.decode(value, { stream: true })).split(/(?<=\\n\\n)/);
      rest = pieces.at(-1).endsWith("\\n\\n") ? "" : pieces.pop();
      const events = pieces.filter((piece) => piece.includes("data: ")).slice(0, left);
      left -= events.length;
      controller.enqueue(encoder.encode(events.join("")));
    },
  });
  return new Response(body, answer);
};
"""
# Remembers, for each change of the page, how the stream stood and how many lines there were.
TOLD = """
window.told = [];
new MutationObserver(() => {
  const mark = document.querySelector(".log-mark")?.dataset.state;
  window.told.push([mark, document.querySelectorAll("#log-lines .log-line").length]);
}).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
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


# -------------------- from nothing to a stream


def test_a_stranger_reaches_a_stream_within_a_minute(visits: Begin) -> None:
    visit, began = visits(None), time.monotonic()
    page = visit.page
    page.add_init_script(TOLD)
    page.goto("/")
    visit.go_through_sign_in("ada")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Workers").click()
    page.get_by_role("link", name="New worker").click()
    expect(page.locator(".editor .cm-content")).to_be_visible()
    page.get_by_role("button", name="Deploy").click()
    expect(page.locator(".payload-editor .cm-content")).to_be_visible()
    page.get_by_role("button", name="Invoke").click()
    expect(lines(page)).not_to_have_count(0)
    assert time.monotonic() - began < 60
    expect(page.locator(".result-state")).to_have_text("succeeded")
    expect(mark(page)).to_have_text("ended")
    expect(lines(page)).to_have_text([f"{n} of 10: hello, Ada!" for n in range(1, 11)])
    told = page.evaluate("window.told")
    came_one_by_one = {number for how, number in told if how == "streaming" and 0 < number < 10}
    assert len(came_one_by_one) > 1, told
    expect(page.locator(".result-text")).to_contain_text('"greeted": "Ada"')
    expect(page.locator(".result-facts")).to_have_text(re.compile(r"\d\.\d\d s"))


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
    expect(lines(page)).to_have_text([f"{n} of 8: hello, world!" for n in range(1, 9)])
    calls = [call for call in page.evaluate("window.cuts") if call[0] == "POST" or call[1]]
    assert [method for method, _ in calls] == ["POST", "GET"]
    assert re.fullmatch(r".+:3", calls[1][1])


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
    page.wait_for_function(at_end, arg=box.element_handle())
    page.locator("#log-level").select_option("Warnings and errors")
    expect(lines(page)).to_have_text(["line 100", "line 200", "line 300"])
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
    page.wait_for_function(at_end, arg=box.element_handle())


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
    at_end = "box => box.scrollHeight - box.scrollTop - box.clientHeight < 2"
    page.wait_for_function(at_end, arg=box.element_handle())


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
