"""Artifacts in the REST API: listed, shown, downloaded by a redirect, deleted.

https://docs.github.com/en/rest/actions/artifacts
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Response, jsonify, request

from sandbox.actions import downloads, listings
from sandbox.actions.artifacts.store import is_expired
from sandbox.actions.lookups import Lookups, ProblemError
from sandbox.actions.shapes import Shapes

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.actions.records import Artifact

ARTIFACT = "/artifacts/<int:artifact_id>"


@dataclass(frozen=True)
class Api:
    """The routes' functions; `sender` refuses those who are not signed in, who may not download."""

    find: Lookups
    sender: Callable[[], object] | None

    def routes(self) -> list[tuple[str, str, Callable[..., Any]]]:
        """Return method, path and function of each route."""
        return [
            ("GET", "/artifacts", self.artifacts),
            ("GET", "/runs/<int:run_id>/artifacts", self.run_artifacts),
            ("GET", ARTIFACT, self.get_artifact),
            ("DELETE", ARTIFACT, self.delete_artifact),
            ("GET", f"{ARTIFACT}/zip", self.download_artifact),
        ]

    def artifacts(self, owner: str, repo: str) -> Response:
        """List the artifacts of a repository."""
        return self._listed(self.find.repository_id(owner, repo))

    def run_artifacts(self, owner: str, repo: str, run_id: int) -> Response:
        """List the artifacts of a run, those of earlier attempts too."""
        run = self.find.run(owner, repo, run_id)
        return self._listed(run.repository_id, run_id=run.id)

    def get_artifact(self, owner: str, repo: str, artifact_id: int) -> Response:
        """Get an artifact."""
        return jsonify(self._shape(self.find.artifact(owner, repo, artifact_id)[0]))

    def delete_artifact(self, owner: str, repo: str, artifact_id: int) -> Response:
        """Delete an artifact."""
        self.find.engine.artifacts.delete(self.find.artifact(owner, repo, artifact_id)[0])
        return Response(status=204)

    def download_artifact(self, owner: str, repo: str, artifact_id: int) -> Response:
        """Redirect to the zip."""
        artifact, _ = self.find.artifact(owner, repo, artifact_id)
        if self.sender:
            self.sender()
        if is_expired(artifact):
            raise ProblemError(410, "Artifact has expired")
        address = downloads.artifact_address(self.find.engine, artifact.id)
        return Response(status=302, headers={"Location": address})

    def _listed(self, repository_id: int, **filters: int) -> Response:
        name = {"name": request.args["name"]} if request.args.get("name") else {}
        found = self.find.engine.records.artifacts(repository_id, **filters, **name)
        return listings.page("artifacts", found, self._shape)

    def _shape(self, artifact: Artifact) -> dict[str, Any]:
        run = self.find.engine.records.run(artifact.run_id)
        shape = Shapes(self.find.github).artifact(artifact, run)
        return shape | {"expired": is_expired(artifact)}
