"""The pages of workers: complete without scripts, with text of others as text."""

import re
from html import unescape
from typing import Any, Final

import pytest
from werkzeug.test import TestResponse

from app.errors import RemoteUnavailable
from tests.fakes.invocations import answered, failed
from tests.integration.web.people import a_person, bearing
from tests.integration.web.world import AUTHORIZED, World

HELLO, BYE = "export function hello() {}", "export function bye() {}"
NASTY: Final = "</textarea><script>alert(1)</script> javascript:alert(2) \u202e\u2066 🎉 " + "x" * 10_000


def get(world: World, path: str) -> TestResponse:
    return world.client.get(path, headers=AUTHORIZED)


def post(world: World, page: str, **form: Any) -> TestResponse:
    return world.client.post(page, headers=AUTHORIZED, data=form)


def create(world: World, code: str = HELLO, name: str = "shop") -> str:
    """Deploy by form, and return the worker's page."""
    answer = post(
        world, "/workers/new", name=name, environment="production", path="functions.ts", content=code
    )
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"]).partition("?")[0]


def replaces(world: World, page: str) -> str:
    found = re.search(r'name="replaces" value="([^"]*)"', get(world, page).text)
    assert found
    return found[1]


def code_on(answer: TestResponse) -> list[str]:
    return [
        unescape(it) for it in re.findall(r'name="content"[^>]*>\n(.*?)</textarea>', answer.text, re.DOTALL)
    ]


# -------------------- the list, and how one begins


def test_nobody_has_workers_and_is_told_what_to_do(world: World) -> None:
    page = get(world, "/workers").text
    assert "No workers yet" in page
    assert 'href="/workers/new"' in page


@pytest.mark.parametrize("part", ["", "?part=rows"])
def test_only_members_are_offered_a_new_worker(world: World, part: str) -> None:
    for login, is_member in (("ada", False), ("grace", True)):
        person = a_person(world, login, is_member=is_member)
        answer = world.client.get(f"/workers{part}", headers=dict(bearing(world, person)))
        assert answer.status_code == 200
        assert ('href="/workers/new"' in answer.text) == is_member
        assert ("ask one of its owners to invite you" in answer.text) != is_member


def test_the_editor_begins_with_an_example_that_can_be_deployed_as_it_is(world: World) -> None:
    page = get(world, "/workers/new")
    (code,) = code_on(page)
    assert "console.log(" in code
    assert "setTimeout(done, 300)" in code
    name = re.search(r'name="name" value="([^"]+)"', page.text)
    assert name
    made = create(world, code, name[1])
    shown = get(world, made)
    assert "<option>hello</option>" in shown.text
    assert code_on(shown) == [code]


def test_a_worker_is_listed_with_its_functions_and_address(world: World) -> None:
    page = create(world)
    listed = get(world, "/workers").text
    slug = page.rpartition("/")[2]
    assert f'href="/workers/{slug}"' in listed
    assert "<code><bdi>hello</bdi></code>" in listed
    assert f"{slug}.apps.test" in listed


def test_a_form_that_is_refused_comes_again_with_everything_that_was_typed(world: World) -> None:
    form = {"name": "Not A Name", "environment": "staging", "path": "a.ts", "content": NASTY}
    answer = post(world, "/workers/new", **form)
    assert answer.status_code == 400
    assert code_on(answer) == [NASTY]
    assert 'value="Not A Name"' in answer.text
    assert "<option selected>staging</option>" in answer.text
    assert "<script>alert" not in answer.text
    create(world)
    taken = post(world, "/workers/new", name="shop", path="a.ts", content=HELLO)
    assert taken.status_code == 409
    assert code_on(taken) == [HELLO]


def test_what_does_not_compile_is_told_at_its_place(world: World) -> None:
    page = create(world)
    answer = post(world, page, path="functions.ts", content="syntax error", replaces=replaces(world, page))
    assert answer.status_code == 422
    assert "<code><bdi>functions.ts</bdi>:1:1</code>" in answer.text
    assert code_on(answer) == ["syntax error"]


# -------------------- new versions


def test_lines_end_as_they_did_before_a_browser_sent_them(world: World) -> None:
    page = create(world, "// one\r\n// two\r\n" + HELLO)
    assert code_on(get(world, page)) == ["// one\n// two\n" + HELLO]


def test_several_files_are_deployed_and_one_without_a_name_is_none(world: World) -> None:
    page = create(world)
    form = {"path": ["index.ts", "lib.ts", " "], "content": [BYE, "// lib", ""], "replaces": ""}
    assert post(world, page, **form).status_code == 303
    assert code_on(get(world, page)) == [BYE, "// lib"]


def test_who_was_faster_is_told_and_nothing_typed_is_lost(world: World) -> None:
    page = create(world)
    seen = replaces(world, page)
    assert post(world, page, path="functions.ts", content=BYE, replaces=seen).status_code == 303
    late = post(world, page, path="functions.ts", content="// mine\n" + HELLO, replaces=seen)
    assert late.status_code == 409
    assert "version 2 by" in late.text
    assert code_on(late) == ["// mine\n" + HELLO]
    again = re.search(r'name="replaces" value="([^"]*)"', late.text)
    assert again
    assert post(world, page, path="functions.ts", content=HELLO, replaces=again[1]).status_code == 303


def test_an_earlier_version_is_looked_at_and_goes_live_again(world: World) -> None:
    page = create(world)
    first = replaces(world, page)
    post(world, page, path="functions.ts", content=BYE, replaces=first)
    old = get(world, f"{page}?version={first}")
    assert code_on(old) == [HELLO]
    assert "This is version 1; live is 2." in old.text
    assert post(world, f"{page}/versions/{first}/restore").status_code == 303
    assert code_on(get(world, page)) == [HELLO]
    assert get(world, f"{page}?version=ver_none").status_code == 404


# -------------------- calls


def test_a_function_is_called_without_scripts(world: World) -> None:
    page = create(world)
    log = {"level": "warn", "message": NASTY, "timestamp": "2026-11-22T12:00:00.123Z"}
    world.functions.replies = [answered({"said": NASTY}, logs=[log])]
    answer = post(world, f"{page}/invoke", function="hello", payload='{"n": 1}')
    assert answer.status_code == 200
    assert "succeeded" in answer.text
    assert "12:00:00.123" in answer.text
    assert "<script>alert" not in answer.text
    assert "&#34;n&#34;: 1" in answer.text
    assert world.functions.calls[0].payload == b'{"n": 1}'


@pytest.mark.parametrize("payload", ["{", "nothing", "[1,]", "[" * 100_000])
def test_a_payload_that_is_no_json_is_refused_before_it_is_sent(world: World, payload: str) -> None:
    page = create(world)
    answer = post(world, f"{page}/invoke", function="hello", payload=payload)
    assert answer.status_code == 400
    assert "it is no JSON" in answer.text
    assert world.functions.calls == []


def test_what_a_function_throws_is_shown_as_text(world: World) -> None:
    page = create(world)
    world.functions.replies = [failed(500, "<b>Error</b>", NASTY)]
    answer = post(world, f"{page}/invoke", function="hello", payload="")
    assert answer.status_code == 200
    assert "failed" in answer.text
    assert "&lt;b&gt;Error&lt;/b&gt;: &lt;/textarea&gt;" in answer.text
    world.functions.replies = [RemoteUnavailable("nobody answers")]
    away = post(world, f"{page}/invoke", function="hello", payload="")
    assert away.status_code == 503
    assert "nobody answers" in away.text


def test_commands_to_copy_take_any_text_as_one_word(world: World) -> None:
    page = create(world)
    text = unescape(get(world, page).text)
    slug = page.rpartition("/")[2]
    assert f"curl -sS https://{slug}.apps.test/api/invoke/hello -d '{{}}'" in text
    assert f"https://branchline.test/api/workers/{slug}/invoke/hello" in text
    assert f"branchline workers invoke {slug} hello --stream --data '{{}}'" in text


# -------------------- how long it stays


def test_a_worker_is_kept_let_go_and_deleted(world: World) -> None:
    page = create(world)
    assert "days left" in get(world, page).text
    assert post(world, f"{page}/keep", keep="yes").status_code == 303
    assert "no end" in get(world, page).text
    assert post(world, f"{page}/keep", keep="no").status_code == 303
    assert "days left" in get(world, page).text
    gone = post(world, f"{page}/delete")
    assert (gone.status_code, gone.headers["Location"]) == (303, "/workers")
    assert get(world, page).status_code == 404


# -------------------- under which rules a browser runs it


def test_styles_of_the_editor_bear_a_nonce_that_is_of_this_answer_alone(world: World) -> None:
    page = create(world)
    policies = set()
    for _ in range(2):
        answer = get(world, page)
        nonce = re.search(r'data-nonce="([^"]+)"', answer.text)
        assert nonce
        policy = answer.headers["Content-Security-Policy"]
        assert f"style-src 'self' 'nonce-{nonce[1]}';" in policy
        assert "unsafe-inline" not in policy
        policies.add(policy)
    assert len(policies) == 2
    assert "nonce" not in get(world, "/workers").headers["Content-Security-Policy"]


def test_parts_are_pieces_of_the_page(world: World) -> None:
    page = create(world)
    for part, words in (("standing", "version 1"), ("versions", "Look at its code")):
        answer = get(world, f"{page}?part={part}")
        assert words in answer.text
        assert "<html" not in answer.text
    assert "<table" in get(world, "/workers?part=rows").text


def test_parts_come_while_the_code_cannot_be_had(world: World) -> None:
    page = create(world)
    world.cloud.bundles.blobs.clear()
    assert get(world, page).status_code == 404
    assert [get(world, f"{page}?part={part}").status_code for part in ("standing", "versions")] == [200, 200]


def test_nobody_without_a_proof_sees_or_does_anything(world: World) -> None:
    page = create(world)
    for path in ("/workers", "/workers/new", page):
        assert world.client.get(path).status_code == 303
    acts = (f"{page}/{act}" for act in ("invoke", "keep", "delete", "restore"))
    for path in ("/workers/new", page, *acts):
        assert world.client.post(path, data={"keep": "yes"}).status_code == 401
    assert world.functions.calls == []
