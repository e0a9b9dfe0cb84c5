"""Runs of the workflow that we install, on GitHub Actions."""

from collections.abc import Sequence
from typing import Final

from github.WorkflowRun import WorkflowRun as PyGithubRun

from app.errors import RemoteConflict, RemoteForbidden
from app.github.client import GitHub, path
from app.github.workflow import WORKFLOW_PATH
from app.ports import WorkflowRun

_WORKFLOW: Final = "actions/workflows/deploy.yml"
_LACKS_PERMISSION: Final = ("resource not accessible", "must have")


class GitHubRuns:
    """Port `Runs`."""

    def __init__(self, github: GitHub) -> None:
        self._github = github

    def of_commit(self, full_name: str, commit: str) -> Sequence[WorkflowRun]:
        """Return the runs of our workflow for a commit, newest first.

        It asks for all the commit's runs: GitHub does not know a workflow by its file's name until it has
        run, and answers 404, which would look like a repository that is gone.
        """
        # https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-repository
        with self._github.doing(f"listing the runs of {commit[:7]} in {full_name}"):
            runs = self._github.repository(full_name).get_workflow_runs(head_sha=commit)
            ours = [_described(run) for run in runs if run.path.partition("@")[0] == WORKFLOW_PATH]
        return sorted(ours, key=lambda run: run.id, reverse=True)

    def enable_workflow(self, full_name: str) -> None:
        """Enable our workflow where GitHub disabled it, as it does in forks."""
        # https://docs.github.com/en/rest/actions/workflows#enable-a-workflow
        with self._github.doing(f"enabling the workflow of {full_name}"):
            self._github.request("PUT", path("repos", full_name, _WORKFLOW, "enable"))

    def dispatch(self, full_name: str, branch: str) -> None:
        """Start our workflow by hand on a branch."""
        # https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event
        with self._github.doing(f"starting the workflow of {full_name} on {branch}"):
            self._github.request("POST", path("repos", full_name, _WORKFLOW, "dispatches"), {"ref": branch})

    def rerun(self, full_name: str, run_id: int) -> None:
        """Run a run again, as its next attempt. Raises RemoteConflict when GitHub does not repeat it.

        That answer is a 403, as is that of a permission that is missing.
        """
        # https://docs.github.com/en/rest/actions/workflow-runs#re-run-a-workflow
        # https://docs.github.com/en/actions/how-tos/manage-workflow-runs/re-run-workflows-and-jobs
        try:
            with self._github.doing(f"repeating run {run_id} in {full_name}"):
                self._github.request("POST", path("repos", full_name, "actions/runs", run_id, "rerun"))
        except RemoteForbidden as refused:
            if any(words in refused.message.lower() for words in _LACKS_PERMISSION):
                raise
            raise RemoteConflict(refused.message, code="run:not-repeatable", **refused.details) from None

    def cancel(self, full_name: str, run_id: int) -> None:
        """Ask for a run to be cancelled; GitHub's 409 says that it is over already."""
        # https://docs.github.com/en/rest/actions/workflow-runs#cancel-a-workflow-run
        try:
            with self._github.doing(f"cancelling run {run_id} in {full_name}"):
                self._github.request("POST", path("repos", full_name, "actions/runs", run_id, "cancel"))
        except RemoteConflict:
            return


def _described(run: PyGithubRun) -> WorkflowRun:
    return WorkflowRun(
        id=run.id,
        number=run.run_number,
        attempt=run.run_attempt,
        url=run.html_url,
        status=run.status,
        conclusion=run.conclusion,
        event=run.event,
        head_repository_id=run.head_repository.id if run.head_repository else None,
        message=run.head_commit.message if run.head_commit else None,
        branch=run.head_branch,
    )
