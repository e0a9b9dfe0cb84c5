"""Who may do what in a repository, and what its pull requests propose, on GitHub."""

from typing import Final

from app.errors import RemoteMissing
from app.github.client import GitHub, path

_MAY_WRITE: Final = frozenset({"write", "maintain", "admin"})


class GitHubMembers:
    """Port `Members`."""

    def __init__(self, github: GitHub) -> None:
        self._github = github

    def may_write(self, full_name: str, login: str) -> bool:
        """Tell whether somebody other than ourselves may push; GitHub says 404 of who is nobody.

        What we ourselves write never decides anything, whatever text of others is in it.
        """
        # https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
        permission = path("repos", full_name, "collaborators", login, "permission")
        try:
            with self._github.doing(f"looking what {login} may do in {full_name}"):
                if login.lower() == self._github.login().lower():
                    return False
                answer = self._github.request("GET", permission)
                return not _MAY_WRITE.isdisjoint({answer["permission"], answer.get("role_name")})
        except RemoteMissing:
            return False


class GitHubPullHeads:
    """Port `PullHeads`."""

    def __init__(self, github: GitHub) -> None:
        self._github = github

    def of_open(self, full_name: str, number: int) -> str | None:
        """Return the newest commit of a pull request; None when it is not open."""
        # https://docs.github.com/en/rest/pulls/pulls#get-a-pull-request
        with self._github.doing(f"looking at {full_name}#{number}"):
            pull = self._github.request("GET", path("repos", full_name, "pulls", number))
            return str(pull["head"]["sha"]) if pull["state"] == "open" else None
