"""Repositories as a whole, on GitHub."""

from github.Repository import Repository as PyGithubRepository

from app.domain.apps import Repository
from app.errors import RemoteForbidden, RemoteMissing
from app.github.client import GitHub, path


class GitHubRepositories:
    """Port `Repositories`."""

    def __init__(self, github: GitHub) -> None:
        self._github = github

    def find(self, full_name: str) -> Repository | None:
        """Return it, or None when GitHub says that it is not there; a moved one tells its new name."""
        try:
            with self._github.doing(f"finding {full_name}"):
                return described(self._github.repository(full_name).complete())
        except RemoteMissing:
            return None

    def fork(self, template: str, owner: str, name: str) -> Repository:
        """Ask for a fork of the template's default branch.

        GitHub answers before it has copied anything, and with another repository where it allows no second
        fork.
        """
        # https://docs.github.com/en/rest/repos/forks#create-a-fork
        with self._github.doing(f"forking {template} into {owner}/{name}"):
            repository = self._github.repository(template)
            return described(repository.create_fork(owner, name, default_branch_only=True))

    def generate(self, template: str, owner: str, name: str, *, is_private: bool) -> Repository:
        """Create a repository from the template's default branch."""
        # https://docs.github.com/en/rest/repos/repos#create-a-repository-using-a-template
        body = {"owner": owner, "name": name, "private": is_private}
        with self._github.doing(f"generating {owner}/{name} from {template}"):
            data = self._github.request("POST", path("repos", template, "generate"), body)
            return described(PyGithubRepository(self._github.requester, {}, data, completed=True))

    def enable_actions(self, full_name: str) -> None:
        """Let workflows run, unless they may already."""
        # https://docs.github.com/en/rest/actions/permissions#set-github-actions-permissions-for-a-repository
        permissions = path("repos", full_name, "actions/permissions")
        with self._github.doing(f"enabling Actions in {full_name}"):
            if not self._github.request("GET", permissions)["enabled"]:
                self._github.request("PUT", permissions, {"enabled": True})

    def delete(self, full_name: str) -> None:
        """Delete it; one that is gone already is fine."""
        try:
            with self._github.doing(f"deleting {full_name}"):
                self._github.repository(full_name).delete()
        except RemoteMissing as error:
            if self.find(full_name) is not None:
                problem = f"{error.message}; our credential may lack the permission to delete repositories"
                raise RemoteForbidden(problem, **error.details) from error


def described(repository: PyGithubRepository) -> Repository:
    """Return ours for PyGithub's; only a completed one may come here, else each attribute costs a request."""
    return Repository(
        id=repository.id,
        full_name=repository.full_name,
        html_url=repository.html_url,
        clone_url=repository.clone_url,
        default_branch=repository.default_branch,
        is_private=repository.private,
        is_fork=repository.fork,
        parent_full_name=repository.parent.full_name if repository.parent else None,
        created_at=repository.created_at,
        owner_id=repository.owner.id,
    )
