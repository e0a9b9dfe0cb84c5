"""An unmodified wrangler deploys through the gateway as it would to Cloudflare."""

import os

import pytest

from app.domain.deployments import Status
from tests.contract.gateway.plane import Plane, Wrangler
from tests.contract.sandbox_cloudflare.driver import PREVIEW, Sandbox, script_path

PRINTS_ITS_ENVIRONMENT = """
export default { fetch: (_, env) => Response.json(env) };
"""
READS_AN_ASSET = """
export default {
  async fetch(request, env) {
    const page = await env.ASSETS.fetch(new URL('/about', request.url));
    return new Response('code ' + await page.text());
  }
};
"""


def test_a_script_goes_live_under_its_own_address_and_its_environments(
    sandbox: Sandbox, plane: Plane, wrangler: Wrangler
) -> None:
    wrangler.write({"index.js": PRINTS_ITS_ENVIRONMENT})
    wrangler.configure(main="index.js", vars={"GREETING": "hello", "FLAGS": {"blue": True}})
    deployment = plane.deploying("gplain")
    printed = wrangler.deploy(deployment)
    assert "Uploaded gplain" in printed
    assert "Current Version ID: " in printed
    for script in ("gplain", str(deployment.own_script)):
        answer = sandbox.visit(script).json()
        assert (answer["GREETING"], answer["FLAGS"]) == ("hello", {"blue": True})
        assert answer["BRANCHLINE_COMMIT"] == deployment.commit
        assert f"deployment-{deployment.id}" in sandbox.result("GET", f"{script_path(script)}/tags")
    assert plane.kept(deployment).bundle is not None


def test_a_site_with_assets_and_code(sandbox: Sandbox, plane: Plane, wrangler: Wrangler) -> None:
    wrangler.write(
        {
            "index.js": READS_AN_ASSET,
            "public/index.html": "<h1>home</h1>",
            "public/about.html": "about",
            "public/app.css": "a{}",
            "public/a b/ü.unknown": b"\x00\xff",
            "public/empty.txt": "",
            "public/_redirects": "/old /about 301\n",
            "public/_headers": "/app.css\n  X-Kept: yes\n",
        }
    )
    assets = {"directory": "public", "binding": "ASSETS", "run_worker_first": ["/api/*"]}
    wrangler.configure(main="index.js", assets=assets)
    assert "Uploaded 5 of 5 assets" in wrangler.deploy(plane.deploying("preview-gsite", PREVIEW))
    assert sandbox.visit("preview-gsite").text == "<h1>home</h1>"
    assert sandbox.visit("preview-gsite", "/api/x").text == "code about"
    assert sandbox.visit_host("preview-gsite", "/old").headers["location"] == "/about"
    assert sandbox.visit("preview-gsite", "/a b/ü.unknown").content == b"\x00\xff"
    css = sandbox.visit("preview-gsite", "/app.css")
    assert (css.headers["content-type"], css.headers["x-kept"]) == ("text/css; charset=utf-8", "yes")
    again = wrangler.deploy(plane.deploying("preview-gsite", PREVIEW))
    assert "No updated asset files to upload" in again
    wrangler.write({"public/index.html": "<h1>changed</h1>"})
    assert "Uploaded 1 of 1 asset" in wrangler.deploy(plane.deploying("preview-gsite", PREVIEW))
    assert sandbox.visit("preview-gsite").text == "<h1>changed</h1>"


@pytest.mark.slow
def test_a_site_without_code(sandbox: Sandbox, plane: Plane, wrangler: Wrangler) -> None:
    wrangler.write({"dist/index.html": "spa", "dist/logo.svg": "<svg/>"})
    wrangler.configure(assets={"directory": "dist", "not_found_handling": "single-page-application"})
    wrangler.deploy(plane.deploying("gspa"))
    assert sandbox.visit("gspa", "/any/page").text == "spa"
    assert sandbox.visit("gspa", "/logo.svg").headers["content-type"] == "image/svg+xml"


@pytest.mark.slow
def test_more_files_than_one_bucket_holds(sandbox: Sandbox, plane: Plane, wrangler: Wrangler) -> None:
    wrangler.write({f"dist/{number}.txt": f"file {number}" for number in range(1100)})
    wrangler.configure(assets={"directory": "dist"})
    assert "1100 of 1100" in wrangler.deploy(plane.deploying("gmany"))
    assert sandbox.visit("gmany", "/1099.txt").text == "file 1099"


@pytest.mark.slow
def test_large_files_come_as_they_are(sandbox: Sandbox, plane: Plane, wrangler: Wrangler) -> None:
    content = os.urandom(3_000_000)
    wrangler.write({"dist/large.bin": content, "dist/index.html": "home"})
    wrangler.configure(assets={"directory": "dist"})
    assert "2 of 2 assets" in wrangler.deploy(plane.deploying("glarge"))
    assert sandbox.visit("glarge", "/large.bin").content == content


@pytest.mark.slow
def test_modules_of_every_kind(sandbox: Sandbox, plane: Plane, wrangler: Wrangler) -> None:
    wrangler.write(
        {
            "src/index.js": """
                import { name } from "./lib/name.js";
                import text from "./note.txt";
                import data from "./blob.bin";
                export default { fetch: () => Response.json([name, text, new Uint8Array(data).length]) };
            """,
            "src/lib/name.js": "export const name = 'module';",
            "src/note.txt": "text",
            "src/blob.bin": "12345",
        }
    )
    rules = [{"type": "ESModule", "globs": ["**/*.js"]}]
    wrangler.configure(
        main="src/index.js", no_bundle=True, find_additional_modules=True, base_dir="src", rules=rules
    )
    wrangler.deploy(plane.deploying("gmodules"))
    assert sandbox.visit("gmodules").json() == ["module", "text", 5]


@pytest.mark.slow
def test_source_maps_and_versions_are_no_trouble(sandbox: Sandbox, plane: Plane, wrangler: Wrangler) -> None:
    wrangler.write(
        {"index.ts": "export default { fetch: (_: Request, env: any) => Response.json(env.VERSION) };"}
    )
    wrangler.configure(main="index.ts", upload_source_maps=True, version_metadata={"binding": "VERSION"})
    wrangler.deploy(plane.deploying("gmaps"))
    assert set(sandbox.visit("gmaps").json()) >= {"id"}


def test_code_that_throws_at_its_start_is_shown_to_its_author(
    sandbox: Sandbox, plane: Plane, wrangler: Wrangler
) -> None:
    wrangler.write({"index.js": "export default { fetch: () => new Response('good') };"})
    wrangler.configure(main="index.js")
    wrangler.deploy(plane.deploying("gbroken"))
    wrangler.write({"index.js": "throw new TypeError('bad start'); export default {};"})
    broken = plane.deploying("gbroken")
    printed = wrangler.deploy(broken, status=1)
    assert "TypeError: bad start" in printed
    assert "10021" in printed
    assert sandbox.visit("gbroken").text == "good"
    assert plane.kept(broken).bundle is None


def test_what_reaches_beyond_the_app_is_refused_by_name(plane: Plane, wrangler: Wrangler) -> None:
    """The code comes after the metadata, and is too long to be read to its end before the answer."""
    code = f"export default {{ fetch: () => new Response({'x' * 20_000_000!r}.slice(0, 1)) }};"
    wrangler.write({"index.js": code})
    wrangler.configure(
        main="index.js",
        kv_namespaces=[{"binding": "CACHE", "id": "0" * 32}],
        services=[{"binding": "OTHER", "service": "slug0002"}],
        tail_consumers=[{"service": "spy"}],
        limits={"cpu_ms": 300_000},
    )
    printed = wrangler.deploy(plane.deploying("greach"), status=1)
    assert "limits: limits are set by Branchline" in printed
    assert "tail_consumers: " in printed
    wrangler.configure(
        main="index.js",
        kv_namespaces=[{"binding": "CACHE", "id": "0" * 32}],
        services=[{"binding": "OTHER", "service": "slug0002"}],
    )
    printed = wrangler.deploy(plane.deploying("greach"), status=1)
    assert "binding CACHE: type kv_namespace" in printed
    assert "binding OTHER: type service" in printed


def test_a_required_secret_that_nobody_has_set(plane: Plane, wrangler: Wrangler) -> None:
    wrangler.write({"index.js": PRINTS_ITS_ENVIRONMENT})
    wrangler.configure(main="index.js", secrets={"required": ["API_KEY"]})
    printed = wrangler.deploy(plane.deploying("gsecret"), status=1)
    assert "binding API_KEY: the environment in Branchline has none" in printed


def test_a_grant_that_has_ended_is_said_to_have_ended(plane: Plane, wrangler: Wrangler) -> None:
    wrangler.write({"index.js": PRINTS_ITS_ENVIRONMENT})
    wrangler.configure(main="index.js")
    deployment = plane.deploying("gended")
    plane.become(deployment, Status.CANCELLED)
    assert "the deployment is cancelled" in wrangler.deploy(deployment, status=1)


def test_a_grant_is_of_no_use_for_another_script(plane: Plane, wrangler: Wrangler) -> None:
    wrangler.write({"index.js": PRINTS_ITS_ENVIRONMENT})
    wrangler.configure(main="index.js")
    mine, other = plane.deploying("gmine"), plane.deploying("gother")
    printed = wrangler.deploy(other, status=1, CLOUDFLARE_API_TOKEN=plane.grant(mine))
    assert "this grant is for script gmine" in printed
    assert os.environ.get("CLOUDFLARE_API_TOKEN") is None
