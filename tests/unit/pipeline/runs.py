"""Runs of an app's workflow: what they say of themselves, what GitHub says of them, and how far each came."""

from dataclasses import replace
from typing import Any

from app.domain.deployments import Status
from app.domain.reports import RunAction, WorkflowRunChanged
from app.domain.runs import RunReport
from app.pipeline.install import PLACES
from tests.builders import NOON
from tests.unit.pipeline.world import OURS, REPOSITORY_ID, World


def a_run(number: int = 1, **changes: Any) -> RunReport:
    """Return what run `number`, of a push to main unless told otherwise, says of itself."""
    facts: dict[str, Any] = {
        "repository_id": REPOSITORY_ID,
        "event": "push",
        "ref": "refs/heads/main",
        "branch": "main",
        "commit": f"{number:040x}",
        "message": f"Change {number}",
        "pull_request": None,
        "run_id": 1000 + number,
        "run_number": number,
        "run_attempt": 1,
        "run_url": f"https://github.test/acme/app-1/actions/runs/{1000 + number}",
        "phases": {"install": 3.0, "build": 1.0},
    }
    return RunReport(**{**facts, **changes})


def a_pull_run(number: int = 1, pull_request: int = 7, **changes: Any) -> RunReport:
    """Return what a run of a pull request says of itself."""
    facts: dict[str, Any] = {
        "event": "pull_request",
        "ref": f"refs/pull/{pull_request}/merge",
        "branch": "hello",
        "pull_request": pull_request,
    }
    return a_run(number, **{**facts, **changes})


def what_github_says(report: RunReport, word: str, **changes: Any) -> WorkflowRunChanged:
    """Return the delivery for a run: `word` is requested, in_progress, or how it was concluded."""
    is_over = word not in {RunAction.REQUESTED, RunAction.IN_PROGRESS}
    said = WorkflowRunChanged(
        repository=OURS,
        action=RunAction.COMPLETED if is_over else RunAction(word),
        run_id=report.run_id,
        run_number=report.run_number,
        run_attempt=report.run_attempt,
        html_url=report.run_url,
        event=report.event,
        status="completed" if is_over else {"requested": "queued"}.get(word, word),
        conclusion=word if is_over else None,
        head_branch=report.branch,
        head_commit=report.commit,
        head_repository_id=REPOSITORY_ID,
        message=report.message,
        workflow_path=PLACES["deploy.yml"],
        pull_requests=(report.pull_request,) if report.pull_request else (),
        created_at=NOON,
        updated_at=NOON,
    )
    return replace(said, **changes)


def statuses(world: World) -> dict[int, Status]:
    """Return the status of each run by its number."""
    return {it.run.number: it.status for it in world.deployments()}
