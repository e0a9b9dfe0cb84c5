"""What is in a repository on GitHub, through the Git data API: one commit for any number of files."""

import base64
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from github.InputGitTreeElement import InputGitTreeElement
from github.Repository import Repository

from app.domain.git import is_text
from app.errors import RemoteConflict, RemoteForbidden, RemoteMissing
from app.github.client import GitHub, path
from app.ports import File

if TYPE_CHECKING:
    from github.GitCommit import GitCommit


class GitHubContents:
    """Port `Contents`."""

    def __init__(self, github: GitHub) -> None:
        self._github = github

    def head(self, full_name: str, branch: str) -> str | None:
        """Return the commit that a branch points at; None when there is no such branch, or nothing yet."""
        # https://docs.github.com/en/rest/git/refs#get-a-reference (409: the repository is empty)
        try:
            with self._github.doing(f"reading the head of {branch} in {full_name}"):
                ref = self._github.request("GET", path("repos", full_name, "git/ref/heads", branch))
                return str(ref["object"]["sha"])
        except (RemoteMissing, RemoteConflict):
            return None

    def find_commit(self, full_name: str, branch: str, trailer: str) -> str | None:
        """Return the newest of the branch's last hundred commits whose message has the line `trailer`."""
        # https://docs.github.com/en/rest/commits/commits#list-commits
        try:
            with self._github.doing(f"looking for a commit on {branch} in {full_name}"):
                commits = self._github.repository(full_name).get_commits(sha=branch).get_page(0)
                matching = (it.sha for it in commits if trailer in it.commit.message.splitlines())
                return next(matching, None)
        except (RemoteMissing, RemoteConflict):
            return None

    def commit(
        self,
        full_name: str,
        branch: str,
        files: Sequence[File],
        message: str,
        *,
        parent: str,
        deleted: Collection[str] = (),
        is_new: bool = False,
    ) -> str:
        """Put `files` into one commit on top of `parent` and move the branch to it, never by force."""
        doing = f"committing {len(files) + len(deleted)} files to {branch} in {full_name}"
        with self._github.doing(doing):
            base = self._github.repository(full_name).get_git_commit(parent)
        try:
            with self._github.doing(doing):
                commit = self._write(full_name, files, deleted, message, base)
                self._point(full_name, branch, commit, is_new=is_new)
                return commit
        except RemoteMissing as error:
            # The parent was just read, so it is there: GitHub hides a missing permission behind a 404.
            problem = f"{error.message}; our credential may lack the permission to write workflows"
            raise RemoteForbidden(problem, **error.details) from error

    def ensure_branch(self, full_name: str, branch: str, commit: str) -> None:
        """Create the branch at `commit`; one that exists stays where it is."""
        if self.head(full_name, branch) is not None:
            return
        try:
            with self._github.doing(f"creating branch {branch} in {full_name}"):
                self._github.repository(full_name).create_git_ref(f"refs/heads/{branch}", commit)
        except RemoteConflict:
            if self.head(full_name, branch) is None:
                raise

    def _write(
        self, full_name: str, files: Sequence[File], deleted: Collection[str], message: str, base: "GitCommit"
    ) -> str:
        # https://docs.github.com/en/rest/git/trees#create-a-tree (a null sha takes a path away)
        repository = self._github.repository(full_name)
        elements = [_element(repository, file) for file in files]
        elements += [InputGitTreeElement(it, "100644", "blob", sha=None) for it in deleted]
        tree = repository.create_git_tree(elements, base.tree)
        return repository.create_git_commit(message, tree, [base]).sha

    def _point(self, full_name: str, branch: str, commit: str, *, is_new: bool) -> None:
        # https://docs.github.com/en/rest/git/refs
        if is_new:
            self._github.repository(full_name).create_git_ref(f"refs/heads/{branch}", commit)
            return
        move = {"sha": commit, "force": False}
        self._github.request("PATCH", path("repos", full_name, "git/refs/heads", branch), move)


def _element(repository: Repository, file: File) -> InputGitTreeElement:
    """Return a tree's entry: text travels inside it, anything else as a blob made before."""
    if is_text(file.content):
        return InputGitTreeElement(file.path, file.mode, "blob", content=file.content.decode())
    blob = repository.create_git_blob(base64.b64encode(file.content).decode(), "base64")
    return InputGitTreeElement(file.path, file.mode, "blob", sha=blob.sha)
