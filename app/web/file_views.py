"""What the API answers about files."""

import base64
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from app.domain.apps import Repository
from app.domain.git import EntryKind, is_text
from app.domain.jobs import Job
from app.domain.platform import Platform
from app.pipeline.commit import Committed
from app.pipeline.files import FileList, Written
from app.ports import Entry, FileContent
from app.web.file_forms import RAW
from app.web.views import View

if TYPE_CHECKING:
    from pydantic import ConfigDict

_MOST_ENTRIES = 10_000
BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


class EntryView(View):
    """What stands at a path: `sha` names its blob, or the commit of a submodule; `mode` is git's."""

    path: str
    sha: str
    mode: str
    type: EntryKind
    size: int | None

    @classmethod
    def of(cls, entry: Entry) -> "EntryView":
        """Return the view of an entry."""
        return cls(path=entry.path, sha=entry.sha, mode=entry.mode, type=entry.kind, size=entry.size_bytes)


class FilesView(View):
    """The files of a commit in the order of their paths; `truncated` says that there are more."""

    commit: str
    items: list[EntryView]
    truncated: bool

    @classmethod
    def of(cls, listed: FileList) -> "FilesView":
        """Return the view of a listing, cut at ten thousand files."""
        entries = listed.listing.entries
        return cls(
            commit=listed.commit,
            items=[EntryView.of(entry) for entry in entries[:_MOST_ENTRIES]],
            truncated=listed.listing.is_truncated or len(entries) > _MOST_ENTRIES,
        )


class FileView(View):
    """A file; what is no text is in base64, and a content of null is too large for JSON."""

    model_config = cast("ConfigDict", {**View.model_config, "openapi_extra": {"content": {RAW: BINARY}}})

    path: str
    sha: str
    size: int
    encoding: Literal["utf-8", "base64"] | None
    content: str | None

    @classmethod
    def of(cls, file: FileContent) -> "FileView":
        """Return the view of a file."""
        content = file.content
        is_plain = content is not None and is_text(content)
        encoded = None if content is None else _encoded(content, is_plain=is_plain)
        encoding: Literal["utf-8", "base64"] | None = "utf-8" if is_plain else "base64"
        return cls(
            path=file.path,
            sha=file.sha,
            size=file.size_bytes,
            encoding=None if content is None else encoding,
            content=encoded,
        )


def _encoded(content: bytes, *, is_plain: bool) -> str:
    return content.decode() if is_plain else base64.b64encode(content).decode()


class WrittenView(View):
    """What a write came to; `sha` is the new blob, null once the file is deleted."""

    path: str
    sha: str | None
    branch: str
    commit: str
    html_url: str
    changed: bool

    @classmethod
    def of(cls, written: Written, repository: Repository) -> "WrittenView":
        """Return the view of a write."""
        return cls(
            path=written.path,
            sha=written.blob,
            branch=written.branch,
            commit=written.commit,
            html_url=repository.commit_url(written.commit),
            changed=written.is_changed,
        )


class ProposalView(View):
    """A pull request by number and page."""

    number: int
    html_url: str


class CommittedView(View):
    """What a commit came to."""

    branch: str
    branch_url: str
    commit: str
    html_url: str
    changed: bool
    pull_request: ProposalView | None

    @classmethod
    def of(cls, committed: Committed, repository: Repository) -> "CommittedView":
        """Return the view of a commit."""
        proposal = committed.proposal
        return cls(
            branch=committed.branch,
            branch_url=repository.branch_url(committed.branch),
            commit=committed.commit,
            html_url=repository.commit_url(committed.commit),
            changed=committed.is_changed,
            pull_request=ProposalView(number=proposal.number, html_url=proposal.html_url)
            if proposal
            else None,
        )


class BegunView(View):
    """A job that was begun about an app: ask `pollUrl` how it goes."""

    app_id: str
    job_id: str
    poll_url: str

    @classmethod
    def of(cls, job: Job, platform: Platform) -> Self:
        """Return the view of a new job."""
        return cls(app_id=job.app_id, job_id=job.id, poll_url=f"{platform.url}/api/jobs/{job.id}")
