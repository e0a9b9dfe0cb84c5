"""Repositories that begin empty, on GitHub."""

from github.Repository import Repository as PyGithubRepository

from app.domain.apps import Repository
from app.github.client import GitHub, path
from app.github.repositories import described


class GitHubNewRepositories:
    """Port `NewRepositories`."""

    def __init__(self, github: GitHub) -> None:
        self._github = github

    def create(self, full_name: str, *, is_private: bool) -> Repository:
        """Create it."""
        # https://docs.github.com/en/rest/repos/repos#create-an-organization-repository
        owner, name = full_name.split("/")
        with self._github.doing(f"creating {full_name}"):
            body = {"name": name, "private": is_private, "auto_init": False}
            data = self._github.request("POST", path("orgs", owner, "repos"), body)
            return described(PyGithubRepository(self._github.requester, {}, data, completed=True))

    def disable_actions(self, full_name: str) -> None:
        """Let no workflow run."""
        # https://docs.github.com/en/rest/actions/permissions#set-github-actions-permissions-for-a-repository
        with self._github.doing(f"disabling Actions in {full_name}"):
            self._github.request("PUT", path("repos", full_name, "actions/permissions"), {"enabled": False})

    def make_default(self, full_name: str, branch: str) -> None:
        """Make a branch the default one."""
        # https://docs.github.com/en/rest/repos/repos#update-a-repository
        with self._github.doing(f"making {branch} the default branch of {full_name}"):
            self._github.request("PATCH", path("repos", full_name), {"default_branch": branch})
