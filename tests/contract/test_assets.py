"""What pages load is what `make assets` makes of its sources, and nothing else."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from sandbox.node import node_directory

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "app" / "web" / "static"
TEMPLATES = ROOT / "app" / "web" / "templates"
MANIFEST = json.loads((STATIC / "manifest.json").read_text())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def rebuilt(tmp_path: Path) -> Path:
    command = [
        str(node_directory(tmp_path / "bin") / "node"),
        "scripts/build-assets.mjs",
        ".sandbox/tools",
        str(tmp_path / "static"),
    ]
    subprocess.run(command, cwd=ROOT, timeout=60, check=True)
    return tmp_path / "static"


def test_a_rebuild_makes_the_same_files(rebuilt: Path) -> None:
    assert contents(rebuilt) == contents(STATIC), "run make assets"


def test_names_bear_a_hash_of_what_is_in_them() -> None:
    assert set(contents(STATIC)) == {*MANIFEST.values(), "manifest.json"}
    assert [name for name in MANIFEST.values() if not re.fullmatch(r"[a-z-]+-[A-Z0-9]{8}\.\w+", name)] == []


def test_templates_ask_for_assets_that_are_there() -> None:
    asked = re.findall(
        r"asset\([\"']([^\"']+)[\"']\)", "".join(p.read_text() for p in TEMPLATES.rglob("*.html"))
    )
    assert "page.css" in asked
    assert set(asked) <= set(MANIFEST)


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("a style attribute", r"\sstyle\s*="),
        ("a handler in the page", r"\son[a-z]+\s*="),
        ("a script in the page", r"<script(?![^>]*\ssrc=)"),
        ("a style in the page", r"<style"),
        ("text that is not escaped", r"\|\s*safe\b|autoescape false"),
        ("something from elsewhere", r"(?:src|href)=[\"']https?://"),
    ],
)
def test_templates_keep_to_the_policy(what: str, pattern: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group().strip()}"
        for path in TEMPLATES.rglob("*.html")
        if (match := re.search(pattern, path.read_text()))
    ]
    assert found == [], what


def test_the_first_page_is_light() -> None:
    first = [name for name in MANIFEST.values() if name.startswith(("page-", "favicon-"))]
    assert sum((STATIC / name).stat().st_size for name in first) < 48 * 1024
