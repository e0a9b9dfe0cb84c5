"""Pull requests that we open on GitHub."""

from typing import Any

from app.errors import RemoteConflict
from app.github.client import GitHub, path
from app.ports import Proposal


class GitHubProposals:
    """Port `Proposals`."""

    def __init__(self, github: GitHub) -> None:
        self._github = github

    def open(self, full_name: str, *, head: str, base: str, title: str, body: str) -> Proposal:
        """Propose branch `head` for `base`; an open pull request between the two is returned as it is."""
        # https://docs.github.com/en/rest/pulls/pulls#create-a-pull-request
        wanted = {"title": title, "head": head, "base": base, "body": body}
        try:
            with self._github.doing(f"proposing {head} for {base} in {full_name}"):
                return _described(self._github.request("POST", path("repos", full_name, "pulls"), wanted))
        except RemoteConflict:
            known = self._find(full_name, head, base)
            if known is None:
                raise
            return known

    def _find(self, full_name: str, head: str, base: str) -> Proposal | None:
        # https://docs.github.com/en/rest/pulls/pulls#list-pull-requests
        owner = full_name.partition("/")[0]
        query = {"state": "open", "head": f"{owner}:{head}", "base": base}
        with self._github.doing(f"looking for the pull request of {head} in {full_name}"):
            pulls = self._github.request("GET", path("repos", full_name, "pulls"), query=query)
        return _described(pulls[0]) if pulls else None


def _described(pull: Any) -> Proposal:
    return Proposal(number=int(pull["number"]), html_url=str(pull["html_url"]))
