"""The one comment that a pull request gets.

Branch names, commit messages and error texts come from outside: each is escaped so that it is shown as
text, mentions nobody and leaves the table it stands in whole.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from app.domain.addresses import Address
from app.domain.deployments import Status
from app.render import TEMPLATES
from app.render.text import one_line

_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_LABELS: Final[Mapping[Status, str]] = {
    Status.QUEUED: "⏳ Waiting for a runner",
    Status.BUILDING: "🔨 Building",
    Status.DEPLOYING: "🚀 Deploying",
    Status.READY: "✅ Ready",
    Status.ERROR: "❌ Failed",
    Status.CANCELLED: "⚪ Cancelled",
    Status.SUPERSEDED: "⚪ Superseded by a newer commit",
    Status.REMOVED: "🗑️ Removed",
}
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$-])")
# Where GitHub finds mentions, issues and addresses in plain text; a zero-width space there hides them.
# https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls
_LINKED: Final = re.compile(r"@|\\#|:(?=//)|www(?=\.)|GH(?=\\-)", re.IGNORECASE)
_LINE_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class Promotion:
    """What of this pull request was promoted: `by` whom, and whether it is live there still."""

    environment: str
    by: str
    commit: str
    is_live: bool


@dataclass(frozen=True, slots=True)
class CommentFacts:
    """What the comment says of the newest deployment, and of what its preview shows.

    `phases` are seconds; `status` is None before the first run was seen. `shown` is the commit that answers
    at `address`, None when none does; `own_url` is where `commit` answers for good. `pinned_by` is who
    pinned the preview, `expires_on` the last day of a preview that nobody pushes to.
    """

    app_id: str
    is_open: bool
    is_from_fork: bool
    status: Status | None
    address: Address | None
    commit: str
    message: str | None
    run_url: str | None
    phases: Mapping[str, float]
    error: str | None
    updated_at: datetime
    shown: str | None = None
    own_url: str | None = None
    pinned_by: str | None = None
    has_expired: bool = False
    expires_on: str | None = None
    promotions: Sequence[Promotion] = ()

    def digest(self) -> str:
        """Return a fingerprint of everything but the time, to tell whether an edit would say anything new."""
        return hashlib.sha256(repr(replace(self, updated_at=_EPOCH)).encode()).hexdigest()


def marker(app_id: str) -> str:
    """Return the hidden line by which our comment is known."""
    return f"<!-- branchline:preview:{app_id} -->"


def render_comment(facts: CommentFacts) -> str:
    """Return the comment's Markdown, at most a few kilobytes."""
    template = TEMPLATES.get_template("comment.md.j2")
    return template.render(
        facts=facts,
        marker=marker(facts.app_id),
        label=_label(facts),
        phases=[f"{name} {seconds:.1f} s" for name, seconds in facts.phases.items()],
        updated=facts.updated_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
    )


def _label(facts: CommentFacts) -> str | None:
    if facts.status is None:
        return None if facts.is_from_fork else _LABELS[Status.QUEUED]
    return _LABELS[facts.status]


def escape_line(text: str) -> str:
    """Return one line of outside text as Markdown that shows just that text, cut at 200 characters."""
    escaped = _MARKDOWN.sub(r"\\\1", one_line(text, _LINE_CHARACTERS))
    return _LINKED.sub("\\g<0>\u200b", escaped)


def code_block(text: str) -> str:
    """Return outside text as a fenced block that it cannot close."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", text)), 3)
    lines = "\n".join(line.expandtabs() for line in text.splitlines())
    clean = "".join(c if c.isprintable() or c == "\n" else "�" for c in lines)
    return f"{fence}text\n{clean.strip()}\n{fence}"


TEMPLATES.filters["line"] = escape_line
TEMPLATES.filters["code_block"] = code_block
