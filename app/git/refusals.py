"""What git's failures mean, told from its words: only the end of what it said is looked at and passed on."""

import re
from collections.abc import Mapping
from typing import Final

from app.errors import BranchlineError, RemoteConflict, RemoteForbidden, RemoteRefused, RemoteUnavailable
from app.git.process import GitFailed

_LONGEST_REASON: Final = 300
_SOURCE_CODES: Final[Mapping[str, str]] = {
    r"redirect|error: 30[12378]": "import:redirected",
    r"not found|HTTP 404|error: 404|dumb": "import:not-found",
    r"could not read Username|Authentication failed|HTTP 40[13]|error: 40[13]|terminal prompts": (
        "import:not-readable"
    ),
}
# GitHub's own: a file too large, unknown objects of git LFS, a rule or a secret.
# https://docs.github.com/en/get-started/using-git/troubleshooting-the-2-gb-push-limit
_RULES: Final = re.compile(r"GH0\d\d|pre-receive hook declined|exceeds GitHub's file size limit")
_FORBIDDEN: Final = re.compile(
    r"HTTP 40[134]|error: 40[134]|denied|Authentication failed|could not read Username"
)


def of_source(failed: GitFailed, doing: str) -> RemoteRefused:
    """Return what a failure to read elsewhere means; its address, or what is there, has to be changed."""
    if failed.is_too_slow:
        return RemoteRefused(f"{doing}: it took too long", code="import:too-slow")
    if failed.is_too_large:
        return RemoteRefused(f"{doing}: the history is too large", code="import:too-large")
    reason = _reason(failed)
    codes = (code for pattern, code in _SOURCE_CODES.items() if re.search(pattern, failed.output))
    return RemoteRefused(f"{doing}: {reason}", code=next(codes, "import:unreachable"))


def of_ours(failed: GitFailed, doing: str) -> BranchlineError:
    """Return what a failure to read or write a repository of ours means."""
    reason = f"{doing}: {_reason(failed)}"
    if _RULES.search(failed.output):
        return RemoteRefused(reason, code="import:rejected")
    if failed.is_too_large:
        return RemoteRefused(f"{doing}: the history is too large", code="import:too-large")
    if _FORBIDDEN.search(failed.output):
        return RemoteForbidden(reason)
    if "rejected" in failed.output:
        return RemoteConflict(reason)
    return RemoteUnavailable(reason)


def _reason(failed: GitFailed) -> str:
    """Return the sentence that says most: what the other side said, else git's last words."""
    lines = ["".join(c if c.isprintable() else " " for c in it).strip() for it in failed.output.splitlines()]
    said = [it for it in lines if it]
    remote = [it for it in said if it.startswith("remote: ") and _RULES.search(it)]
    fatal = [it for it in said if it.startswith(("fatal: ", "error: "))]
    chosen = (remote or fatal or said or ["git failed"])[0]
    return chosen.removeprefix("remote: ").removeprefix("fatal: ")[:_LONGEST_REASON]
