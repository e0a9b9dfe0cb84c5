"""The Actions pages of a repository: its runs, and one run with its jobs, steps and logs.

For looking only: whatever changes something goes through the API. Everything shown is escaped by the
templates.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from flask import Blueprint, abort, render_template

from sandbox.actions import downloads

if TYPE_CHECKING:
    from typing import Any

    from sandbox.actions.engine import Engine
    from sandbox.actions.ports import GitHubSide
    from sandbox.actions.records import Job, Run

_SHOWN_RUNS = 100
_TIME = re.compile(r"^\S+Z ", re.MULTILINE)
_MARK = re.compile(r"^##\[(\w+)\]")


def pages(engine: Engine, github: GitHubSide) -> Blueprint:
    """Return the pages, to be mounted at the site's root."""
    routes = Blueprint("actions_pages", __name__, template_folder="templates")

    def repository_id(owner: str, repo: str) -> int:
        found = github.repository_id(f"{owner}/{repo}")
        return abort(404) if found is None else found

    def runs(owner: str, repo: str) -> str:
        found = engine.records.runs(repository_id(owner, repo))[:_SHOWN_RUNS]
        return render_template("actions/runs.html", full_name=f"{owner}/{repo}", runs=found, seconds=_seconds)

    def run(owner: str, repo: str, run_id: int, job_id: int | None = None) -> str:
        try:
            found = engine.records.run(run_id)
        except KeyError:
            abort(404)
        if found.repository_id != repository_id(owner, repo):
            abort(404)
        jobs = _jobs(engine, found, job_id)
        return render_template(
            "actions/run.html", full_name=f"{owner}/{repo}", run=found, jobs=jobs, seconds=_seconds
        )

    routes.add_url_rule("/<owner>/<repo>/actions", "runs", runs)
    routes.add_url_rule("/<owner>/<repo>/actions/runs/<int:run_id>", "run", run)
    routes.add_url_rule("/<owner>/<repo>/actions/runs/<int:run_id>/job/<int:job_id>", "job", run)
    downloads.add_to(routes, engine)
    return routes


def _jobs(engine: Engine, run: Run, job_id: int | None) -> list[dict[str, Any]]:
    jobs = engine.records.jobs(run.id, run.attempt) if job_id is None else [_job_of(engine, run, job_id)]
    return [
        {
            "job": job,
            "steps": [
                {"step": step, "lines": _lines(engine.logs.of_step(job, step.number))}
                for step in engine.records.steps(job.id)
            ],
        }
        for job in jobs
    ]


def _job_of(engine: Engine, run: Run, job_id: int) -> Job:
    try:
        job = engine.records.job(job_id)
    except KeyError:
        abort(404)
    return job if job.run_id == run.id else abort(404)


def _lines(log: str) -> list[tuple[str, str]]:
    """Return a log without its times, each line with the mark (`error`, `group` ...) that it began with."""
    found = []
    for line in _TIME.sub("", log).splitlines():
        mark = _MARK.match(line)
        found.append((mark[1], line[mark.end() :]) if mark else ("", line))
    return found


def _seconds(started_at: str | None, completed_at: str | None) -> str:
    """Return how long something took, nothing while it goes on."""
    if not started_at or not completed_at:
        return ""
    span = datetime.fromisoformat(completed_at) - datetime.fromisoformat(started_at)
    return f"{int(span.total_seconds())} s"
