"""What all pages share: their headers, their errors, their parts, and the text of others in them."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from app.web import create_app
from tests.integration.web.reading import Page
from tests.integration.web.world import AUTHORIZED, PLATFORM, World, error_of
from tests.page_world import NASTY, fill

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
CLOSED = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
STATIC = Path(create_app.__code__.co_filename).parent / "static"


@pytest.fixture
def filled(world: World) -> World:
    with world.records.begin() as tx:
        fill(tx, world.clock())
    return world


def page(world: World, path: str, status: int = 200) -> Page:
    answer = world.call("GET", path, headers={**AUTHORIZED, **BROWSER})
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "text/html"
    return Page(answer.text)


@pytest.mark.parametrize("path", ["/", "/apps/new", "/nowhere"])
def test_a_page_runs_nothing_that_is_written_into_it(world: World, path: str) -> None:
    headers = world.call("GET", path, headers={**AUTHORIZED, **BROWSER}).headers
    policy = dict(it.strip().partition(" ")[::2] for it in headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data: https:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "private, no-store"


def pages_without_arguments(world: World) -> list[str]:
    """Return where every page is that is about nothing by name, and where there is none."""
    found = [
        rule.rule
        for rule in world.web.url_map.iter_rules()
        if rule.endpoint.startswith("pages_") and "GET" in (rule.methods or set()) and not rule.arguments
    ]
    return [*found, "/apps/no-such", "/nowhere"]


@pytest.mark.parametrize("origin", ["https://branchline.test", "http://127.0.0.1:8000"])
def test_no_other_site_frames_a_page_or_reaches_into_it(migrated_sqlite_url: str, origin: str) -> None:
    with closing(World(migrated_sqlite_url, platform=replace(PLATFORM, url=origin))) as world:
        places = pages_without_arguments(world)
        found = {it: world.call("GET", it, headers={**AUTHORIZED, **BROWSER}) for it in places}
    assert {"/", "/workers", "/login", "/login/callback"} < found.keys()
    assert {answer.status_code for answer in found.values()} == {200, 400, 404}
    for place, answer in found.items():
        assert answer.mimetype == "text/html", place
        assert CLOSED.items() <= dict(answer.headers).items(), place
        policy = [it.strip() for it in answer.headers["Permissions-Policy"].split(",")]
        assert {"camera=()", "geolocation=()", "microphone=()"} <= set(policy), place
        assert all(it.endswith("=()") for it in policy), place
        transport = answer.headers.get("Strict-Transport-Security")
        assert transport == ("max-age=31536000" if origin.startswith("https:") else None), place


def test_assets_are_kept_for_ever(world: World) -> None:
    manifest = json.loads((STATIC / "manifest.json").read_text())
    with world.client.get(f"/static/{manifest['page.css']}") as answer:
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert world.client.get("/static/no-such.css").status_code == 404


def test_who_has_not_signed_in_is_led_there_and_back(world: World) -> None:
    answer = world.client.get("/apps/shop?environment=staging", headers=BROWSER)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/login?next=%2Fapps%2Fshop%3Fenvironment%3Dstaging"


def test_errors_are_pages_where_people_look(world: World) -> None:
    missing = page(world, "/apps/no-such", 404)
    assert "looking for app no-such: there is none" in missing.text
    assert "app:not-found" in missing.text
    assert missing.one("a", class_="brand")["href"] == "/"
    page(world, "/nowhere", 404)


def test_errors_are_json_where_programs_ask(world: World) -> None:
    assert error_of(world.call("GET", "/api/apps/no-such"))["code"] == "app:not-found"
    assert error_of(world.call("GET", "/api/nowhere", headers={**AUTHORIZED, **BROWSER}))
    assert error_of(world.call("GET", "/nowhere"))["code"] == "request:not-found"


@pytest.mark.parametrize("path", ["/api/apps", "/api/me", "/api/nothing", "/api/openapi.json"])
def test_what_programs_are_told_is_nobodys_to_keep(world: World, path: str) -> None:
    headers = world.client.get(path, headers=AUTHORIZED).headers
    told = headers["Cache-Control"], headers["X-Content-Type-Options"]
    assert told == ("private, no-store", "nosniff")


def test_what_broke_bears_a_reference_and_nothing_else(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.web.jinja_env.globals["may_create"] = lambda: 1 / 0
    broken = page(world, "/", 500)
    reference = broken.all("code")[-1].text
    assert reference in caplog.text
    assert "ZeroDivisionError" not in broken.html


def test_a_part_is_the_same_as_in_the_page_and_is_not_sent_twice(filled: World) -> None:
    whole = page(filled, "/apps/shop")
    for section in [it for it in whole.all("section") if "data-live" in it.attributes]:
        answer = filled.call("GET", section["data-live"])
        assert answer.status_code == 200
        assert answer.text.strip() in whole.html
        again = filled.call(
            "GET", section["data-live"], headers={**AUTHORIZED, "If-None-Match": answer.headers["ETag"]}
        )
        assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("part", ["no-such", "../base", "summary.html", "", "x" * 1000])
def test_there_are_no_other_parts(filled: World, part: str) -> None:
    answer = filled.call("GET", "/apps/shop", query_string={"part": part})
    assert answer.status_code == 404


@pytest.mark.parametrize("path", ["/", "/apps/search", "/apps/search?part=timeline"])
def test_text_of_others_stays_text(filled: World, path: str) -> None:
    shown = page(filled, path)
    assert all(it.attributes.get("src", "").startswith("/static/") for it in shown.all("script"))
    assert shown.all("img") == []
    assert [it for it in shown.elements for name in it.attributes if name.startswith("on")] == []
    hrefs = [it["href"] for it in shown.all("a")]
    assert [href for href in hrefs if not href.startswith(("/", "#", "http://", "https://"))] == []


def test_every_nasty_title_is_told_whole_and_set_apart(filled: World) -> None:
    shown = page(filled, "/apps/search")
    # What is short enough is all there, and has no title.
    titles = {it.attributes.get("title", it.text): it.text for it in shown.all("bdi")}
    for nasty in NASTY:
        assert nasty in titles
        assert len(titles[nasty]) <= 300


def test_times_are_relative_and_exact_on_hover(filled: World) -> None:
    moments = page(filled, "/apps/shop").all("time", class_="ago")
    assert {it.text for it in moments} & {"just now", "4 h ago", "1 d ago"}
    assert all(it["title"].endswith(" UTC") and it["datetime"].endswith("Z") for it in moments)


def test_the_title_bears_the_state(filled: World) -> None:
    assert page(filled, "/apps/shop").all("title")[0].text == "● building · shop"
    assert page(filled, "/apps/billing").all("title")[0].text == "✕ error · billing"
    assert page(filled, "/apps/blog").all("title")[0].text == "blog"
    assert page(filled, "/apps/shop").one("div", data_state="busy")["data-title"] == "● building · shop"


def test_every_field_has_a_label(filled: World) -> None:
    for path in ("/", "/apps/shop", "/apps/new"):
        shown = page(filled, path)
        labelled = {it.attributes.get("for") for it in shown.all("label")}
        fields = [it for tag in ("input", "select", "textarea") for it in shown.all(tag)]
        free = [it for it in fields if it.attributes.get("type") not in {"hidden", "radio", "checkbox"}]
        assert [it for it in free if it.attributes.get("id") not in labelled] == []


def test_ids_are_unique(filled: World) -> None:
    for path in ("/", "/apps/shop", "/apps/search", "/apps/new"):
        ids = [it["id"] for it in page(filled, path).elements if "id" in it.attributes]
        assert len(ids) == len(set(ids))


def test_a_light_page_is_light(filled: World) -> None:
    assert len(page(filled, "/").html.encode()) < 50 * 1024
