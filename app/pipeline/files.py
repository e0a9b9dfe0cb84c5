"""Files: one file of an app's repository is listed, read, written or deleted; each write is one commit.

For callers who wait: the code host is asked at once. What many files need at a time is `commit`'s part. A
write looks first and changes only what it found, so that of two writers who know the same file one wins.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Final, NoReturn, TypeVar

from app.domain.apps import App
from app.domain.events import Event, Tag
from app.domain.git import EntryKind, blob_name, check_branch, check_ref
from app.errors import Conflict, InvalidInput, NotFound, PreconditionFailed, RemoteConflict
from app.pipeline.generate import MAXIMUM_FILE_BYTES, check_path
from app.pipeline.reach import repository_of
from app.ports import CodeHost, Entry, FileContent, Listing, Transaction

L = TypeVar("L")
T = TypeVar("T")

ANY: Final = "*"
_LOOKS: Final = 3
_LONGEST_PATH: Final = 4096
_LONGEST_MESSAGE: Final = 10_000
_TOLD_PATHS: Final = 20


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a caller expects at a path: a blob `among` these, and `outside` those; `*` is any blob at all."""

    among: frozenset[str] | None = None
    outside: frozenset[str] = frozenset()

    def is_met_by(self, blob: str | None) -> bool:
        """Tell whether this blob, or the absence of any, is what was expected."""
        if blob is None:
            return self.among is None
        return (self.among is None or bool(self.among & {blob, ANY})) and not self.outside & {blob, ANY}


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file as it is to be; without `content` it is to be deleted. A branch of None is the default one."""

    path: str
    content: bytes | None
    expected: Expectation = Expectation()
    branch: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What a write came to; without `is_changed` everything was so already, at `commit`."""

    path: str
    blob: str | None
    branch: str
    commit: str
    is_changed: bool = True
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class FileList:
    """The files of a commit."""

    commit: str
    listing: Listing


def list_files(app: App, ref: str | None, host: CodeHost) -> FileList:
    """Return everything that a ref holds. Raises NotFound."""
    commit = commit_of(app, ref, host)
    return FileList(commit, host.trees.listing(app.repository_name, commit))


def read_file(app: App, path: str, ref: str | None, host: CodeHost) -> FileContent:
    """Return a file as it is at a ref.

    Raises:
        NotFound: there is no such file, or no such ref.
        Conflict: it is a folder, a link or a submodule.
    """
    _check_readable(path)
    wanted = check_ref(ref or default_branch(app))
    found = host.files.read(app.repository_name, path, wanted)
    if found is None:
        commit_of(app, wanted, host)
        raise NotFound(f"reading {path}: there is no such file at {wanted}", code="file:not-found", path=path)
    if isinstance(found, EntryKind):
        _refuse_kind(path, found)
    return found


def put_file(app: App, change: FileChange, host: CodeHost) -> Written:
    """Make a file hold what `change` says, in one commit, or delete it.

    Raises:
        InvalidInput: path, content or message is not acceptable.
        NotFound: there is no such branch, or no file to delete.
        PreconditionFailed: there is not what the caller expects.
        Conflict: there is a folder, a link or a submodule, or a file where a folder would have to be.
    """
    check_path(change.path)
    _check_size(change)
    return write_on_top(lambda: _look(app, change, host), lambda found: _put(app, change, *found, host))


def write_on_top(look: Callable[[], L], write: Callable[[L], T]) -> T:
    """Write on top of what `look` finds, and look again when a branch moved in between.

    Raises:
        Conflict: it moves every time.
        RemoteConflict: nothing moved, the host refuses for another reason.
    """
    seen: L | None = None
    refusal: RemoteConflict | None = None
    for _ in range(_LOOKS):
        found = look()
        if refusal is not None and found == seen:
            raise refusal
        try:
            return write(found)
        except RemoteConflict as error:
            seen, refusal = found, error
    raise Conflict(
        "writing to a branch: it moves faster than we can follow", code="branch:moving"
    ) from refusal


def default_branch(app: App) -> str:
    """Return the branch that is meant when none is named."""
    return repository_of(app).default_branch


def commit_of(app: App, ref: str | None, host: CodeHost) -> str:
    """Return the commit that a ref, or the default branch, is. Raises NotFound."""
    wanted = check_ref(ref or default_branch(app))
    found = host.trees.commit_of(app.repository_name, wanted)
    if found is None:
        raise NotFound(
            f"looking for {wanted} in {app.name}: no branch, tag or commit is called that",
            code="ref:not-found",
            ref=wanted,
        )
    return found


def branch_head(app: App, branch: str, host: CodeHost) -> str:
    """Return the commit that a branch points at. Raises NotFound."""
    head = host.contents.head(app.repository_name, check_branch(branch))
    if head is None:
        host.trees.commit_of(app.repository_name, branch)  # raises when the repository itself is gone
        raise NotFound(
            f"looking for branch {branch} in {app.name}: there is none",
            code="branch:not-found",
            branch=branch,
        )
    return head


def check_place(path: str, entries: Mapping[str, Entry]) -> None:
    """Let a file be written at a path; `entries` are what stands there and above.

    Raises:
        Conflict: there is no file but something else, or a file where a folder would have to be.
    """
    found = entries.get(path)
    if found is not None and found.kind is not EntryKind.FILE:
        _refuse_kind(path, found.kind)
    for parent in map(str, PurePosixPath(path).parents):
        above = entries.get(parent)
        if above is not None and above.kind is not EntryKind.FOLDER:
            raise Conflict(
                f"writing {path}: {parent} is a {above.kind} and no folder",
                code="file:not-a-folder",
                path=parent,
            )


def check_message(message: str) -> str:
    """Return a commit's message. Raises InvalidInput when it is empty, too long, or no text."""
    text = message.strip()
    if not text or len(text) > _LONGEST_MESSAGE or "\0" in text:
        raise InvalidInput(
            f"reading the message: it has to be text of 1 to {_LONGEST_MESSAGE} characters",
            code="commit:invalid-message",
        )
    return text


def note_commit(
    tx: Transaction, app: App, *, branch: str, commit: str, paths: Sequence[str], actor: str, at: datetime
) -> None:
    """Write down who committed what; only some of many paths are told."""
    told = list(paths[:_TOLD_PATHS])
    payload = {"branch": branch, "commit": commit, "files": len(paths), "paths": told}
    tx.events.append(Event(Tag.FILES_COMMITTED, app.id, actor, at, payload))


def _look(app: App, change: FileChange, host: CodeHost) -> tuple[str, Entry | None]:
    head = branch_head(app, _branch(app, change), host)
    entries = host.trees.entries(app.repository_name, head, [change.path])
    check_place(change.path, entries)
    return head, entries.get(change.path)


def _put(app: App, change: FileChange, head: str, found: Entry | None, host: CodeHost) -> Written:
    """Write once, to what was found."""
    blob = None if change.content is None else blob_name(change.content)
    branch = _branch(app, change)
    # A repeated request finds its own work done: it is answered as the first one would have been.
    if found is not None and found.sha == blob and not change.expected.outside:
        return Written(change.path, blob, branch, head, is_changed=False)
    _check_expected(change, found)
    message = check_message(change.message or _message(change, found))
    name = app.repository_name
    if change.content is None:
        if found is None:
            raise NotFound(f"deleting {change.path}: there is no such file", code="file:not-found")
        commit = host.files.delete(name, branch, change.path, message, blob=found.sha)
        return Written(change.path, None, branch, commit)
    replaces = found.sha if found else None
    commit = host.files.write(name, branch, change.path, change.content, message, replaces=replaces)
    return Written(change.path, blob, branch, commit, is_new=found is None)


def _check_expected(change: FileChange, found: Entry | None) -> None:
    blob = found.sha if found else None
    if not change.expected.is_met_by(blob):
        there = f"blob {blob}" if blob else "no file"
        raise PreconditionFailed(
            f"writing {change.path}: there is {there} by now", path=change.path, blob=blob
        )


def _branch(app: App, change: FileChange) -> str:
    return change.branch or default_branch(app)


def _message(change: FileChange, found: Entry | None) -> str:
    verb = "Delete" if change.content is None else "Change" if found else "Add"
    return f"{verb} {change.path}"


def _check_size(change: FileChange) -> None:
    if change.content is not None and len(change.content) > MAXIMUM_FILE_BYTES:
        raise InvalidInput(
            f"writing {change.path}: it is larger than {MAXIMUM_FILE_BYTES} bytes", code="app:invalid-files"
        )


def _check_readable(path: str) -> None:
    parts = path.split("/")
    is_odd = "\0" in path or any(part in {"", ".", ".."} for part in parts)
    if is_odd or len(path.encode(errors="replace")) > _LONGEST_PATH:
        raise InvalidInput(
            f"reading {path[:80]!r}: no file of a repository can be called that", code="app:invalid-files"
        )


def _refuse_kind(path: str, kind: EntryKind) -> NoReturn:
    raise Conflict(
        f"looking at {path}: it is a {kind} and no file", code="file:not-a-file", path=path, kind=kind
    )
