"""What changed between two commits, on GitHub."""

from app.github.client import GitHub, path
from app.github.fields import Fields, understood
from app.ports import Commit, Comparison


class GitHubComparisons:
    """Port `Comparisons`."""

    def __init__(self, github: GitHub) -> None:
        self._github = github

    def between(self, full_name: str, base: str, head: str) -> Comparison:
        """Return what `head` has that `base` has not: GitHub's first answer has the newest 250 commits."""
        # https://docs.github.com/en/rest/commits/commits#compare-two-commits
        at = path("repos", full_name, "compare", f"{base}...{head}")
        doing = f"comparing {base[:7]} with {head[:7]} in {full_name}"
        with self._github.doing(doing):
            answer = self._github.request("GET", at)
        with understood(doing):
            told = Fields(answer, "$", "GitHub's answer")
            return Comparison(
                url=told.text("html_url"),
                commits=[_commit(it) for it in told.each("commits")][::-1],
                total=told.number("total_commits"),
                missing=told.number("behind_by"),
                files=len(list(told.each("files"))),
            )


def _commit(told: Fields) -> Commit:
    commit, author = told.inner("commit"), told.inner_or_none("author")
    written = commit.inner("author")
    login = author.text_or_none("login") if author else None
    return Commit(
        sha=told.text("sha"),
        message=commit.text("message"),
        author=login or written.text("name"),
        at=written.time("date"),
        url=told.text("html_url"),
    )
