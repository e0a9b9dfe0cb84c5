"""The finished artifacts of one engine: rows of its records, and a zip in a directory for each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.actions.records import Artifact, Records, Run


class Store:
    """Keeps artifacts until they are deleted; what has expired is only no longer given away."""

    def __init__(self, directory: Path, records: Records) -> None:
        self._directory, self._records = directory, records
        directory.mkdir(parents=True, exist_ok=True)

    def keep(self, archive: Path, run: Run, **values: Any) -> Artifact:
        """Make an artifact of a complete zip, which is moved."""
        of_run = {"repository_id": run.repository_id, "run_id": run.id, "attempt": run.attempt}
        artifact = self._records.add_artifact(**of_run, **values)
        archive.rename(self.path(artifact))
        return artifact

    def has(self, run: Run, name: str) -> bool:
        """Tell whether the present attempt of a run has an artifact of this name."""
        found = self._records.artifacts(run.repository_id, run_id=run.id, name=name)
        return any(artifact.attempt == run.attempt for artifact in found)

    def path(self, artifact: Artifact) -> Path:
        """Return where the zip is."""
        return self._directory / f"{artifact.id}.zip"

    def delete(self, artifact: Artifact) -> None:
        """Forget an artifact; may run twice."""
        self._records.delete_artifact(artifact.id)
        self.path(artifact).unlink(missing_ok=True)

    def delete_of(self, run: Run) -> None:
        """Forget every artifact of a run."""
        for artifact in self._records.artifacts(run.repository_id, run_id=run.id):
            self.delete(artifact)


def is_expired(artifact: Artifact) -> bool:
    """Say whether an artifact's time is over."""
    return datetime.fromisoformat(artifact.expires_at) <= datetime.now(UTC)
