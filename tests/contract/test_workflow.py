"""The workflow we install is what GitHub takes, and gives away nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.actions.expressions import value_of

WORKFLOW = Path(__file__).parents[2] / "actions_templates" / "deploy.yml"
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    # BaseLoader: everything is a string, and `on` is not a boolean.
    return dict(yaml.load(WORKFLOW.read_text(), yaml.BaseLoader))  # noqa: S506 - it builds strings only


@pytest.fixture(scope="module")
def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def validate(directory: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Check `text` against GitHub's own schema of workflows, expressions included, as act carries it."""
    workflows = directory / ".github" / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "deploy.yml").write_text(text)
    command: list[str | Path] = [BIN / "act", "--validate", "--strict", "-W", workflows / "deploy.yml"]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60, check=False)


def test_it_fits_githubs_schema(tmp_path: Path) -> None:
    result = validate(tmp_path, WORKFLOW.read_text())
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("timeout-minutes:", "timeout-minuts:"),
        ("contents: read", "contents: rad"),
        ("cancelled()", "canceled()"),
        ("vars.", "varz."),
    ],
)
def test_the_schema_check_finds_mistakes(tmp_path: Path, right: str, wrong: str) -> None:
    assert validate(tmp_path, WORKFLOW.read_text().replace(right, wrong)).returncode != 0


def test_zizmor_has_no_finding() -> None:
    command: list[str | Path] = [BIN / "zizmor", "--offline", "--no-progress", WORKFLOW]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout


def test_nothing_is_permitted_but_reading_the_code(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {}
    assert [job["permissions"] for job in workflow["jobs"].values()] == [{"contents": "read"}]


def test_every_action_is_pinned_by_commit_with_its_version() -> None:
    uses = re.findall(r"uses: *(.*)", WORKFLOW.read_text())
    assert uses
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use) for use in uses)


def test_no_expression_stands_in_a_command(steps: list[dict[str, Any]]) -> None:
    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []


def test_the_checkout_keeps_no_credential_and_takes_the_pushed_commit(steps: list[dict[str, Any]]) -> None:
    (checkout,) = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert checkout["with"] == {
        "ref": "${{ github.event.pull_request.head.sha || github.sha }}",
        "persist-credentials": "false",
    }


def test_the_apps_own_commands_run_without_the_secret(steps: list[dict[str, Any]]) -> None:
    with_secret = {step["name"] for step in steps if "secrets." in str(step.get("env"))}
    assert with_secret == {"Deploy", "Report"}


def test_signals_reach_the_script(steps: list[dict[str, Any]]) -> None:
    runs = [step["run"] for step in steps if "run" in step]
    assert len(runs) == 4
    assert all(run.startswith("exec node ") for run in runs)


def test_it_runs_on_every_push_and_every_change_of_a_pull_request(workflow: dict[str, Any]) -> None:
    assert workflow["on"] == {
        "push": {"branches": ["**"]},
        "pull_request": {"types": ["opened", "synchronize", "reopened"]},
        "workflow_dispatch": "",
    }


@pytest.mark.parametrize(
    ("ref_name", "branches", "cancels"),
    [
        ("main", None, False),
        ("staging", None, False),
        ("blue-button", None, True),
        ("7/merge", None, True),
        ("release", '["release"]', False),
        ("main", '["release"]', True),
    ],
)
def test_only_previews_are_cancelled(
    workflow: dict[str, Any], ref_name: str, branches: str | None, *, cancels: bool
) -> None:
    source = workflow["concurrency"]["cancel-in-progress"]
    contexts = {
        "github": {"ref_name": ref_name},
        "vars": {"BRANCHLINE_BRANCHES": branches} if branches else {},
    }
    assert value_of(source, contexts) is cancels
