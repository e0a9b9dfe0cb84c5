"""What a developer does with what was deployed already: roll back, resume, promote, look at one deployment.

Through the control plane's HTTP API, as everything else that the story does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.waiting import wait_for

if TYPE_CHECKING:
    from sandbox.developer import App

READY_SECONDS = 120.0


def secrets_of(app: App) -> list[str]:
    """Return the names of the Actions secrets in an app's repository."""
    answer = app.developer.github.get(f"/repos/{app.repository}/actions/secrets")
    return [secret["name"] for secret in answer["secrets"]]


def wait_ready(app: App, environment: str, commit: str) -> dict[str, Any]:
    """Wait until a commit's deployment to an environment is ready, live or not, and return it."""

    def look() -> tuple[dict[str, Any] | None, object]:
        found = [it for it in app.deployments(environment=environment) if it["commit"] == commit]
        ready = [it for it in found if it["status"] == "ready"]
        return (ready[0] if ready else None), [it["status"] for it in found]

    return wait_for(f"{commit[:7]} ready for {environment}", look, READY_SECONDS)


def roll_back(app: App, environment: str = "production") -> dict[str, Any]:
    """Put what was live before back, and wait until it is."""
    answer = app.developer.branchline.post(f"/api/apps/{app.slug}/rollback", {"environment": environment})
    return app.developer.wait_for_job(answer["jobId"])


def resume(app: App, environment: str = "production") -> None:
    """Let pushes go live again, and wait until the newest of them is."""
    answer = app.developer.branchline.post(f"/api/apps/{app.slug}/resume", {"environment": environment})
    if answer["jobId"] is not None:
        app.developer.wait_for_job(answer["jobId"])


def promote(app: App, deployment_id: str, environment: str = "production") -> None:
    """Put the very bytes of a deployment into another environment, and wait until they answer."""
    path = f"/api/deployments/{deployment_id}/promote"
    app.developer.wait_for_job(app.developer.branchline.post(path, {"environment": environment})["jobId"])
