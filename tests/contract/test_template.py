"""What every app starts as: it installs anywhere, and its own tests pass."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sandbox.node import node_directory

PROJECT = Path(__file__).parents[2]
TEMPLATE = PROJECT / "template_repo"
LOCKS = [TEMPLATE / "package-lock.json", PROJECT / "package-lock.json"]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return node_directory(tmp_path_factory.mktemp("node")) / "node"


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def packages(lock: Path) -> dict[str, dict[str, Any]]:
    return dict(json.loads(lock.read_text())["packages"])


@pytest.mark.parametrize("lock", LOCKS, ids=["template", "tools"])
def test_a_lock_has_no_download_addresses(lock: Path) -> None:
    assert [path for path, entry in packages(lock).items() if "resolved" in entry] == []


@pytest.mark.parametrize("lock", LOCKS, ids=["template", "tools"])
def test_a_lock_has_the_builds_of_every_platform(lock: Path, node: Path, tmp_path: Path) -> None:
    copy = tmp_path / "package-lock.json"
    copy.write_bytes(lock.read_bytes())
    result = run(node, PROJECT / "scripts/complete-lock.mjs", copy, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, "")
    assert copy.read_bytes() == lock.read_bytes()


def test_a_missing_build_is_added_with_its_platform(node: Path, tmp_path: Path) -> None:
    lock = tmp_path / "package-lock.json"
    builds = {"@acme/tool-darwin-arm64": "1.2.3", "@acme/tool-windows-64": "1.2.3"}
    content = {"": {}, "node_modules/tool": {"version": "1.2.3", "dev": True, "optionalDependencies": builds}}
    lock.write_text(json.dumps({"packages": content}))
    assert run(node, PROJECT / "scripts/complete-lock.mjs", lock, cwd=tmp_path).returncode == 0
    common = {"version": "1.2.3", "dev": True, "optional": True}
    mac, windows = (packages(lock)[f"node_modules/{name}"] for name in builds)
    assert mac == {**common, "cpu": ["arm64"], "os": ["darwin"]}
    assert windows == {**common, "cpu": ["x64"], "os": ["win32"]}


def test_its_own_tests_pass(node: Path) -> None:
    result = run(node, "--test", "tests/**/*.test.ts", cwd=TEMPLATE)
    assert result.returncode == 0, result.stdout


def test_it_has_the_same_runtime_for_functions_as_workers() -> None:
    """To renew it: cp functions_runtime/src/*.js template_repo/functions_runtime/."""
    ours, theirs = (
        {path.name: path.read_text() for path in folder.glob("*")}
        for folder in (PROJECT / "functions_runtime/src", TEMPLATE / "functions_runtime")
    )
    assert theirs == ours


def test_it_has_no_function_of_its_own() -> None:
    assert [path.name for path in (TEMPLATE / "functions").iterdir()] == ["options.json"]


def test_it_installs_the_same_wrangler_and_workerd_as_the_tools() -> None:
    ours, theirs = (packages(lock) for lock in LOCKS)
    for name in ("node_modules/wrangler", "node_modules/workerd"):
        assert ours[name]["version"] == theirs[name]["version"]


def test_it_works_below_any_path() -> None:
    sources = [TEMPLATE / "index.html", *(TEMPLATE / "src").iterdir()]
    absolute = ('="/', "'/", '"/', "`/")
    found = [path.name for path in sources if any(start in path.read_text() for start in absolute)]
    assert found == []
