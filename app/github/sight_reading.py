"""Reading what GitHub's GraphQL API says of one repository; an answer of another shape is no answer.

Pure: nothing is asked here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from app.errors import Malformed, RemoteUnavailable
from app.github.fields import Fields
from app.github.workflow import WORKFLOW_PATH
from app.ports.sights import Asked, Head, SeenPull, SeenRun, Sight, Unseen

_READING: Final = "GitHub's answer"
_NOBODY: Final = "ghost"  # what GitHub calls the author whose account is gone
_RUN_URL: Final = re.compile(r"/actions/runs/(\d{1,18})$")


@dataclass(frozen=True, slots=True)
class PullsPage:
    """Some of a repository's open pull requests; `next_cursor` is None on the last page."""

    pulls: tuple[SeenPull, ...]
    next_cursor: str | None

    def added_to(self, seen: Sight) -> Sight:
        """Return what was seen of the repository, with these; one that is on both pages is not doubled."""
        known = {pull.number: pull for pull in seen.pulls}
        known |= {pull.number: pull for pull in self.pulls}
        return replace(seen, pulls=tuple(known.values()))


def sight(asked: Asked, answer: Any) -> tuple[Sight, PullsPage] | Unseen | None:
    """Return the repository that was asked for; None when another one has its name by now."""
    try:
        fields = _fields(answer)
        if fields.number("databaseId") != asked.repository_id:
            return None
        page = _page(fields.inner("pullRequests"))
        return _sight(asked, fields, page), page
    except Malformed as error:
        return _unread(asked.full_name, error)


def pulls_page(answer: Any, repository_id: int) -> PullsPage | Unseen:
    """Return a further page of a repository's pull requests."""
    try:
        fields = _fields(answer)
        if fields.number("databaseId") != repository_id:
            return Unseen(RemoteUnavailable(f"looking at repository {repository_id}: it was replaced"))
        return _page(fields.inner("pullRequests"))
    except Malformed as error:
        return _unread(f"repository {repository_id}", error)


def _unread(what: str, error: Malformed) -> Unseen:
    return Unseen(RemoteUnavailable(f"looking at {what}: {error.message}"))


def _fields(answer: Any) -> Fields:
    if not isinstance(answer, dict):
        raise Malformed(f"reading {_READING}: the repository is not in it, nor why")
    return Fields(answer, "$", _READING)


def _sight(asked: Asked, fields: Fields, page: PullsPage) -> Sight:
    default = fields.inner_or_none("defaultBranchRef")
    return Sight(
        repository_id=asked.repository_id,
        full_name=fields.text("nameWithOwner"),
        default_branch=default.text("name") if default else None,
        is_archived=fields.flag("isArchived"),
        heads=dict(_heads(asked, fields)),
        pulls=page.pulls,
        files={file: _file(fields, f"f{index}") for index, file in enumerate(asked.files)},
    )


def _heads(asked: Asked, fields: Fields) -> Iterator[tuple[str, Head]]:
    for index, branch in enumerate(asked.branches):
        ref = fields.inner_or_none(f"b{index}")
        if ref is not None:
            commit = ref.inner("target")
            yield branch, Head(commit.text("oid"), _run(commit))


def _file(fields: Fields, name: str) -> str | None:
    found = fields.inner_or_none(name)
    return found.text("oid") if found else None


def _page(pulls: Fields) -> PullsPage:
    place = pulls.inner("pageInfo")
    following = place.text("endCursor") if place.flag("hasNextPage") else None
    return PullsPage(tuple(_pull(it) for it in pulls.each("nodes")), following)


def _pull(fields: Fields) -> SeenPull:
    author, home = fields.inner_or_none("author"), fields.inner_or_none("headRepository")
    return SeenPull(
        number=fields.number("number"),
        title=fields.text("title"),
        html_url=fields.text("url"),
        author=author.text("login") if author else _NOBODY,
        head_branch=fields.text("headRefName"),
        head=_proposed(fields),
        head_repository_id=home.number("databaseId") if home else None,
        is_from_fork=fields.flag("isCrossRepository"),
        updated_at=fields.time("updatedAt"),
    )


def _proposed(pull: Fields) -> Head:
    """Return a pull request's newest commit; its run only if both were read of the same one."""
    head = pull.text("headRefOid")
    newest = [it.inner("commit") for it in pull.inner("commits").each("nodes")]
    runs = [_run(commit) for commit in newest if commit.text("oid") == head]
    return Head(head, runs[0] if runs else None)


def _run(commit: Fields) -> SeenRun | None:
    suites = commit.inner_or_none("checkSuites")
    runs = [run for suite in suites.each("nodes") if (run := _run_of(suite))] if suites else []
    return max(runs, key=lambda run: run.id, default=None)


def _run_of(suite: Fields) -> SeenRun | None:
    """Return the run of our workflow that a check suite stands for.

    Its id is read from its address: GraphQL's numbers have 32 bits, and runs are beyond them.
    """
    run = suite.inner_or_none("workflowRun")
    if run is None or not _is_ours(run):
        return None
    numbered = _RUN_URL.search(run.text("url"))
    if numbered is None:
        return None
    conclusion = suite.text_or_none("conclusion")
    return SeenRun(
        id=int(numbered[1]),
        number=run.number("runNumber"),
        url=run.text("url"),
        status=suite.text("status").lower(),
        conclusion=conclusion.lower() if conclusion else None,
    )


def _is_ours(run: Fields) -> bool:
    file = run.inner_or_none("file")
    if file is not None:
        return file.text("path").partition("@")[0] == WORKFLOW_PATH
    return run.inner("workflow").text("resourcePath").endswith(f"/{WORKFLOW_PATH.rpartition('/')[2]}")
