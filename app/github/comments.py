"""Our one comment on a pull request, on GitHub."""

from app.errors import RemoteMissing
from app.github.client import GitHub, path


class GitHubComments:
    """Port `Comments`."""

    def __init__(self, github: GitHub) -> None:
        self._github = github

    def find(self, full_name: str, number: int, marker: str) -> int | None:
        """Return the oldest comment that carries `marker` and was written by us: others may quote it."""
        # https://docs.github.com/en/rest/issues/comments#list-issue-comments
        with self._github.doing(f"looking for our comment on {full_name}#{number}"):
            login = self._github.login()
            comments = self._github.repository(full_name).get_issue(number).get_comments()
            ours = (it.id for it in comments if marker in it.body and it.user and it.user.login == login)
            return next(ours, None)

    def create(self, full_name: str, number: int, body: str) -> int:
        """Write a comment and return its id."""
        # https://docs.github.com/en/rest/issues/comments#create-an-issue-comment
        with self._github.doing(f"commenting on {full_name}#{number}"):
            comments = path("repos", full_name, "issues", number, "comments")
            return int(self._github.request("POST", comments, {"body": body})["id"])

    def update(self, full_name: str, comment_id: int, body: str) -> bool:
        """Replace its text; False when somebody deleted the comment."""
        # https://docs.github.com/en/rest/issues/comments#update-an-issue-comment
        try:
            with self._github.doing(f"updating comment {comment_id} in {full_name}"):
                comment = path("repos", full_name, "issues/comments", comment_id)
                self._github.request("PATCH", comment, {"body": body})
        except RemoteMissing:
            return False
        return True
