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
_NOT_APPROVED: Final = "`{name}` is not approved: somebody with write access can say `/preview {name}`."
_NOT_DEPLOYED: Final = (
    "**Not deployed.** This pull request comes from a fork: it is built without credentials, and nothing of "
    "it is deployed until somebody with write access says `/preview {name}`, which is good for that one "
    "commit."
)
_REFUSED: Final = "\n**Nothing changed:** {why}. To show the newest commit, say `/preview {name}`."
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
class ForkFacts:
    """What the comment says of a fork's pull request, whose newest commit is `head`.

    `approved_by` says by whom that was approved, `shown_by` by whom what the preview shows was; None says
    that nobody did. `refusal` is why a wish for a preview was not granted.
    """

    head: str
    approved_by: str | None = None
    shown_by: str | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class CommentFacts:
    """What the comment says of the newest deployment, and of what its preview shows.

    `phases` are seconds; `status` is None before the first run was seen. `shown` is the commit that answers
    at `address`, None when none does; `own_url` is where `commit` answers for good. `pinned_by` is who
    pinned the preview, `expires_on` the last day of a preview that nobody pushes to.
    """

    app_id: str
    is_open: bool
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
    fork: ForkFacts | None = None

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
        about_fork=_about_fork(facts, facts.fork) if facts.fork else None,
        phases=[f"{name} {seconds:.1f} s" for name, seconds in facts.phases.items()],
        updated=facts.updated_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
    )


def _label(facts: CommentFacts) -> str | None:
    if facts.status is None:
        return None if facts.fork else _LABELS[Status.QUEUED]
    return _LABELS[facts.status]


def _about_fork(facts: CommentFacts, fork: ForkFacts) -> str:
    """Return what is shown of a fork's pull request, by whose word, and what it takes to show its newest."""
    found, name = list[str](), fork.head[:7]
    if facts.shown:
        found.append(f"Shows `{facts.shown[:7]}`, approved {escape_line(fork.shown_by or 'by nobody')}.")
    if fork.approved_by and facts.shown != fork.head:
        is_waiting = facts.status is None or facts.commit != fork.head
        waits = " and is shown when its run has ended well" if is_waiting else ""
        found.append(f"`{name}` was approved {escape_line(fork.approved_by)}{waits}.")
    if not fork.approved_by:
        found.append((_NOT_APPROVED if facts.shown else _NOT_DEPLOYED).format(name=name))
        if fork.refusal:
            found.append(_REFUSED.format(why=escape_line(fork.refusal), name=fork.head))
    return "\n".join(found)


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
