"""One attempt of a run as an act process: its directory, its files, its command line.

Secrets travel in a file that only the owner can read and that goes with the directory. act itself decides
what happens inside the jobs; nothing here looks at the outcome.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.actions import git, processes

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.actions.workflows import Workflow

_NO_FILE = "/dev/null"


@dataclass(frozen=True)
class Assignment:
    """Everything that act must be told of one attempt."""

    workflow: Workflow
    git_directory: Path
    commit: str
    event: str
    payload: dict[str, Any]
    actor: str
    github: dict[str, str]
    """The `GITHUB_*` variables."""
    secrets: dict[str, str]
    variables: dict[str, str]
    actions: dict[str, Path]
    tracking_id: str


def launch(
    act: str, directory: Path, assignment: Assignment, environment: dict[str, str]
) -> subprocess.Popen[str]:
    """Lay out `directory` and start act there, in a session of its own; its lines are on stdout."""
    work = directory / "work"
    work.mkdir(parents=True)
    git.extract(assignment.git_directory, assignment.commit, ".github/workflows", work)
    _write(directory, "event", assignment.payload)
    _write(directory, "secrets", assignment.secrets)
    _write(directory, "variables", assignment.variables)
    _write(directory, "environment", assignment.github | {processes.VARIABLE: assignment.tracking_id})
    return subprocess.Popen(
        _command(act, directory, assignment),
        cwd=work,
        env=environment | {processes.VARIABLE: assignment.tracking_id},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )


def _command(act: str, directory: Path, assignment: Assignment) -> list[str]:
    labels = {label for job in assignment.workflow.jobs for label in job.labels} or {"ubuntu-latest"}
    platforms = [option for label in sorted(labels) for option in ("-P", f"{label}=-self-hosted")]
    actions = [
        option
        for reference, path in sorted(assignment.actions.items())
        for option in ("--local-repository", f"{reference}={path}")
    ]
    files = [
        *("--eventpath", str(directory / "event.yml"), "--secret-file", str(directory / "secrets.yml")),
        *("--var-file", str(directory / "variables.yml"), "--env-file", str(directory / "environment.yml")),
        *("--input-file", _NO_FILE, "--action-cache-path", str(directory / "act")),
    ]
    switches = ["--json", "--no-skip-checkout", "--no-cache-server", "--action-offline-mode", "--no-recurse"]
    named = ["--workflows", assignment.workflow.path, "--actor", assignment.actor]
    return [act, assignment.event, *switches, *named, *files, *platforms, *actions]


def _write(directory: Path, name: str, content: dict[str, Any]) -> None:
    """Write one of act's files as JSON, which is YAML: values keep their quotes and their lines."""
    path = directory / f"{name}.yml"
    path.touch(mode=0o600)
    path.write_text(json.dumps(content), encoding="utf-8")
