"""Pull requests, as far as a preview needs to know them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PullRequest:
    """One pull request of an app; `updated_at` is GitHub's, by which old news is told from new.

    `comment_id` is our one comment on it, once it exists.
    """

    app_id: str
    number: int
    is_open: bool
    title: str
    html_url: str
    head_branch: str
    head_commit: str
    is_from_fork: bool
    author: str
    updated_at: datetime
    comment_id: int | None = None
    comment_digest: str | None = None

    def is_older_than(self, known: "PullRequest", *, reopens: bool) -> bool:
        """Tell whether this is older news than `known`.

        GitHub's times have whole seconds. Within one second closing is the last word, unless the news is
        that it was opened again.
        """
        if self.updated_at != known.updated_at:
            return self.updated_at < known.updated_at
        return self.is_open and not known.is_open and not reopens
