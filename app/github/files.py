"""Single files on GitHub, through the contents API: one request reads one, one request is one commit."""

import base64
from typing import Any, Final

from app.domain.git import EntryKind
from app.errors import RemoteMissing
from app.github.client import GitHub
from app.github.client import path as resource
from app.ports import FileContent

# With any other type GitHub refuses files of more than 1 MB altogether.
_OBJECT: Final = "application/vnd.github.object+json"


class GitHubFiles:
    """Port `Files`."""

    def __init__(self, github: GitHub) -> None:
        self._github = github

    def read(self, full_name: str, path: str, ref: str) -> FileContent | EntryKind | None:
        """Return a file, or what stands there instead of one; None when there is nothing, or no such ref.

        GitHub reads a link to a file of the same repository through, and hands out up to 1 MB.
        """
        # https://docs.github.com/en/rest/repos/contents#get-repository-content
        try:
            with self._github.doing(f"reading {path} in {full_name}"):
                found = self._github.request(
                    "GET", resource("repos", full_name, "contents", path), query={"ref": ref}, accept=_OBJECT
                )
        except RemoteMissing:
            return None
        return EntryKind.FOLDER if isinstance(found, list) else _described(found, path)

    def write(
        self, full_name: str, branch: str, path: str, content: bytes, message: str, *, replaces: str | None
    ) -> str:
        """Create a file, or replace the one whose blob is `replaces`, and return the commit."""
        # https://docs.github.com/en/rest/repos/contents#create-or-update-file-contents
        body = {"message": message, "branch": branch, "content": base64.b64encode(content).decode()}
        if replaces is not None:
            body["sha"] = replaces
        with self._github.doing(f"writing {path} to {branch} in {full_name}"):
            answer = self._github.request("PUT", resource("repos", full_name, "contents", path), body)
            return str(answer["commit"]["sha"])

    def delete(self, full_name: str, branch: str, path: str, message: str, *, blob: str) -> str:
        """Delete the file whose blob is `blob` and return the commit."""
        # https://docs.github.com/en/rest/repos/contents#delete-a-file
        body = {"message": message, "branch": branch, "sha": blob}
        with self._github.doing(f"deleting {path} from {branch} in {full_name}"):
            answer = self._github.request("DELETE", resource("repos", full_name, "contents", path), body)
            return str(answer["commit"]["sha"])


def _described(found: dict[str, Any], path: str) -> FileContent | EntryKind:
    if found["type"] != "file":
        return {"symlink": EntryKind.LINK, "dir": EntryKind.FOLDER}.get(found["type"], EntryKind.SUBMODULE)
    # Beyond 1 MB the encoding is "none" and the content is empty.
    is_whole = found.get("encoding") == "base64"
    content = base64.b64decode(found["content"]) if is_whole else None
    return FileContent(path, found["sha"], found["size"], content)
