"""The REST API of workflows, runs and jobs, in GitHub's shapes and with GitHub's status codes.

Who may ask what is decided where the blueprint is mounted. Caches, runners, approvals and usage are not
there.
https://docs.github.com/en/rest/actions
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, redirect, request

from sandbox.actions import downloads, listings, lookups
from sandbox.actions.artifacts import routes as artifacts
from sandbox.actions.dispatches import DispatchError
from sandbox.actions.engine import NotPossibleError
from sandbox.actions.lookups import ProblemError
from sandbox.actions.shapes import Shapes

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Response as BaseResponse

    from sandbox.actions.engine import Engine
    from sandbox.actions.ports import GitHubSide
    from sandbox.actions.records import Job, Run

_REPOSITORY = "/repos/<owner>/<repo>/actions"


def blueprint(
    engine: Engine, github: GitHubSide, *, sender: Callable[[], dict[str, Any]] | None = None
) -> Blueprint:
    """Return the routes, to be mounted below the API's root.

    `sender` returns the user object of whoever makes the request; without it the repository's owner is taken
    for the one who dispatches a workflow.
    """
    api, find = _Api(engine, github, sender), lookups.Lookups(engine, github)
    routes = Blueprint("actions", __name__)
    for method, path, function in (*api.routes(), *artifacts.Api(find, sender).routes()):
        routes.add_url_rule(f"{_REPOSITORY}{path}", function.__name__, function, methods=[method])
    routes.register_error_handler(ProblemError, lookups.answered)
    return routes


@dataclass(frozen=True)
class _Api:
    engine: Engine
    github: GitHubSide
    sender: Callable[[], dict[str, Any]] | None

    @property
    def find(self) -> lookups.Lookups:
        """Return what finds the things that a URL names."""
        return lookups.Lookups(self.engine, self.github)

    def routes(self) -> list[tuple[str, str, Callable[..., Any]]]:
        """Return method, path and function of each route."""
        run, job, workflow = "/runs/<int:run_id>", "/jobs/<int:job_id>", "/workflows/<workflow>"
        return [
            ("GET", "/workflows", self.workflows),
            ("GET", workflow, self.get_workflow),
            ("PUT", f"{workflow}/enable", self.enable_workflow),
            ("PUT", f"{workflow}/disable", self.disable_workflow),
            ("POST", f"{workflow}/dispatches", self.dispatch_workflow),
            ("GET", f"{workflow}/runs", self.workflow_runs),
            ("GET", "/runs", self.runs),
            ("GET", run, self.get_run),
            ("DELETE", run, self.delete_run),
            ("POST", f"{run}/cancel", self.cancel_run),
            ("POST", f"{run}/force-cancel", self.force_cancel_run),
            ("POST", f"{run}/rerun", self.rerun_run),
            ("POST", f"{run}/rerun-failed-jobs", self.rerun_failed_jobs),
            ("GET", f"{run}/jobs", self.run_jobs),
            ("GET", f"{run}/logs", self.run_logs),
            ("DELETE", f"{run}/logs", self.delete_logs),
            ("GET", f"{run}/attempts/<int:attempt>", self.get_attempt),
            ("GET", f"{run}/attempts/<int:attempt>/jobs", self.attempt_jobs),
            ("GET", f"{run}/attempts/<int:attempt>/logs", self.attempt_logs),
            ("GET", job, self.get_job),
            ("GET", f"{job}/logs", self.job_logs),
            ("POST", f"{job}/rerun", self.rerun_job),
        ]

    def workflows(self, owner: str, repo: str) -> Response:
        """List workflows."""
        found = self.engine.sync(self.find.repository_id(owner, repo))
        return listings.page("workflows", found, Shapes(self.github).workflow)

    def get_workflow(self, owner: str, repo: str, workflow: str) -> Response:
        """Get a workflow by id or file name."""
        return jsonify(Shapes(self.github).workflow(self.find.workflow(owner, repo, workflow)))

    def enable_workflow(self, owner: str, repo: str, workflow: str) -> Response:
        """Enable a workflow."""
        self.engine.records.set_workflow_state(self.find.workflow(owner, repo, workflow).id, "active")
        return Response(status=204)

    def disable_workflow(self, owner: str, repo: str, workflow: str) -> Response:
        """Disable a workflow."""
        self.engine.records.set_workflow_state(
            self.find.workflow(owner, repo, workflow).id, "disabled_manually"
        )
        return Response(status=204)

    def dispatch_workflow(self, owner: str, repo: str, workflow: str) -> Response:
        """Create a workflow_dispatch event."""
        record = self.find.workflow(owner, repo, workflow)
        body = request.get_json(silent=True)
        if not isinstance(body, dict) or not isinstance(body.get("ref"), str):
            raise ProblemError(422, 'Invalid request.\n\n"ref" wasn\'t supplied.')
        given = body.get("inputs") or {}
        if not isinstance(given, dict):
            raise ProblemError(422, "Invalid request.\n\nFor 'properties/inputs', it is not an object.")
        owner_object = self.github.repository(record.repository_id)["owner"]
        try:
            self.engine.dispatch(record, body["ref"], given, self.sender() if self.sender else owner_object)
        except DispatchError as error:
            raise ProblemError(422, str(error)) from error
        return Response(status=204)

    def workflow_runs(self, owner: str, repo: str, workflow: str) -> Response:
        """List the runs of a workflow."""
        record = self.find.workflow(owner, repo, workflow)
        return self._runs(record.repository_id, workflow_id=record.id)

    def runs(self, owner: str, repo: str) -> Response:
        """List the runs of a repository."""
        return self._runs(self.find.repository_id(owner, repo))

    def get_run(self, owner: str, repo: str, run_id: int) -> Response:
        """Get a run."""
        return jsonify(Shapes(self.github).run(self.find.run(owner, repo, run_id)))

    def delete_run(self, owner: str, repo: str, run_id: int) -> Response:
        """Delete a run."""
        return self._changed(self.engine.delete, self.find.run(owner, repo, run_id), 403, 204)

    def cancel_run(self, owner: str, repo: str, run_id: int) -> Response:
        """Cancel a run."""
        return self._changed(self.engine.cancel, self.find.run(owner, repo, run_id), 409, 202)

    def force_cancel_run(self, owner: str, repo: str, run_id: int) -> Response:
        """Cancel a run without waiting for anything."""
        run = self.find.run(owner, repo, run_id)
        return self._changed(lambda run: self.engine.cancel(run, at_once=True), run, 409, 202)

    def rerun_run(self, owner: str, repo: str, run_id: int) -> Response:
        """Run a run again."""
        return self._changed(self.engine.rerun, self.find.run(owner, repo, run_id), 403, 201)

    def rerun_failed_jobs(self, owner: str, repo: str, run_id: int) -> Response:
        """Run a failed run again, all of it."""
        run = self.find.run(owner, repo, run_id)
        if run.conclusion == "success":
            raise ProblemError(403, "This workflow run has no failed jobs")
        return self._changed(self.engine.rerun, run, 403, 201)

    def run_jobs(self, owner: str, repo: str, run_id: int) -> Response:
        """List the jobs of a run's latest attempt, or of all of them."""
        run = self.find.run(owner, repo, run_id)
        first = 1 if request.args.get("filter") == "all" else run.attempt
        jobs = [job for n in range(first, run.attempt + 1) for job in self.engine.records.jobs(run.id, n)]
        return self._jobs(run, jobs)

    def run_logs(self, owner: str, repo: str, run_id: int) -> BaseResponse:
        """Redirect to the zip of a run's logs."""
        run = self.find.run(owner, repo, run_id)
        return self.attempt_logs(owner, repo, run_id, run.attempt)

    def delete_logs(self, owner: str, repo: str, run_id: int) -> Response:
        """Delete the logs of a run."""
        self.engine.logs.delete(self.find.run(owner, repo, run_id).id)
        return Response(status=204)

    def get_attempt(self, owner: str, repo: str, run_id: int, attempt: int) -> Response:
        """Get a run as of one attempt."""
        run = self.find.run(owner, repo, run_id)
        if attempt == run.attempt:
            return jsonify(Shapes(self.github).run(run))
        jobs = self.find.jobs_of(run, attempt)
        conclusions = {job.conclusion for job in jobs}
        worst = next((c for c in ("cancelled", "failure", "success") if c in conclusions), "skipped")
        then = replace(
            run, attempt=attempt, status="completed", conclusion=worst, started_at=jobs[0].created_at
        )
        return jsonify(Shapes(self.github).run(then))

    def attempt_jobs(self, owner: str, repo: str, run_id: int, attempt: int) -> Response:
        """List the jobs of one attempt."""
        run = self.find.run(owner, repo, run_id)
        return self._jobs(run, self.find.jobs_of(run, attempt))

    def attempt_logs(self, owner: str, repo: str, run_id: int, attempt: int) -> BaseResponse:
        """Redirect to the zip of one attempt's logs."""
        run = self.find.run(owner, repo, run_id)
        self.find.jobs_of(run, attempt)
        return redirect(downloads.run_address(self.engine, run.id, attempt), 302)

    def get_job(self, owner: str, repo: str, job_id: int) -> Response:
        """Get a job."""
        job, run = self.find.job(owner, repo, job_id)
        return jsonify(Shapes(self.github).job(job, self.engine.records.steps(job.id), run))

    def job_logs(self, owner: str, repo: str, job_id: int) -> BaseResponse:
        """Redirect to the log of a job."""
        job, run = self.find.job(owner, repo, job_id)
        if self.engine.logs.are_gone(run.id):
            raise ProblemError(410, "Server Error")  # GitHub's own words for logs that are kept no more
        return redirect(downloads.job_address(self.engine, job.id), 302)

    def rerun_job(self, owner: str, repo: str, job_id: int) -> Response:
        """Run the run of a job again, all of it."""
        _, run = self.find.job(owner, repo, job_id)
        return self._changed(self.engine.rerun, run, 403, 201)

    def _runs(self, repository_id: int, **filters: int) -> Response:
        runs = listings.selected_runs(self.engine.records, repository_id, request.args, **filters)
        return listings.page("workflow_runs", runs, Shapes(self.github).run)

    def _jobs(self, run: Run, jobs: list[Job]) -> Response:
        shapes, records = Shapes(self.github), self.engine.records
        return listings.page("jobs", jobs, lambda job: shapes.job(job, records.steps(job.id), run))

    def _changed(self, change: Callable[[Run], None], run: Run, refused: int, done: int) -> Response:
        try:
            change(run)
        except NotPossibleError as error:
            raise ProblemError(refused, str(error)) from error
        return Response(status=done) if done == 204 else Response("{}", done, content_type="application/json")  # noqa: PLR2004
