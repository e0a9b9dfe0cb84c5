"""What workflow runs left behind, on GitHub."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Final

from app.github.client import GitHub, path
from app.github.downloads import GitHubDownloads
from app.ports import Artifact

_DIGEST: Final = "sha256:"


class GitHubArtifacts:
    """Port `Artifacts`."""

    def __init__(self, github: GitHub) -> None:
        self._github = github
        self._downloads = GitHubDownloads(github)

    def of_run(self, full_name: str, run_id: int, name: str) -> Artifact | None:
        """Return the newest artifact of that name; each attempt of a run may leave one."""
        # https://docs.github.com/en/rest/actions/artifacts#list-workflow-run-artifacts
        artifacts = path("repos", full_name, "actions/runs", run_id, "artifacts")
        with self._github.doing(f"looking for artifact {name} of run {run_id} in {full_name}"):
            answer = self._github.request("GET", artifacts, query={"name": name, "per_page": "100"})
            found = [it for it in answer["artifacts"] if it["name"] == name and not it["expired"]]
        newest = max(found, key=lambda it: int(it["id"]), default=None)
        return None if newest is None else _described(newest)

    def download(self, full_name: str, artifact_id: int) -> AbstractContextManager[Iterator[bytes]]:
        """Open its zip, which lies elsewhere."""
        # https://docs.github.com/en/rest/actions/artifacts#download-an-artifact
        at = path("repos", full_name, "actions/artifacts", artifact_id, "zip")
        return self._downloads.open(at, f"downloading artifact {artifact_id} of {full_name}")


def _described(told: dict[str, Any]) -> Artifact:
    digest = str(told.get("digest") or "")
    sha256 = digest.removeprefix(_DIGEST) if digest.startswith(_DIGEST) else None
    return Artifact(int(told["id"]), int(told["size_in_bytes"]), sha256)
