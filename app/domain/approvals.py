"""Approvals: somebody with write access said that one commit of a fork may have a preview.

Here is decided which commit a word was said of: never a branch, and nothing that was pushed after it.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

_WISH: Final = re.compile(r"/preview(?:[ \t]+([0-9a-f]{7,40}))?[ \t]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Approval:
    """One commit of one pull request, approved; a later push to it is another commit and is not."""

    app_id: str
    pull_request: int
    commit: str
    actor: str
    approved_at: datetime


def commit_asked_for(comment: str) -> str | None:
    """Return the beginning of the name of the commit that a comment wants shown, "" for the newest one.

    A comment wants something when its first line says `/preview` and no more than a commit; else None.
    """
    first_line = comment.partition("\n")[0].removesuffix("\r")
    wish = _WISH.fullmatch(first_line)
    return None if wish is None else (wish[1] or "").lower()


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wrote: show this `commit`, or, where it is empty, the newest that there was.

    `head` was the newest that we knew when we heard of it.
    """

    author: str
    written_at: datetime
    commit: str
    head: str

    def refusal(self, head: str, pushed_at: datetime) -> str | None:
        """Say why commit `head`, the newest by now, is not what was meant, or None.

        A name in full can mean no other commit. What only begins alike may have been made to, and whoever
        says "the newest" means the newest that was there to be looked at: neither may have come later, nor
        within the same second, of which the host's times do not tell the order.
        """
        if not head.startswith(self.commit):
            return f"{self.author} said /preview {self.commit[:7]}, and the newest commit is {head[:7]}"
        if self.commit == head:
            return None
        if head != self.head or pushed_at >= self.written_at:
            return f"{self.author} said /preview before {head[:7]} came"
        return None
