"""One attempt of a run as an act process: its directory, its files, its command line.

Secrets travel in files that only the owner can read and that go with the directory. act itself decides
what happens inside the jobs; nothing here looks at the outcome.
"""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any, Final

from sandbox.actions import git, processes

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.actions.assignments import Assignment

# https://yaml.org/spec/1.2.2/#51-character-set
_UNPRINTED: Final = re.compile("[\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
_NO_FILE = "/dev/null"


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
    _write(directory, "environment", assignment.environment | {processes.VARIABLE: assignment.tracking_id})
    _write_privately(_workflow_file(directory, assignment), assignment.text)
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
    named = ["--workflows", str(_workflow_file(directory, assignment)), "--actor", assignment.actor]
    return [act, assignment.event, *switches, *named, *files, *platforms, *actions]


def _write(directory: Path, name: str, content: dict[str, Any]) -> None:
    """Write one of act's files as JSON, which is YAML: values keep their quotes and their lines.

    Characters stand for themselves, for act's YAML does not take the two escapes that JSON makes of an emoji;
    but what YAML does not print is escaped.
    """
    text = json.dumps(content, ensure_ascii=False)
    _write_privately(directory / f"{name}.yml", _UNPRINTED.sub(lambda it: f"\\u{ord(it[0]):04x}", text))


def _write_privately(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _workflow_file(directory: Path, assignment: Assignment) -> Path:
    """Return where the workflow lies for act: under its own name, out of the steps' sight."""
    return directory / "workflow" / assignment.workflow.path.rpartition("/")[2]
