"""An unmodified wrangler against the sandbox."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.contract.sandbox_cloudflare.driver import (
    ACCOUNT,
    DATE,
    PREVIEW,
    PRODUCTION,
    ROOT,
    TOKEN,
    TOOLS,
    Sandbox,
    script_path,
)


class Wrangler:
    """Runs wrangler in a project's folder."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.folder = folder
        node = ROOT / ".venv/bin"
        self._environment = {
            "PATH": f"{node}:{os.environ['PATH']}",
            "HOME": str(folder),
            "CLOUDFLARE_API_BASE_URL": sandbox.api,
            "CLOUDFLARE_API_TOKEN": TOKEN,
            "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
            "WRANGLER_SEND_METRICS": "false",
            "CI": "1",
        }

    def write(self, files: dict[str, str]) -> None:
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    def configure(self, **config: object) -> None:
        self.write({"wrangler.json": json.dumps({"name": "app", "compatibility_date": DATE, **config})})

    def run(self, *arguments: str, status: int = 0) -> str:
        done = subprocess.run(
            [TOOLS / "node_modules/.bin/wrangler", *arguments],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def deploy(self, name: str, *arguments: str, namespace: str = PRODUCTION, status: int = 0) -> str:
        return self.run(
            "deploy", "--dispatch-namespace", namespace, "--name", name, *arguments, status=status
        )


@pytest.fixture
def wrangler(sandbox: Sandbox, tmp_path: Path) -> Wrangler:
    return Wrangler(sandbox, tmp_path)


PRINTS_ITS_ENVIRONMENT = """
export default {
  fetch: (_, env) => Response.json({ greeting: env.GREETING, commit: env.COMMIT, version: env.VERSION })
};
"""


def test_a_plain_script_with_variables(sandbox: Sandbox, wrangler: Wrangler) -> None:
    wrangler.write({"index.js": PRINTS_ITS_ENVIRONMENT})
    wrangler.configure(main="index.js", vars={"GREETING": "hello"}, version_metadata={"binding": "VERSION"})
    printed = wrangler.deploy("wplain", "--var", "COMMIT:abc")
    assert "Uploaded wplain" in printed
    answer = sandbox.visit("wplain").json()
    assert (answer["greeting"], answer["commit"]) == ("hello", "abc")
    script = sandbox.result("GET", script_path("wplain"))["script"]
    assert answer["version"]["id"] == script["deployment_id"]
    assert script["handlers"] == ["fetch"]


def test_a_second_deployment_replaces_the_first_and_keeps_secrets(
    sandbox: Sandbox, wrangler: Wrangler
) -> None:
    wrangler.configure(main="index.js")
    wrangler.write(
        {"index.js": "export default { fetch(_, env) { return new Response('one ' + env.KEY); } };"}
    )
    wrangler.deploy("wtwice")
    sandbox.result(
        "PUT",
        script_path("wtwice") + "/secrets",
        json={"name": "KEY", "text": "s3cret", "type": "secret_text"},
    )
    assert sandbox.visit("wtwice").text == "one s3cret"
    wrangler.write(
        {"index.js": "export default { fetch(_, env) { return new Response('two ' + env.KEY); } };"}
    )
    wrangler.deploy("wtwice")
    assert sandbox.visit("wtwice").text == "two s3cret"


def test_modules_of_every_kind(sandbox: Sandbox, wrangler: Wrangler) -> None:
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
    wrangler.deploy("wmodules")
    assert sandbox.visit("wmodules").json() == ["module", "text", 5]


READS_AN_ASSET = """
export default {
  async fetch(request, env) {
    const page = await env.ASSETS.fetch(new URL('/about', request.url));
    return new Response('code ' + await page.text());
  }
};
"""


def test_a_site_with_assets_and_code(sandbox: Sandbox, wrangler: Wrangler) -> None:
    wrangler.write(
        {
            "index.js": READS_AN_ASSET,
            "public/index.html": "<h1>home</h1>",
            "public/about.html": "about",
            "public/app.css": "a{}",
            "public/_redirects": "/old /about 301\n/blog/* /news/:splat\n",
            "public/_headers": "/app.css\n  X-Kept: yes\n",
        }
    )
    wrangler.configure(
        main="index.js", assets={"directory": "public", "binding": "ASSETS", "run_worker_first": ["/api/*"]}
    )
    assert "Uploaded 3 of 3 assets" in wrangler.deploy("preview-wsite", namespace=PREVIEW)
    assert sandbox.visit("preview-wsite").text == "<h1>home</h1>"
    assert sandbox.visit("preview-wsite", "/api/x").text == "code about"
    assert sandbox.visit("preview-wsite", "/missing").text == "code about"
    assert sandbox.visit_host("preview-wsite", "/old").headers["location"] == "/about"
    assert sandbox.visit_host("preview-wsite", "/blog/a").headers["location"] == "/news/a"
    css = sandbox.visit("preview-wsite", "/app.css")
    assert (css.headers["content-type"], css.headers["x-kept"]) == ("text/css; charset=utf-8", "yes")
    assert "No updated asset files to upload" in wrangler.deploy("preview-wother", namespace=PREVIEW)


def test_a_site_without_code(sandbox: Sandbox, wrangler: Wrangler) -> None:
    wrangler.write({"dist/index.html": "spa", "dist/logo.svg": "<svg/>"})
    wrangler.configure(assets={"directory": "dist", "not_found_handling": "single-page-application"})
    wrangler.deploy("wspa")
    assert sandbox.visit("wspa", "/any/page").text == "spa"
    assert sandbox.visit("wspa", "/logo.svg").headers["content-type"] == "image/svg+xml"


def test_code_that_throws_at_its_start_is_refused_and_the_version_before_stays(
    sandbox: Sandbox, wrangler: Wrangler
) -> None:
    sandbox.upload("wbroken", "export default { fetch: () => new Response('good') };")
    wrangler.write({"index.js": "throw new TypeError('bad start'); export default {};"})
    wrangler.configure(main="index.js")
    printed = wrangler.deploy("wbroken", status=1)
    assert "TypeError: bad start" in printed
    assert "10021" in printed
    assert sandbox.visit("wbroken").text == "good"


def test_dispatch_namespaces(sandbox: Sandbox, wrangler: Wrangler) -> None:
    wrangler.run("dispatch-namespace", "create", "by-wrangler")
    assert "by-wrangler" in wrangler.run("dispatch-namespace", "list")
    assert "by-wrangler" in wrangler.run("dispatch-namespace", "get", "by-wrangler")
    wrangler.run("dispatch-namespace", "delete", "by-wrangler")
    assert sandbox.call("GET", "/workers/dispatch/namespaces/by-wrangler").status_code == 404


def test_whoami(wrangler: Wrangler) -> None:
    assert ACCOUNT in wrangler.run("whoami")
