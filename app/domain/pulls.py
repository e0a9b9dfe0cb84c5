"""Pull requests, as far as a preview needs to know them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PullRequest:
    """One pull request of an app; `updated_at` is GitHub's, by which old news is told from new.

    Its newest commit came from repository `head_repository_id` (None when that is gone) and was pushed
    at `pushed_at` or before. `comment_id` is our one comment on it, once it exists. `refusal` says why
    somebody's wish for a preview was not granted when `refused_commit` was the newest.
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
    head_repository_id: int | None = None
    pushed_at: datetime | None = None
    refusal: str | None = None
    refused_commit: str | None = None

    def is_older_than(self, known: "PullRequest", *, reopens: bool) -> bool:
        """Tell whether this is older news than `known`.

        GitHub's times have whole seconds. Within one second closing is the last word, unless the news is
        that it was opened again.
        """
        if self.updated_at != known.updated_at:
            return self.updated_at < known.updated_at
        return self.is_open and not known.is_open and not reopens
