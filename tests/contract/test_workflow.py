"""The workflow we install is what GitHub takes, and gives away nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.domain.environments import DEFAULT_BRANCHES, environment_of
from app.pipeline.fork_preview import ARTIFACT
from sandbox.actions.expressions import evaluate, value_of

WORKFLOW = Path(__file__).parents[2] / "actions_templates" / "deploy.yml"
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    # BaseLoader: everything is a string, and `on` is not a boolean.
    return dict(yaml.load(WORKFLOW.read_text(), yaml.BaseLoader))  # noqa: S506 - it builds strings only


@pytest.fixture(scope="module")
def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def known_to_act(text: str) -> str:
    """Return the workflow without what GitHub has added since act's copy of the schema was made."""
    # https://docs.github.com/en/actions/how-tos/deploy/configure-and-manage-deployments/control-deployments
    assert text.count("\n      deployment: false\n") == 1
    return text.replace("\n      deployment: false\n", "\n")


def validate(directory: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Check `text` against GitHub's own schema of workflows, expressions included, as act carries it."""
    workflows = directory / ".github" / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "deploy.yml").write_text(text)
    command: list[str | Path] = [BIN / "act", "--validate", "--strict", "-W", workflows / "deploy.yml"]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60, check=False)


def test_it_fits_githubs_schema(tmp_path: Path) -> None:
    result = validate(tmp_path, known_to_act(WORKFLOW.read_text()))
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("timeout-minutes:", "timeout-minuts:"),
        ("contents: read", "contents: rad"),
        ("id-token: write", "id-token: read-write"),
        ("github.event_name", "github.event.name || githob.event_name"),
        ("cancelled()", "canceled()"),
        ("vars.", "varz."),
    ],
)
def test_the_schema_check_finds_mistakes(tmp_path: Path, right: str, wrong: str) -> None:
    assert right in WORKFLOW.read_text()
    assert validate(tmp_path, known_to_act(WORKFLOW.read_text()).replace(right, wrong)).returncode != 0


def test_zizmor_has_no_finding() -> None:
    command: list[str | Path] = [BIN / "zizmor", "--offline", "--no-progress", WORKFLOW]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout


def test_nothing_is_permitted_but_reading_the_code_and_saying_who_one_is(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {}
    permitted = [job["permissions"] for job in workflow["jobs"].values()]
    assert permitted == [{"contents": "read", "id-token": "write"}]


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


def test_the_apps_own_commands_run_without_secrets(steps: list[dict[str, Any]]) -> None:
    secrets = {step["name"]: re.findall(r"secrets\.(\w+)", str(step.get("env"))) for step in steps}
    assert {name: found for name, found in secrets.items() if found} == {
        "Deploy": ["BRANCHLINE_SECRET", "CLOUDFLARE_API_TOKEN"],
        "Report": ["BRANCHLINE_SECRET"],
    }


def pull_request_from(full_name: str | None) -> dict[str, Any]:
    repo = {"full_name": full_name} if full_name else None
    return {"event_name": "pull_request", "event": {"pull_request": {"head": {"repo": repo}}}}


@pytest.mark.parametrize(
    ("run", "is_kept"),
    [
        ({"event_name": "push", "event": {}}, False),
        ({"event_name": "workflow_dispatch", "event": {}}, False),
        (pull_request_from("acme/hello"), False),
        (pull_request_from("eve/hello"), True),
        (pull_request_from(None), True),
    ],
)
def test_only_what_a_fork_would_deploy_is_kept(
    steps: list[dict[str, Any]], run: dict[str, Any], *, is_kept: bool
) -> None:
    (upload,) = [step for step in steps if step.get("uses", "").startswith("actions/upload-artifact@")]
    assert evaluate(upload["if"], {"github": {"repository": "acme/hello", **run}}) is is_kept
    assert upload["with"] == {
        "name": ARTIFACT,
        "path": "${{ runner.temp }}/branchline-upload",
        "if-no-files-found": "error",
        "retention-days": "7",
    }


def test_what_a_fork_would_deploy_is_kept_before_the_end_is_reported(steps: list[dict[str, Any]]) -> None:
    names = [step["name"] for step in steps]
    assert names[-3:] == ["Deploy", "Keep what a fork would deploy", "Report"]


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


def contexts(event: str, ref_name: str, environments: str | None) -> dict[str, Any]:
    variables = {"BRANCHLINE_ENVIRONMENTS": environments} if environments else {}
    return {"github": {"event_name": event, "ref_name": ref_name}, "vars": variables}


RELEASE = '{"release": "production", "next": "staging"}'
RUNS = [
    ("push", "main", None, "production"),
    ("push", "staging", None, "staging"),
    ("workflow_dispatch", "main", None, "production"),
    ("push", "blue-button", None, "preview"),
    ("push", "7/merge", None, "preview"),
    ("pull_request", "7/merge", None, "preview"),
    ("pull_request", "7/merge", '{"7/merge": "production"}', "preview"),
    ("push", "release", RELEASE, "production"),
    ("push", "next", RELEASE, "staging"),
    ("push", "main", RELEASE, "preview"),
    ("push", "main", "{}", "preview"),
]


@pytest.mark.parametrize(("event", "ref_name", "environments", "expected"), RUNS)
def test_a_run_names_the_environment_of_its_branch(
    workflow: dict[str, Any], event: str, ref_name: str, environments: str | None, expected: str
) -> None:
    environment = workflow["jobs"]["deploy"]["environment"]
    assert value_of(environment["name"], contexts(event, ref_name, environments)) == expected
    assert environment["deployment"] == "false"


@pytest.mark.parametrize(("event", "ref_name", "environments", "expected"), RUNS)
def test_only_previews_are_cancelled(
    workflow: dict[str, Any], event: str, ref_name: str, environments: str | None, expected: str
) -> None:
    source = workflow["concurrency"]["cancel-in-progress"]
    assert value_of(source, contexts(event, ref_name, environments)) is (expected == "preview")


@pytest.mark.parametrize(("event", "ref_name", "environments", "expected"), RUNS)
def test_the_workflow_and_branchline_agree(
    event: str, ref_name: str, environments: str | None, expected: str
) -> None:
    branches = DEFAULT_BRANCHES if environments is None else json.loads(environments)
    pull_request = 7 if event == "pull_request" else None
    assert environment_of(ref_name, pull_request, branches) == expected
