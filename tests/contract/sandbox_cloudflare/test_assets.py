"""Static assets answer as on Cloudflare: addresses of pages, fallbacks, caching, and who comes first."""

import base64
import json
from typing import Any

import pytest

from tests.contract.sandbox_cloudflare.driver import DATE, Sandbox, script_path

PAGES = {
    "/index.html": "home",
    "/about.html": "about",
    "/blog/index.html": "blog",
    "/404.html": "lost",
    "/app.js": "js",
    "/with space.txt": "space",
}
CODE = "export default { fetch: (request) => new Response('code ' + new URL(request.url).pathname) };"


def publish(sandbox: Sandbox, name: str, code: str | None = None, **config: Any) -> None:
    """Upload a site with the pages above."""
    manifest = {
        path: {"hash": f"{number:032x}", "size": len(text)}
        for number, (path, text) in enumerate(PAGES.items())
    }
    opened = sandbox.result("POST", script_path(name) + "/assets-upload-session", json={"manifest": manifest})
    token = opened["jwt"]
    texts = {manifest[path]["hash"]: text for path, text in PAGES.items()}
    for bucket in opened["buckets"]:
        parts = {digest: (digest, base64.b64encode(texts[digest].encode()), "text/html") for digest in bucket}
        headers = {"authorization": f"Bearer {token}"}
        sent = sandbox.call("POST", "/workers/assets/upload?base64=true", files=parts, headers=headers)
        token = sent.json()["result"].get("jwt", token)
    metadata: dict[str, Any] = {"compatibility_date": DATE, "assets": {"jwt": token, "config": config}}
    upload: dict[str, Any] = {
        "metadata": (None, json.dumps(metadata | ({"main_module": "index.js"} if code else {})))
    }
    if code:
        upload["index.js"] = ("index.js", code, "application/javascript+module")
    assert sandbox.call("PUT", script_path(name), files=upload).status_code == 200


@pytest.fixture(scope="module")
def site(sandbox: Sandbox) -> str:
    publish(sandbox, "assetsite", not_found_handling="404-page")
    return "assetsite"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", (200, "home")),
        ("/index.html", (307, "/")),
        ("/index", (307, "/")),
        ("/about", (200, "about")),
        ("/about.html", (307, "/about")),
        ("/about/", (307, "/about")),
        ("/blog/", (200, "blog")),
        ("/blog", (307, "/blog/")),
        ("/blog/index.html", (307, "/blog/")),
        ("/app.js", (200, "js")),
        ("/with%20space.txt", (200, "space")),
        ("/nothing", (404, "lost")),
        ("/__proto__", (404, "lost")),
        ("/constructor", (404, "lost")),
    ],
)
def test_pages_have_one_address_each(
    sandbox: Sandbox, site: str, path: str, expected: tuple[int, str]
) -> None:
    response = sandbox.visit_host(site, path)
    assert (response.status_code, response.headers.get("location") or response.text) == expected


def test_an_asset_is_not_sent_again_when_it_is_known(sandbox: Sandbox, site: str) -> None:
    etag = sandbox.visit(site).headers["etag"]
    again = sandbox.visit(site, headers={"if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")


def test_head_has_no_body_and_post_is_not_allowed(sandbox: Sandbox, site: str) -> None:
    head = sandbox.visit(site, "/", "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert sandbox.visit(site, "/", "POST").status_code == 405


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (False, ["about", "code /x", "js"]),
        (True, ["code /about", "code /x", "code /app.js"]),
        (["/*", "!/app.js"], ["code /about", "code /x", "js"]),
    ],
)
def test_code_runs_first_where_it_is_told_to(sandbox: Sandbox, first: object, expected: list[str]) -> None:
    publish(sandbox, "first", CODE, run_worker_first=first)
    assert [sandbox.visit("first", path).text for path in ("/about", "/x", "/app.js")] == expected


def test_a_single_page_application_answers_navigation_and_leaves_the_rest_to_code(sandbox: Sandbox) -> None:
    publish(sandbox, "spa", CODE, not_found_handling="single-page-application")
    assert sandbox.visit("spa", "/deep/link", headers={"sec-fetch-mode": "navigate"}).text == "home"
    assert sandbox.visit("spa", "/api/data").text == "code /api/data"


@pytest.mark.parametrize(
    ("handling", "about"),
    [("none", 404), ("force-trailing-slash", 307), ("drop-trailing-slash", 200)],
)
def test_html_handling_is_configurable(sandbox: Sandbox, handling: str, about: int) -> None:
    publish(sandbox, "handling", html_handling=handling)
    assert sandbox.visit("handling", "/about").status_code == about


def test_assets_are_kept_when_asked(sandbox: Sandbox) -> None:
    publish(sandbox, "keeps", CODE)
    sandbox.upload("keeps", CODE, keep_assets=True)
    assert sandbox.visit("keeps", "/about").text == "about"
    sandbox.upload("keeps", CODE)
    assert sandbox.visit("keeps", "/about").text == "code /about"
