"""What a fork's run records is what the gateway would have got of the same, unmodified wrangler."""

import io
import json
import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from app.bundles.places import bundles_in
from app.cloudflare.recordings import CloudflareRecordings
from app.domain.bundles import Bundle
from app.ports import Bundles
from tests.contract.gateway.plane import Plane, Wrangler
from tests.contract.sandbox_cloudflare.driver import ROOT, TOOLS

CODE = "export default { fetch: (_, env) => Response.json(env) };"
PROJECTS: dict[str, tuple[dict[str, str | bytes], dict[str, Any]]] = {
    "code": (
        {"index.js": CODE},
        {"main": "index.js", "vars": {"GREETING": "hello", "FLAGS": {"blue": True}}},
    ),
    "code and assets": (
        {
            "index.js": CODE,
            "public/index.html": "<h1>home</h1>",
            "public/copy.html": "<h1>home</h1>",
            "public/app.css": "a{}",
            "public/a b/ü.unknown": b"\x00\xff",
            "public/empty.txt": "",
            "public/_redirects": "/old /about 301\n",
            "public/_headers": "/app.css\n  X-Kept: yes\n",
        },
        {
            "main": "index.js",
            "assets": {"directory": "public", "binding": "ASSETS", "run_worker_first": ["/api/*"]},
        },
    ),
    "assets": (
        {"dist/index.html": "spa", "dist/logo.svg": "<svg/>"},
        {"assets": {"directory": "dist", "not_found_handling": "single-page-application"}},
    ),
    "many assets": (
        {f"dist/{number}.txt": f"file {number}" for number in range(1100)},
        {"assets": {"directory": "dist"}},
    ),
    "modules of every kind": (
        {
            "src/index.js": "import './lib/ü.js'; import t from './note.txt'; import b from './blob.bin';"
            " export default { fetch: () => new Response(t + b) };",
            "src/lib/ü.js": "export const name = 'module';",
            "src/note.txt": "text",
            "src/blob.bin": b"\x00\x01\xff",
        },
        {
            "main": "src/index.js",
            "no_bundle": True,
            "find_additional_modules": True,
            "base_dir": "src",
            "rules": [{"type": "ESModule", "globs": ["**/*.js"]}],
        },
    ),
    "source maps and versions": (
        {"index.ts": "export default { fetch: (_: Request, env: any) => Response.json(env.VERSION) };"},
        {"main": "index.ts", "upload_source_maps": True, "version_metadata": {"binding": "VERSION"}},
    ),
}

# The one that has a little of everything.
QUICK = "code and assets"


@pytest.mark.parametrize(
    "name", [pytest.param(it, marks=() if it == QUICK else pytest.mark.slow) for it in PROJECTS]
)
def test_a_recording_is_the_bundle_that_the_gateway_makes(
    plane: Plane, wrangler: Wrangler, name: str, tmp_path: Path
) -> None:
    files, config = PROJECTS[name]
    wrangler.write(files)
    wrangler.configure(**config)
    deployment = plane.deploying(f"recorded{list(PROJECTS).index(name)}")
    wrangler.deploy(deployment)
    bundles = bundles_in(plane.settings.bundles)
    packed = zipped(record(wrangler, tmp_path / "runner"))
    assert read(bundles, packed) == bundles.load(str(plane.kept(deployment).bundle))


def test_a_secret_that_the_environment_has_to_provide(
    plane: Plane, wrangler: Wrangler, tmp_path: Path
) -> None:
    """wrangler asks for it as it would at the gateway; what it is given is not the recording's business."""
    wrangler.write({"index.js": CODE})
    wrangler.configure(main="index.js", secrets={"required": ["API_KEY"]})
    bundles = bundles_in(plane.settings.bundles)
    bundle = read(bundles, zipped(record(wrangler, tmp_path / "runner")), "API_KEY")
    assert not bundle.bindings


def read(bundles: Bundles, packed: bytes, *provided: str) -> Bundle:
    return bundles.load(bundles.save(CloudflareRecordings(bundles).read([packed], set(provided))))


def record(wrangler: Wrangler, runner: Path) -> Path:
    """Run the workflow's step as GitHub does for the pull request of a fork; return what it leaves."""
    runner.mkdir()
    (wrangler.folder / "node_modules").symlink_to(TOOLS / "node_modules")
    event = {
        "repository": {"id": 1},
        "pull_request": {"number": 7, "head": {"ref": "x", "sha": "e" * 40, "repo": {"full_name": "eve/x"}}},
    }
    (runner / "event.json").write_text(json.dumps(event))
    done = subprocess.run(
        [ROOT / ".venv/bin/node", ROOT / "actions_templates/deploy.mjs", "deploy"],
        cwd=wrangler.folder,
        env=_runner(runner),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    (wrangler.folder / "node_modules").unlink()
    assert done.returncode == 0, done.stdout + done.stderr
    return runner / "branchline-upload"


def _runner(directory: Path) -> dict[str, str]:
    return {
        "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
        "HOME": str(directory),
        "RUNNER_TEMP": str(directory),
        "GITHUB_EVENT_PATH": str(directory / "event.json"),
        "GITHUB_REPOSITORY": "acme/x",
        "GITHUB_RUN_ID": "1",
    }


def zipped(directory: Path) -> bytes:
    """Pack a directory as `actions/upload-artifact` does: names are relative to it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(directory.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(directory))
    return packed.getvalue()
