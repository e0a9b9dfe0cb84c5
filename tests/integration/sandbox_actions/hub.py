"""A whole sandbox GitHub with Actions: what is pushed there is run by act."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
from github import Auth, Github

from tests.contract.sandbox_github.driver import World, eventually

if TYPE_CHECKING:
    from sandbox.github.server import Server

WORKFLOW = ".github/workflows/ci.yml"
_SECONDS = 60.0


class Hub(World):
    """The world of the contract tests, where workflows run."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.web = httpx.Client(base_url=server.url, timeout=30)

    def run(self, full_name: str, head_sha: str, attempt: int = 1) -> dict[str, Any]:
        """Return the run of a commit once an attempt is completed."""

        def look() -> dict[str, Any] | None:
            runs = self.bot("GET", f"/repos/{full_name}/actions/runs", 200, head_sha=head_sha)[
                "workflow_runs"
            ]
            return next(
                (run for run in runs if (run["status"], run["run_attempt"]) == ("completed", attempt)), None
            )

        found = eventually(look, _SECONDS)
        assert found
        return found

    def log(self, full_name: str, run: dict[str, Any]) -> str:
        """Return what all jobs of a run said."""
        jobs = self.bot("GET", f"/repos/{full_name}/actions/runs/{run['id']}/jobs", 200)["jobs"]
        logs = (f"/repos/{full_name}/actions/jobs/{job['id']}/logs" for job in jobs)
        return "".join(self.bot.client.get(log, follow_redirects=True).text for log in logs)

    def pygithub(self) -> Github:
        """Return a client of the owner's bot."""
        pace: dict[str, Any] = {"seconds_between_requests": None, "seconds_between_writes": None}
        auth = Auth.Token(self.tokens["branchline-bot"])
        return Github(base_url=f"{self.url}/api/v3", auth=auth, retry=None, **pace)

    def close(self) -> None:
        self.web.close()
        super().close()
